/** What happens under a lock, and what is made sure of there. */
import { together, type Steps } from '../system/calls.ts';
import { settleDead } from './dead.ts';
import { assertHeld, withLock, type Lock, type LockPlace } from './lock.ts';
import type { Place } from './place.ts';
import { assertUnchanged, versionConflict, type Seen } from './seen.ts';
import type { LockedWrite } from './write.ts';

/** Takes a lock, runs steps, and gives it back, whatever happens in them. A transaction that died with the lock is brought to its end first. */
export function* underLock<T>(write: LockedWrite, place: LockPlace, steps: (lock: Lock) => Steps<T>): Steps<T> {
  return yield* withLock(write, place, { ...write.locking, settle: (dead) => settleDead(write, place, dead) }, steps);
}

/** Fails if the target does not hold the version that was asked for; and sees to it that it must hold what was seen up to the rename. */
export function expectVersion(write: LockedWrite, lock: Lock, place: Place, seen: Seen): void {
  const { ifMatch } = write.settings;
  if (ifMatch !== undefined && ifMatch !== seen.version) throw versionConflict(seen.version, ifMatch);
  write.locking.check = (time) => together(assertHeld(lock), assertUnchanged(write, place, seen, time));
}
