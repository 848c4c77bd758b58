/** The holder of a lock, in the name of its entry: the same parts as in a temporary file's name, and the lease. */
import { parseOwner, stateOf, thisOwnerInNames, type Owner, type Sign, newRandomName } from './owner.ts';

/** The parts of the name of a lock's entry. */
export interface LockOwner extends Owner {
  readonly kind: 'lock';
  /** Milliseconds without a sign of life after which a holder that cannot be judged counts as dead. */
  readonly lease: number;
  /** Distinguishes one lock from all others. */
  readonly random: string;
  /**
   * For a lock that was taken over: the owner whose transaction is still to be resolved before anybody reads the
   * target.
   */
  readonly resolving: string | undefined;
}

/** An owner, a lease and a random part. */
const form = '[0-9a-z]{8}-[0-9a-z]{1,8}(?:-[0-9a-z]+){8}-[0-9a-z]{20}';
const pattern = new RegExp(`^\\.?untorn-l-(${form})(?:\\.([0-9a-z]{20}))?$`);

/** A new name for the entry of a lock, unique to this lock. */
export function newLockToken(lease: number): string {
  return `untorn-l-${[thisOwnerInNames(), lease.toString(36), newRandomName()].join('-')}`;
}

/** The name of a lock's entry while its taker resolves its old owner's transaction. */
export function resolvingName(token: string, dead: LockOwner): string {
  return `${token}.${dead.resolving ?? dead.random}`;
}

/** The owner in the name of a lock's entry. */
export function parseLockToken(name: string): LockOwner | undefined {
  const found = pattern.exec(name);
  if (found === null) return undefined;
  const parts = (found[1] as string).split('-');
  const [lease, random] = parts.slice(-2) as [string, string];
  return { kind: 'lock', ...parseOwner(parts), lease: Number.parseInt(lease, 36), random, resolving: found[2] };
}

/**
 * Whether the holder of a lock lives. The lock is safe even if the answer is wrong (see lock/lock.ts); it decides who
 * waits, and for how long.
 */
export function judgeLockOwner(owner: LockOwner, lastChangeNs: bigint, exclusive: boolean): Sign {
  const state = stateOf(owner, lastChangeNs, exclusive);
  // Its number may be another process's by now, and a stopped one may never go on: no reason to wait for ever.
  return state === 'hidden' || state === 'stopped' ? 'unknown' : state;
}
