/** What happens under a lock, and what is made sure of there. */
import { codeOf, WriteError } from '../contract/index.ts';
import type { Steps } from '../system/index.ts';
import {
  asWriteError,
  type LockedOperation,
  assertUnchanged,
  versionConflict,
  type Snapshot,
  type Target,
} from '../files/index.ts';
import { type FileIn, assertHeld, withLock, type Lock, type Dead } from '../lock/index.ts';
import { resolveDead } from './resolve-owner.ts';

/**
 * Takes a lock, runs steps, and gives it back, whatever happens in them. A transaction that died with the lock is
 * brought to its end first.
 */
export function* underLock<T>(operation: LockedOperation, target: FileIn, steps: (lock: Lock) => Steps<T>): Steps<T> {
  const request = { ...operation.locking, resolve: (dead: Dead) => resolveDead(operation, target, dead) };
  return yield* withLock(operation, target, request, function* (lock) {
    operation.locking.folder = lock.folder;
    try {
      return yield* steps(lock);
    } catch (error) {
      throw yield* orLost(operation, lock, error);
    }
  });
}

/**
 * What a holder meets whose lock was taken over or removed: what it made is gone, or the target is another one by now.
 */
const signs = new Set(['ENOENT', 'ENOTDIR', 'ESTALE', 'ERR_VERSION_CONFLICT']);

/** The error of a holder: whatever failed first, that it lost its lock is why. */
function* orLost(operation: LockedOperation, lock: Lock, error: unknown): Steps<unknown> {
  if (operation.outcome !== 'old' || !signs.has(codeOf(error) ?? '')) return error;
  try {
    yield* assertHeld(lock);
    return error;
  } catch (lost) {
    if (codeOf(lost) !== 'ERR_LOCK_LOST') return error;
    // At the step at which it was noticed.
    if (WriteError.isWriteError(error)) operation.step = error.step;
    return asWriteError(operation, Object.assign(lost as Error, { cause: error }));
  }
}

/**
 * Fails if the target does not hold the version that was asked for; and sees to it that it must hold what was seen up
 * to the rename.
 */
export function expectVersion(operation: LockedOperation, target: Target, seen: Snapshot): void {
  const { ifMatch } = operation.settings;
  if (ifMatch !== undefined && ifMatch !== seen.version) throw versionConflict(seen.version, ifMatch);
  operation.locking.check = (time) => assertUnchanged(operation, target, seen, time);
}
