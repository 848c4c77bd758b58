/**
 * Who holds a lock, said in the name of its entry: what a temporary file's name says, and for how long it is believed.
 */
import { parseOwner, stateOf, thisOwnerInNames, type Owner, type Sign } from './owner.ts';
import { newRandomName } from './random.ts';

/** The parts of the name of a lock's entry. */
export interface LockOwner extends Owner {
  readonly kind: 'lock';
  /** Milliseconds without a sign of life after which a holder that cannot be judged counts as dead. */
  readonly lease: number;
  /** Tells one lock from all others. */
  readonly random: string;
  /** Of a lock that was taken over: whose files are still to be put right before anybody reads the target. */
  readonly resolving: string | undefined;
}

/** An owner, a lease and a random part. */
const form = '[0-9a-z]{8}-[0-9a-z]{1,8}(?:-[0-9a-z]+){8}-[0-9a-z]{20}';
const pattern = new RegExp(`^\\.?untorn-l-(${form})(?:\\.([0-9a-z]{20}))?$`);

/** A new name for the entry of a lock, which only one lock of all ever has. */
export function newLockToken(lease: number): string {
  return `untorn-l-${[thisOwnerInNames(), lease.toString(36), newRandomName()].join('-')}`;
}

/** The name that a lock's entry has while who took it over puts right what its owner left. */
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
 * Whether the holder of a lock lives. What is said of it need not be true for the lock to be safe (see lock/lock.ts);
 * it decides who waits, and for how long.
 */
export function judgeLockOwner(owner: LockOwner, lastChangeNs: bigint, exclusive: boolean): Sign {
  const state = stateOf(owner, lastChangeNs, exclusive);
  // Its number may be another process's by now, and one that is stopped may never go on: nothing to wait for without
  // end.
  return state === 'hidden' || state === 'stopped' ? 'unknown' : state;
}
