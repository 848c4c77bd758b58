/** What happens under a lock, and what is made sure of there. */
import { codeOf, WriteError } from '../contract/errors.ts';
import type { Steps } from '../system/port.ts';
import { asWriteError, type LockedWrite } from '../files/operation.ts';
import { assertUnchanged, versionConflict, type Seen } from '../files/snapshot.ts';
import type { Place } from '../files/target.ts';
import type { LockPlace } from '../lock/home.ts';
import { assertHeld, withLock, type Lock } from '../lock/lock.ts';
import type { Dead } from '../lock/takeover.ts';
import { settleDead } from './resolve-owner.ts';

/**
 * Takes a lock, runs steps, and gives it back, whatever happens in them. A transaction that died with the lock is
 * brought to its end first.
 */
export function* underLock<T>(write: LockedWrite, place: LockPlace, steps: (lock: Lock) => Steps<T>): Steps<T> {
  const request = { ...write.locking, settle: (dead: Dead) => settleDead(write, place, dead) };
  return yield* withLock(write, place, request, function* (lock) {
    write.locking.folder = lock.folder;
    try {
      return yield* steps(lock);
    } catch (error) {
      throw yield* orLost(write, lock, error);
    }
  });
}

/**
 * What a holder meets whose lock was taken over or removed: what it made is gone, or the target is another one by now.
 */
const signs = new Set(['ENOENT', 'ENOTDIR', 'ESTALE', 'ERR_VERSION_CONFLICT']);

/** The error of a holder: whatever failed first, that it lost its lock is why. */
function* orLost(write: LockedWrite, lock: Lock, error: unknown): Steps<unknown> {
  if (write.outcome !== 'old' || !signs.has(codeOf(error) ?? '')) return error;
  try {
    yield* assertHeld(lock);
    return error;
  } catch (lost) {
    if (codeOf(lost) !== 'ERR_LOCK_LOST') return error;
    // At the step at which it was noticed.
    if (WriteError.isWriteError(error)) write.step = error.step;
    return asWriteError(write, Object.assign(lost as Error, { cause: error }));
  }
}

/**
 * Fails if the target does not hold the version that was asked for; and sees to it that it must hold what was seen up
 * to the rename.
 */
export function expectVersion(write: LockedWrite, place: Place, seen: Seen): void {
  const { ifMatch } = write.settings;
  if (ifMatch !== undefined && ifMatch !== seen.version) throw versionConflict(seen.version, ifMatch);
  write.locking.check = (time) => assertUnchanged(write, place, seen, time);
}
