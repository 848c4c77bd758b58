/** Running steps under a lock, and the checks there. */
import { codeOf, WriteError } from '../contract/index.ts';
import type { Steps } from '../system/index.ts';
import {
  stepOf,
  asWriteError,
  failedDuring,
  type LockedOperation,
  assertUnchanged,
  versionConflict,
  type Snapshot,
  type Target,
} from '../files/index.ts';
import { type FileIn, assertHeld, withLock, type Lock, type Dead } from '../lock/index.ts';
import { resolveDead } from './resolve-owner.ts';

/**
 * Takes a lock, runs steps, and releases it, whatever happens in them. A transaction that died with the lock is
 * resolved first.
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
 * The codes that a holder gets when its lock was taken over or removed: its files are gone, or the target is another
 * one by now.
 */
const signs = new Set(['ENOENT', 'ENOTDIR', 'ESTALE', 'ERR_VERSION_CONFLICT']);

/** The error of a holder: whatever failed first, the cause is that it lost its lock. */
function* orLost(operation: LockedOperation, lock: Lock, error: unknown): Steps<unknown> {
  if (operation.outcome !== 'old' || !signs.has(codeOf(error) ?? '')) return error;
  try {
    yield* assertHeld(lock);
    return error;
  } catch (lost) {
    if (codeOf(lost) !== 'ERR_LOCK_LOST') return error;
    // The step at which it was noticed.
    const step = WriteError.isWriteError(error) ? error.step : (stepOf(operation, error) ?? operation.step);
    return asWriteError({ ...operation, step }, Object.assign(lost as Error, { cause: error }));
  }
}

/**
 * Fails if the target does not have the expected version, and registers the check that it stays the same up to the
 * rename.
 */
export function expectVersion(operation: LockedOperation, target: Target, seen: Snapshot): void {
  const { ifMatch } = operation.settings;
  if (ifMatch !== undefined && ifMatch !== seen.version)
    throw failedDuring(operation, 'read', versionConflict(seen.version, ifMatch));
  operation.locking.check = (time) => assertUnchanged(operation, target, seen, time);
}
