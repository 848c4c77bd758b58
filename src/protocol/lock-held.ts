/** What happens under a lock, and what is made sure of there. */
import { codeOf } from '../errors.ts';
import type { Steps } from '../system/calls.ts';
import { settleDead } from './dead.ts';
import type { LockPlace } from './lock-home.ts';
import { assertHeld, withLock, type Lock } from './lock.ts';
import type { Place } from './place.ts';
import { assertUnchanged, versionConflict, type Seen } from './seen.ts';
import type { Dead } from './takeover.ts';
import type { LockedWrite } from './write.ts';

/** Takes a lock, runs steps, and gives it back, whatever happens in them. A transaction that died with the lock is brought to its end first. */
export function* underLock<T>(write: LockedWrite, place: LockPlace, steps: (lock: Lock) => Steps<T>): Steps<T> {
  const request = { ...write.locking, settle: (dead: Dead) => settleDead(write, place, dead) };
  return yield* withLock(write, place, request, function* (lock) {
    write.locking.folder = lock.folder;
    return yield* steps(lock);
  });
}

/** Fails if the target does not hold the version that was asked for; and sees to it that it must hold what was seen up to the rename. */
export function expectVersion(write: LockedWrite, lock: Lock, place: Place, seen: Seen): void {
  const { ifMatch } = write.settings;
  if (ifMatch !== undefined && ifMatch !== seen.version) throw versionConflict(seen.version, ifMatch);
  write.locking.check = (time) => assertStill(write, lock, place, seen, time);
}

/** Who took over from a holder that came back late may have changed the target: then the lock is what was lost. */
function* assertStill(write: LockedWrite, lock: Lock, place: Place, seen: Seen, time: bigint | undefined): Steps<void> {
  try {
    yield* assertUnchanged(write, place, seen, time);
  } catch (error) {
    if (codeOf(error) === 'ERR_VERSION_CONFLICT') yield* assertHeld(lock);
    throw error;
  }
}
