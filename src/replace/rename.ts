/** The moment of truth: one system call that puts the new file into place, and what to think if it fails. */
import { codeOf, refusal, type NotKept } from '../contract/index.ts';
import {
  chain,
  type Chained,
  type Link,
  uninterrupted,
  call,
  lastChange,
  concurrently,
  type FileStatus,
  type Steps,
} from '../system/index.ts';
import {
  mayBeBusy,
  whileBusy,
  lookAt,
  type Operation,
  assertInPlace,
  othersRename,
  isSame,
  assertStillThere,
  type Target,
  discardTemporary,
  endHold,
  forgetTemporary,
  type TemporaryFile,
  afterFailure,
  unlinkIfThere,
} from '../files/index.ts';
import { lockLost } from '../lock/index.ts';
import { Committed, type RenameUnderWay, type Turn } from '../order/index.ts';
import { writeInPlace } from './in-place.ts';
import type { Staged } from './stage.ts';

export interface Renamed {
  /** Newer content that came first; then this was not renamed. */
  readonly newer?: Committed;
  /** This content's entry in the order; undefined if newer content replaced it meanwhile. */
  readonly record: Committed | undefined;
  readonly atomic: boolean;
  /** What could not be kept, where it was written in place. */
  readonly notKept?: NotKept[];
  /** How the sync of the directory ended that followed the rename, if it did. */
  readonly synced?: Pick<Chained, 'error'> | undefined;
}

/** Whether the target may be written in place where it cannot be replaced, or has to be. */
export function mayOverwrite({ settings }: Operation, { target, folder }: Staged): boolean {
  return folder !== target || (settings.fallback === 'in-place' && target.existing !== undefined);
}

/** Replaces the target if that is possible, and writes into it if not. */
export function* overwriteInstead(
  operation: Operation,
  { target, temporary, folder }: Staged,
  turn: Turn,
): Steps<Renamed> {
  if (folder === target) {
    try {
      return yield* renameInto(operation, target, temporary, turn);
    } catch (error) {
      if (operation.outcome !== 'old' || !cannotBeReplaced.has(codeOf(error) ?? '')) throw error;
    }
  }
  // At once: neither a signal nor another write of this process comes between.
  const notKept = yield* uninterrupted(writeInPlace(operation, target, temporary, folder));
  yield* discardTemporary(temporary);
  return { record: turn.committed(target), atomic: false, notKept };
}

/**
 * What a rename says over a file that cannot be replaced: it is a mount point, another user's in a sticky directory, on
 * a server that only renames to new names, or on another filesystem below one that shows several as one.
 */
const cannotBeReplaced = new Set(['EBUSY', 'EPERM', 'EACCES', 'EXDEV', 'ENOTSUP', 'EOPNOTSUPP', 'EINVAL']);

/** Renames the temporary file over the target or, to create only, links it there. */
export function* renameInto(
  operation: Operation,
  target: Target,
  temporary: TemporaryFile,
  turn: Turn,
): Steps<Renamed> {
  operation.step = 'rename';
  const newer = turn.newer(target);
  if (newer !== undefined) return { newer, record: undefined, atomic: true };
  const other = operation.blocking ? yield* turn.finishOther(target) : undefined;
  if (other !== undefined && other > turn.number)
    return { newer: new Committed(other, operation.path), record: undefined, atomic: true };
  const begun = turn.begin(target, temporary.accessPath);
  let synced;
  try {
    synced = yield* mayBeBusy(operation, target.directory)
      ? whileBusy(operation, () => renameOnce(operation, target, temporary, begun), target.directory)
      : renameOnce(operation, target, temporary, begun);
  } catch (error) {
    turn.end(target);
    // Where a synchronous write of this process has done it meanwhile, the system's answer says nothing. What fails
    // before the rename leaves everything as it is.
    const isDone = begun.finished || (begun.tried && (yield* happened(operation, target, temporary, codeOf(error))));
    if (!isDone) throw yield* explained(operation, temporary, error);
  }
  turn.end(target);
  if (temporary.held !== undefined || othersRename(operation, target.directory))
    yield* assertOurs(operation, target, temporary);
  operation.outcome = 'new';
  const record = turn.committed(target, begun.finished);
  // After a link the temporary name is a second one of the new file.
  if (!operation.settings.overwrite)
    yield* whileBusy(operation, () => unlinkIfThere(temporary.accessPath), target.directory);
  forgetTemporary(temporary);
  return { record, atomic: true, synced };
}

