/** Facts about processes and threads from the system (proc(5)). */
import { readFileSync, readlinkSync } from 'node:fs';
import { isShortage } from '../contract/index.ts';
import { byPathOnly } from './globals.ts';

/** When a process or thread started, in the system's own unit, and its state. */
export interface Started {
  readonly start: string;
  readonly state: string;
  /** Whether it is exiting, and does nothing of its own any more. */
  readonly isExiting: boolean;
}

/** One of the flags in sched.h. */
const PF_EXITING = 4;

/**
 * The start of a process of this pid namespace, or of a thread of it; undefined if there is none or the system does not
 * tell.
 */
export function startOf(pid: number | 'self', thread?: number): Started | undefined {
  const stat = readOr(`/proc/${pid}/${thread === undefined ? '' : `task/${thread}/`}stat`);
  // The command name, in parentheses, may contain anything; the state is the third field, the flags are the ninth, the
  // start is the 22nd.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state = '', flags, start] = [fields[0], fields[6], fields[19]];
  if (start === undefined || start === '') return undefined;
  return { start: BigInt(start).toString(36), state, isExiting: (Number(flags) & PF_EXITING) !== 0 };
}

/** Whether it has ended: a killed process that nobody has waited for still exists, and is dead. */
export function hasEnded({ state }: Started): boolean {
  return state === 'Z' || state === 'X';
}

/** By a signal, or by its tracer. */
export function isStopped({ state }: Started): boolean {
  return state === 'T' || state === 't';
}

export function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'; // EPERM: it exists, and is not ours.
  }
}

/** The text of a link of /proc; empty if the system has none. */
export function linkOr(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** The content of a file of the system; empty if it has none. */
export function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    // Without descriptors nothing is known of this process either, and its files would pass for somebody else's.
    if (isShortage(error)) throw error;
    return ''; // Not Linux, no /proc, or no such process: all mean "not known".
  }
}

let isMain: boolean | undefined;

/** Whether this is the main thread of the program, and not a worker. */
export function isMainThread(): boolean {
  // Node loads thirty modules to answer this. proc(5) names the current thread, and the main thread has the process's
  // ID.
  isMain ??=
    (!byPathOnly && linkOr('/proc/thread-self') === `${process.pid}/task/${process.pid}`) ||
    process.getBuiltinModule('node:worker_threads').isMainThread;
  return isMain;
}

/** The command line of a process of this pid namespace; empty if the system does not tell. */
export function commandOf(pid: number): string {
  return readOr(`/proc/${pid}/cmdline`).split('\0').join(' ').trim();
}

/** Numbers of capabilities (capabilities(7)). */
const capabilities = { chown: 0n, fowner: 3n } as const;

/** Whether this process may do what a capability permits. */
export function mayDo(what: keyof typeof capabilities): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readOr('/proc/self/status'))?.[1];
  if (effective === undefined) return process.geteuid?.() === 0;
  return (BigInt(`0x${effective}`) & (1n << capabilities[what])) !== 0n;
}
