/**
 * Removing a file.
 *
 * Promise: the file is there, whole, or it is gone; and once the call has returned with durability `'full'`, it is gone
 * after a power cut too. With `ifMatch` only the expected version is removed, under the file's lock: the file is renamed
 * into the lock's entry, which fails if another process has taken the lock over, and is removed there. See unlink(2),
 * fsync(2).
 */
import {
  codeOf,
  flag,
  join,
  misuse,
  refusal,
  type PathLike,
  type PathName,
  type WriteOptions,
} from '../contract/index.ts';
import { call, runAsync, runSync, targetPath, uninterrupted, type FileStatus, type Steps } from '../system/index.ts';
import {
  afterFailure,
  assertUnchanged,
  during,
  isLocked,
  isSame,
  lookAt,
  newName,
  refuseReadOnly,
  throwIfAborted,
  timeIn,
  versionInPlace,
  whileBusy,
  type LockedOperation,
  type Operation,
  type Target,
} from '../files/index.ts';
import { expectVersion, underLock } from '../journal/index.ts';
import { lockLost, type Lock } from '../lock/index.ts';
import { commitName, confirmDone, giveWay, newCall, onName, readNameOptions, type Name, type Newer } from './name.ts';

/** Options of a removal. */
export interface RemoveOptions extends Pick<
  WriteOptions,
  'durability' | 'signal' | 'ifMatch' | 'lock' | 'retry' | 'linger' | 'filesystem'
> {
  /** Accept that the file does not exist. @default false */
  force?: boolean | undefined;
}

/** What a removal did. */
export interface RemoveResult {
  readonly path: PathName;
  /** Whether there was a file. */
  readonly removed: boolean;
  /** Whether a newer call of this process has put a file there already, which stays. */
  readonly superseded: boolean;
  /** Whether the removal survives a power cut: confirmed, not asked for, or impossible on this filesystem. */
  readonly durable: boolean | 'unsupported';
}

/**
 * Removes the file at `path`, or the symbolic link (not what the link leads to).
 *
 * Once the promise has resolved with `durability: 'full'`, the default, the file does not come back after a power cut:
 * its directory is synced. With `'normal'` and `'off'` nothing is synced. With `ifMatch` the file is removed under its
 * lock, and only if it has that version. A missing file is an error unless `force` is given; with `force` the directory
 * is synced all the same, since whoever removed the file may not have done so. Directories are refused.
 *
 * Of the unawaited calls for one file the last one wins: an earlier {@link writeFile} does not come after the removal.
 * Not kept: other hard links to the file still have its content. See unlink(2), fsync(2).
 *
 * @see docs/verbs.md
 * @throws {WriteError} by rejecting, with the codes `ENOENT`, `EISDIR`, `ERR_VERSION_CONFLICT`, `ERR_LOCK_TIMEOUT` or
 * those of the system; `outcome` is `'old'` if the file is still there, and `'new'` if it is gone.
 * @throws {TypeError | RangeError} by rejecting, for wrong arguments, before anything is touched.
 * @example Remove a file, if it exists
 * ```ts
 * const { removed } = await remove('active.json', { force: true });
 * ```
 */
export async function remove(path: PathLike, options?: RemoveOptions | null): Promise<RemoveResult> {
  return runAsync(removing(path, options, false));
}

/**
 * Removes the file at `path`, like {@link remove}, and blocks until it is done.
 *
 * It comes after every earlier call: a {@link writeFile} that is still under way no longer makes the file.
 *
 * @throws as {@link remove}; `ERR_LOCK_DEADLOCK` with `ifMatch`, if an earlier call for this file is still under way.
 * @example Remove a file, if it exists
 * ```ts
 * removeSync('active.json', { force: true });
 * ```
 */
export function removeSync(path: PathLike, options?: RemoveOptions | null): RemoveResult {
  return runSync(removing(path, options, true));
}