/** Returns how the sync of the directory ended, if it came right after the rename. */
function* renameOnce(
  operation: Operation,
  target: Target,
  temporary: TemporaryFile,
  begun: RenameUnderWay,
): Steps<Pick<Chained, 'error'> | undefined> {
  const { settings, locking } = operation;
  yield* assertStillThere(operation, target);
  // The last thing before the rename.
  if (locking?.check !== undefined) yield* locking.check(yield* timeOf(temporary));
  begun.tried = true;
  if (!settings.overwrite) {
    yield* linkNew(temporary, target);
    return undefined;
  }
  const links: Link[] = [['rename', temporary.accessPath, target.accessPath]];
  const { fd, canSync, users } = target.directory;
  // Writes that are in a directory at the same time share their syncs instead.
  const syncs = settings.durability === 'full' && canSync && (operation.blocking || users === 1);
  if (syncs) links.push(['fsync', fd as number]);
  const chained = yield* chain(links);
  if (chained.results.length === 0) throw chained.error;
  return syncs ? chained : undefined;
}

/** The filesystem's time at which the temporary file was made or later; undefined where that is not known. */
function* timeOf({ status, open, fd }: TemporaryFile): Steps<bigint | undefined> {
  const now = status ?? (open ? yield* call.fstat(fd) : undefined);
  return now && lastChange(now);
}

/** Errors that say that there are no hard links here. */
const noLinks = new Set(['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK']);

function* linkNew(temporary: TemporaryFile, target: Target): Steps<void> {
  try {
    yield* call.link(temporary.accessPath, target.accessPath);
  } catch (cause) {
    const code = codeOf(cause) ?? '';
    if (!noLinks.has(code)) throw cause;
    throw Object.assign(
      refusal(
        code,
        `to create a file and never replace one takes a hard link (link(2)), which cannot be made here (${code})`,
      ),
      { cause },
    );
  }
}

/** Fails if what was renamed is another file, as where another user exchanged them. */
function* assertOurs(operation: Operation, target: Target, temporary: TemporaryFile): Steps<void> {
  try {
    yield* assertInPlace(operation, target, temporary);
  } catch (error) {
    operation.outcome = 'unknown';
    forgetTemporary(temporary);
    throw error;
  } finally {
    yield* endHold(temporary);
  }
}

/** Who takes over a lock, or removes it, takes its owner's temporary file along. */
function* explained(operation: Operation, temporary: TemporaryFile, error: unknown): Steps<unknown> {
  if (operation.locking === undefined || !(yield* isGone(temporary))) return error;
  forgetTemporary(temporary);
  return lockLost(error);
}

function* isGone(temporary: TemporaryFile): Steps<boolean> {
  try {
    return (yield* lookAt(temporary)) === undefined;
  } catch (error) {
    return codeOf(error) === 'ENOTDIR';
  }
}

/**
 * Whether a rename that reported a failure took place all the same, as it can on a network filesystem. Inode numbers
 * alone do not tell: some filesystems make them of the path. Where it cannot be told, the outcome is unknown.
 */
function* happened(
  operation: Operation,
  target: Target,
  temporary: TemporaryFile,
  code: string | undefined,
): Steps<boolean> {
  let own, left, now;
  try {
    own = temporary.status ?? (temporary.open ? yield* call.fstat(temporary.fd) : undefined);
    [left, now] = yield* concurrently(lookAt({ ...temporary, directory: target.directory }), lookAt(target));
  } catch {
    // The error of the rename is the one to report; but nobody knows what is there.
    operation.outcome = 'unknown';
    return false;
  }
  if (own !== undefined && now?.ino === own.ino && now.dev === own.dev) {
    yield* afterFailure(call.unlink(temporary.accessPath));
    return true;
  }
  if (left === undefined && operation.locking === undefined) forgetTemporary(temporary);
  if (!isUndone(operation, target, { left, now, code })) operation.outcome = 'unknown';
  return false;
}

/** Whether the target is certainly as it was, when it is not the new file. */
function isUndone(
  { settings }: Operation,
  { directory, existing }: Target,
  { left, now, code }: { left: FileStatus | undefined; now: FileStatus | undefined; code: string | undefined },
): boolean {
  if (now === undefined && existing === undefined) return true;
  // The name of a temporary file stays after a link; a second one counts.
  if (!settings.overwrite) return now === undefined || (left?.nlink === 1 && (directory.own || code === 'EEXIST'));
  if (left !== undefined) return true;
  // It is gone: renamed, or removed by somebody else before. Of this kernel's own filesystems that is what ENOENT says.
  return code === 'ENOENT' && (directory.own || isSame(now, existing));
}
