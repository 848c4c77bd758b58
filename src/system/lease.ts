/**
 * Leases of other programs (fcntl(2), F_SETLEASE), such as servers of SMB and NFS take for their clients. If an open is
 * in conflict with one, the kernel asks its holder to give it up, and takes it away in the end. An ordinary open waits
 * for that. Those of this package fail with EAGAIN meanwhile, since none of them may wait for the other end of a FIFO
 * (O_NONBLOCK). So the drivers repeat them, each in its way. Uninterrupted steps of an asynchronous call fail: what they
 * do is left to steps that other threads perform.
 */
import { readFileSync } from 'node:fs';
import { codeOf } from '../contract/index.ts';
import { now } from './globals.ts';
import { isSynchronous, opensFirst, type SyncSystem } from './port.ts';

/** Whether the open of a file failed because of a lease. */
function isLeased(error: unknown): boolean {
  return codeOf(error) === 'EAGAIN' && (error as { readonly syscall?: unknown }).syscall === 'open';
}

/** Whether uninterrupted steps failed because of a lease, and steps of other threads would wait for its end. */
export function waitsElsewhere(error: unknown): boolean {
  return isLeased(error) && !isSynchronous();
}

/** The longest pause between attempts, in milliseconds; the first pauses are shorter. */
const longestPause = 100;

/** The attempts to open a file. */
export class Lease {
  #deadline: number | undefined;
  #pause = 1;

  /** The milliseconds until the next attempt; undefined if the last one failed otherwise, or there was time enough. */
  pauseAfter(error: unknown): number | undefined {
    if (!isLeased(error)) return undefined;
    this.#deadline ??= now() + patience();
    if (now() >= this.#deadline) return undefined;
    const pause = this.#pause;
    this.#pause = Math.min(2 * pause, longestPause);
    return pause;
  }
}

/** Milliseconds that a lease can last once it is to be given up, and some more (proc(5), lease-break-time). */
function patience(): number {
  let seconds = 0;
  try {
    seconds = Number(readFileSync('/proc/sys/fs/lease-break-time', 'utf8'));
  } catch {
    // No /proc.
  }
  return (seconds > 0 ? seconds : 45) * 1000 + 5000;
}

/** The same calls, with opens that wait for the end of a lease, blocking. */
export function waitingForLeases(system: SyncSystem): SyncSystem {
  const { chain } = system;
  const open: SyncSystem['open'] = (path, flags, mode) => {
    const lease = new Lease();
    for (;;) {
      try {
        return system.open(path, flags, mode);
      } catch (error) {
        const pause = lease.pauseAfter(error);
        if (pause === undefined) throw error;
        system.sleep(pause);
      }
    }
  };
  if (chain === undefined) return { ...system, open };
  return {
    ...system,
    open,
    chain(links) {
      const lease = new Lease();
      for (;;) {
        const outcome = chain(links);
        const { results, error } = outcome;
        const pause = results.length === opensFirst(links) ? lease.pauseAfter(error) : undefined;
        if (pause === undefined) return outcome;
        system.sleep(pause);
      }
    },
  };
}