/** The steps of a removal. */
export function removing(
  path: PathLike,
  options: RemoveOptions | null | undefined,
  blocking: boolean,
): Steps<RemoveResult> {
  const { settings, fields } = readNameOptions(
    options,
    ['durability', 'signal', 'ifMatch', 'lock', 'retry', 'linger', 'filesystem'],
    ['force'],
  );
  const force = flag(fields, 'force', false);
  if (settings.ifMatch === 'absent')
    throw misuse('ERR_INVALID_ARG_VALUE', `"options.ifMatch" must be a version here: a missing file cannot be removed`);
  const started = newCall(targetPath(path), settings, { operation: 'remove' }, blocking);
  return onName(started, (name) => removeName(name, force));
}

function* removeName(name: Name, force: boolean): Steps<RemoveResult> {
  const { operation, target } = name;
  refuseReadOnly(operation, target);
  if (isLocked(operation)) {
    yield* underLock(operation, target, (lock) => removeMatching({ ...name, operation }, lock));
    return yield* confirmed(name, true);
  }
  if (target.existing === undefined && !force) throw refusal('ENOENT', 'there is no such file');
  throwIfAborted(operation, 'remove');
  const removed = yield* during(
    operation,
    'remove',
    whileBusy(operation, () => uninterrupted(removeNow(name)), target.directory),
  );
  if (typeof removed === 'boolean') return yield* confirmed(name, removed);
  return { path: operation.path, removed: false, superseded: true, durable: yield* giveWay(name, removed) };
}

function* confirmed(name: Name, removed: boolean): Steps<RemoveResult> {
  const durable = yield* confirmDone(name);
  return { path: name.operation.path, removed, superseded: false, durable };
}

/** Removes it, unless newer content of this process is there. Returns whether there was a file. */
function* removeNow(name: Name): Steps<boolean | Newer> {
  const { operation, turn, target } = name;
  const newer = turn.newer(target);
  if (newer !== undefined) return newer;
  const other = yield* turn.finishOther(target);
  const isGone = yield* isRemoved(operation, target);
  commitName(name);
  return !isGone || target.existing !== undefined || other !== undefined;
}

/** Removes the name; false if it was there. A filesystem may report an error for a removal that took place. */
function* isRemoved(operation: Operation, target: Target): Steps<boolean> {
  try {
    yield* call.unlink(target.accessPath);
    return false;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return true;
    let left;
    try {
      left = yield* lookAt(target);
    } catch {
      operation.outcome = 'unknown';
      throw error;
    }
    if (left !== undefined) throw error;
    return false;
  }
}

/** A name whose lock is held. */
interface LockedName extends Name {
  readonly operation: LockedOperation;
}

function* removeMatching(name: LockedName, lock: Lock): Steps<void> {
  const { operation, target } = name;
  const seen = yield* versionInPlace(operation, target);
  expectVersion(operation, target, seen);
  const before = yield* lookAt(target);
  yield* during(operation, 'read', assertUnchanged(operation, target, seen, yield* timeIn(operation, lock.folder)));
  throwIfAborted(operation, 'read');
  yield* during(
    operation,
    'remove',
    whileBusy(operation, () => uninterrupted(moveAway(name, before, lock)), target.directory),
  );
}

/** Moves the file into the lock's entry, and removes it there. */
function* moveAway(name: LockedName, before: FileStatus | undefined, { folder }: Lock): Steps<void> {
  const { operation, target } = name;
  if (!isSame(yield* lookAt(target), before))
    throw refusal('ERR_VERSION_CONFLICT', 'somebody else has just changed it');
  const aside = newName(operation, target.name, 'temporary');
  const way = join(folder.way ?? folder.directory.accessPath, aside);
  const guard = operation.environment.guard('file', way, join(folder.directoryPath, aside));
  guard.opened();
  try {
    yield* call.rename(target.accessPath, way);
  } catch (error) {
    const isLeft = (yield* lookAt(target)) !== undefined;
    // A network filesystem may report an error for a rename that took place.
    if (isLeft || (yield* lookAt({ accessPath: way })) === undefined) {
      guard.release();
      // Whoever takes over a lock takes its entry away.
      throw isLeft && codeOf(error) === 'ENOENT' ? lockLost(error) : error;
    }
  }
  commitName(name);
  if (yield* afterFailure(call.unlink(way))) guard.release();
}
