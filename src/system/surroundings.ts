import { close, closeSync, lstatSync, lutimes, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PathName } from '../path.ts';
import type { Surroundings } from './calls.ts';
import { guard } from './exit-cleanup.ts';
import { judgeLockOwner, newLockToken } from './lock-owner.ts';
import { newToken } from './owner.ts';

/** Node's --permission and Deno's permissions know path names only. */
const byPathOnly = (process as { permission?: unknown }).permission !== undefined || 'Deno' in globalThis;

let procDescriptors: boolean | undefined;

/** Whether `/proc/self/fd` is there; a chroot may lack it. */
function hasProcDescriptors(): boolean {
  if (process.platform !== 'linux' || byPathOnly) return false;
  try {
    return lstatSync('/proc/self/fd').isDirectory();
  } catch {
    return false; // No /proc: directories are then reached by their paths.
  }
}

/** process.umask() sets it to read it, for all threads; the kernel also just tells (proc(5)). */
function readUmask(): number {
  try {
    const line = /^Umask:\s*([0-7]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    if (line !== undefined) return Number.parseInt(line, 8);
  } catch {
    // No /proc.
  }
  // oxlint-disable-next-line typescript/no-deprecated -- there is no other way without /proc
  return process.umask();
}

/** How many descriptors may be open for another thread to close. */
const maximumOpen = 16;
/** How many closes may not have been heard of: a loop of synchronous calls never hears of one, and each takes a kilobyte. */
const maximumUnheard = 4096;
/** Descriptors that were handed over, with how many closes of each are not heard of. One whose number comes again was closed. */
const handedOver = new Map<number, number>();
let unheard = 0;
let handsOver: boolean | undefined;

/** What a worker has handed over when it calls process.exit() stays open for as long as the process lives. */
function mayHandOver(): boolean {
  handsOver ??= process.getBuiltinModule('node:worker_threads').isMainThread;
  return handsOver;
}

/** The last close of a replaced file frees its blocks, which can take longer than all the rest: another thread does it. */
function release(fd: number, where: 'here' | 'elsewhere'): void {
  const closes = handedOver.get(fd) ?? 0;
  // Nothing was written through it: there is no error to hear of but that it is closed.
  if (where === 'here' || !mayHandOver() || unheard >= maximumUnheard || (closes === 0 && handedOver.size >= maximumOpen)) {
    try {
      closeSync(fd);
    } catch {
      // The file may be in place already; it is closed all the same (close(2)).
    }
    return;
  }
  unheard++;
  handedOver.set(fd, closes + 1);
  close(fd, () => heardOfClose(fd));
}

function heardOfClose(fd: number): void {
  unheard--;
  const closes = handedOver.get(fd) ?? 1;
  if (closes === 1) handedOver.delete(fd);
  else handedOver.set(fd, closes - 1);
}

/** A lock that is lost meanwhile is noticed when it is used. */
function showLife(entry: PathName, interval: number): () => void {
  const timer = setInterval(() => lutimes(entry, new Date(), new Date(), () => undefined), interval);
  timer.unref();
  return () => clearInterval(timer);
}

export const surroundings: Surroundings = {
  platform: process.platform,
  descriptorsRestricted: (process as { permission?: unknown }).permission !== undefined,
  get uid() {
    return process.geteuid?.();
  },
  reach(directory: number, path: PathName): PathName {
    procDescriptors ??= hasProcDescriptors();
    return procDescriptors ? `/proc/self/fd/${directory}` : path;
  },
  umask: readUmask,
  release,
  soon: (callback) => void setImmediate(callback),
  token: newToken,
  guard,
  locks: new Map(),
  lockToken: newLockToken,
  judge: judgeLockOwner,
  showLife,
  stateDirectories() {
    const { homedir, tmpdir } = process.getBuiltinModule('node:os');
    const state = process.env['XDG_STATE_HOME'];
    return [
      ...(state !== undefined && state.startsWith('/') ? [join(state, 'untorn')] : []),
      join(homedir(), '.local', 'state', 'untorn'),
      join(tmpdir(), `untorn-${process.geteuid?.() ?? 'user'}`),
    ];
  },
};
