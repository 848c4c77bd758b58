/** What the system tells of its processes and threads (proc(5)). */
import { readFileSync, readlinkSync } from 'node:fs';
import { codeOf } from '../contract/index.ts';

/** When a process or thread started, in the system's own unit, and its state. */
export interface Started {
  readonly start: string;
  readonly state: string;
  /** Whether it is on its way out, and does nothing of its own any more. */
  readonly isExiting: boolean;
}

/** Of the flags in sched.h. */
const PF_EXITING = 4;

/**
 * Of a process of this pid namespace, or of a thread of it; undefined where there is none or the system does not say.
 */
export function startOf(pid: number | 'self', thread?: number): Started | undefined {
  const stat = readOr(`/proc/${pid}/${thread === undefined ? '' : `task/${thread}/`}stat`);
  // The command name, in parentheses, may hold anything; the state is the third field, the flags are the ninth, the
  // start is the 22nd.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state = '', flags, start] = [fields[0], fields[6], fields[19]];
  if (start === undefined || start === '') return undefined;
  return { start: BigInt(start).toString(36), state, isExiting: (Number(flags) & PF_EXITING) !== 0 };
}

/** Whether it has ended: one that was killed and that nobody has waited for is there, and dead. */
export function hasEnded({ state }: Started): boolean {
  return state === 'Z' || state === 'X';
}

/** By a signal, or by who traces it. */
export function isStopped({ state }: Started): boolean {
  return state === 'T' || state === 't';
}

export function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'; // EPERM: it is there, and not ours.
  }
}

/** What a link of /proc says; nothing where the system has none. */
export function linkOr(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** What a file of the system's says; nothing where it has none. */
export function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    // Without descriptors nothing is known of this process either, and its files would pass for somebody else's.
    if (['EMFILE', 'ENFILE'].includes(codeOf(error) ?? '')) throw error;
    return ''; // Not Linux, no /proc, or no such process: all mean "not known".
  }
}
