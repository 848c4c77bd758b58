/** What happens under a lock, and what is made sure of there. */
import { together, type Steps } from '../system/calls.ts';
import { assertHeld, releaseLock, takeLock, type Lock } from './lock.ts';
import type { Place } from './place.ts';
import { assertUnchanged, versionConflict, type Seen } from './seen.ts';
import { afterFailure } from './temporary.ts';
import type { LockedWrite } from './write.ts';

/** Takes the lock of the target, runs steps, and gives it back, whatever happens in them. */
export function* underLock<T>(write: LockedWrite, place: Place, steps: (lock: Lock) => Steps<T>): Steps<T> {
  const lock = yield* takeLock(write, place, write.locking);
  let result;
  try {
    result = yield* steps(lock);
  } catch (error) {
    yield* afterFailure(releaseLock(write, lock));
    throw error;
  }
  write.step = 'unlock';
  yield* releaseLock(write, lock);
  return result;
}

/** Fails if the target does not hold the version that was asked for; and sees to it that it must hold what was seen up to the rename. */
export function expectVersion(write: LockedWrite, lock: Lock, place: Place, seen: Seen): void {
  const { ifMatch } = write.settings;
  if (ifMatch !== undefined && ifMatch !== seen.version) throw versionConflict(seen.version);
  write.locking.check = () => together(assertHeld(lock), assertUnchanged(write, place, seen));
}
