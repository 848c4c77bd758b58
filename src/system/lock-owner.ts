/**
 * Who holds a lock, said in the name of its entry: what a temporary file's name says, and the thread, since a worker thread
 * can end before its process does.
 */
import { judge, linkOr, newRandomName, startOf, thisOwner, thisOwnerInNames, type Owner } from './owner.ts';

/** The parts of the name of a lock's entry. */
export interface LockOwner extends Owner {
  readonly kind: 'lock';
  /** The thread's number; `'0'` where the system does not say. */
  readonly thread: string;
  /** When the thread started. */
  readonly threadStart: string;
  /** Milliseconds without a sign of life after which a holder that cannot be judged counts as dead. */
  readonly lease: number;
  /** Tells one lock from all others; its temporary files have it in their names. */
  readonly random: string;
  /** Of a lock that was taken over: whose files are still to be put right before anybody reads the target. */
  readonly settling: string | undefined;
}

/** What can be seen of a holder: it runs; it has ended; or it may be either, as one that is stopped or out of sight. */
export type Sign = 'alive' | 'dead' | 'unknown';

const pattern =
  /^\.?untorn-l-([0-9a-z]{8})-([0-9a-z]{1,8})-([0-9a-z]+)-([0-9a-z]+)-([0-9a-z]+)-([0-9a-z]+)-([0-9a-z]+)-([0-9a-z]+)-([0-9a-z]{20})(?:\.([0-9a-z]{20}))?$/;

let thread: { id: string; start: string } | undefined;

/** A new name for the entry of a lock, which only one lock of all ever has. */
export function newLockToken(lease: number): string {
  thread ??= thisThread();
  return `untorn-l-${[thisOwnerInNames(), thread.id, thread.start, lease.toString(36), newRandomName()].join('-')}`;
}

/** What tells a lock from all others. */
export function randomOf(token: string): string {
  return token.slice(-20);
}

/** The name that a lock's entry has while who took it over puts right what its owner left. */
export function settlingName(token: string, dead: LockOwner): string {
  return `${token}.${dead.settling ?? dead.random}`;
}

/** The owner in the name of a lock's entry, or of the directory in which it was prepared. */
export function parseLockToken(name: string): LockOwner | undefined {
  const found = pattern.exec(name);
  if (found === null) return undefined;
  const [, host, boot, namespace, pid, start, thread, threadStart, lease, random] = found as unknown as string[] & { length: 11 };
  return {
    kind: 'lock',
    host: host as string,
    boot: boot as string,
    namespace: namespace as string,
    pid: Number.parseInt(pid as string, 36),
    start: start as string,
    thread: thread as string,
    threadStart: threadStart as string,
    lease: Number.parseInt(lease as string, 36),
    random: random as string,
    settling: found[10],
  };
}

/**
 * Whether the holder of a lock lives. What is said of it need not be true for the lock to be safe (see protocol/lock.ts);
 * it decides who waits, and for how long.
 */
export function judgeLockOwner(owner: LockOwner, lastChangeNs: bigint): Sign {
  const verdict = judge(owner, lastChangeNs);
  if (verdict !== 'alive') return verdict;
  // Its number may be another process's by now: nothing to wait for without end.
  if (owner.start === '0' || startOf(owner.pid)?.start !== owner.start) return 'unknown';
  if (owner.thread === '0') return startOf(owner.pid)?.state === 'T' ? 'unknown' : 'alive';
  const found = startOf(owner.pid, owner.thread);
  if (found === undefined || found.start !== owner.threadStart || found.state === 'Z' || found.state === 'X') return 'dead';
  return found.state === 'T' || found.state === 't' ? 'unknown' : 'alive';
}

/** The thread that runs this code (proc(5)). */
function thisThread(): { id: string; start: string } {
  const none = { id: '0', start: '0' };
  if (thisOwner().start === '0') return none;
  const id = /\/task\/(\d+)$/.exec(linkOr('/proc/thread-self'))?.[1];
  const start = id === undefined ? undefined : startOf('self', id)?.start;
  return id === undefined || start === undefined ? none : { id, start };
}
