/**
 * The rename: the one system call that commits the new content, and what holds if it fails. After it the content is made
 * as durable as the caller asked for.
 */
import { codeOf, refusal, type NotKept, type PathName } from '../contract/index.ts';
import {
  chain,
  type Chained,
  descriptorsClosed,
  type Link,
  O_RDWR,
  uninterrupted,
  waitsElsewhere,
  call,
  lastChange,
  concurrently,
  type FileStatus,
  type Steps,
} from '../system/index.ts';
import {
  during,
  failedDuring,
  whileBusy,
  lookAt,
  type Operation,
  assertInPlace,
  othersRename,
  type OpenFolder,
  isSame,
  assertStillThere,
  type Target,
  discardTemporary,
  endHold,
  forgetTemporary,
  type TemporaryFile,
  afterFailure,
  unlinkIfThere,
  syncDirectory,
  parentsMayBeUnsynced,
  syncParents,
  syncInPlace,
  isReadOnly,
} from '../files/index.ts';
import { lockLost } from '../lock/index.ts';
import { Committed, type RenameUnderWay, type Turn } from '../order/index.ts';
import { openSame, writeInPlace } from './in-place.ts';
import { type Staged, withMore } from './stage.ts';

export interface Renamed {
  /** Newer content that was committed first; this one was then not renamed. */
  readonly newer?: Committed;
  /** This content's entry in the order; undefined if newer content replaced it meanwhile. */
  readonly record: Committed | undefined;
  readonly atomic: boolean;
  /** What could not be kept, if the target was written in place. */
  readonly notKept?: NotKept[];
  /** The outcome of the directory's sync, if that was chained to the rename. */
  readonly synced?: Pick<Chained, 'error'> | undefined;
}

/** Whether the target has to be written in place, or may be if it cannot be replaced. */
export function mayOverwrite({ settings }: Operation, { target, folder }: Staged): boolean {
  return folder !== target || (settings.fallback === 'in-place' && target.existing !== undefined);
}

/** Replaces the target if that is possible, and otherwise writes it in place. */
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
  const notKept = yield* during(operation, 'write in place', overwriteNow(operation, { target, temporary, folder }));
  yield* discardTemporary(temporary);
  return { record: turn.committed(target), atomic: false, notKept };
}

/** Uninterrupted: neither a signal nor another write of this process comes between. */
function* overwriteNow(
  operation: Operation,
  { target, temporary, folder }: Pick<Staged, 'target' | 'temporary' | 'folder'>,
): Steps<NotKept[]> {
  try {
    return yield* uninterrupted(writeInPlace(operation, target, temporary, folder));
  } catch (error) {
    if (!waitsElsewhere(error)) throw error;
  }
  // Nothing is written before the file is open.
  yield* call.close(yield* openSame(target.accessPath, target.existing, O_RDWR));
  return yield* uninterrupted(writeInPlace(operation, target, temporary, folder));
}

/**
 * The errors of a rename over a file that cannot be replaced: it is a mount point, another user's file in a sticky
 * directory, on a server that only renames to new names, or on another filesystem below one that shows several as one.
 */
const cannotBeReplaced = new Set(['EBUSY', 'EPERM', 'EACCES', 'EXDEV', 'ENOTSUP', 'EOPNOTSUPP', 'EINVAL']);

/** Renames the temporary file over the target; with `overwrite: false` it links it there. */
export function* renameInto(
  operation: Operation,
  target: Target,
  temporary: TemporaryFile,
  turn: Turn,
): Steps<Renamed> {
  const newer = turn.newer(target);
  if (newer !== undefined) return { newer, record: undefined, atomic: true };
  const other = operation.blocking ? yield* turn.finishOther(target) : undefined;
  if (other !== undefined && other > turn.number)
    return { newer: new Committed(other, operation.path), record: undefined, atomic: true };
  const begun = turn.begin(target, temporary);
  let synced;
  try {
    synced = yield* target.directory.local
      ? renameOnce(operation, target, temporary, begun)
      : whileBusy(operation, () => renameOnce(operation, target, temporary, begun), target.directory);
  } catch (error) {
    turn.end(target);
    // If a synchronous write of this process has done the rename meanwhile, the error means nothing. A failure before
    // the rename leaves everything as it is.
    const isDone = begun.finished || (begun.tried && (yield* happened(operation, target, temporary, codeOf(error))));
    if (!isDone) throw yield* explained(operation, temporary, error);
  }
  turn.end(target);
  if (temporary.held !== undefined || othersRename(operation, target.directory))
    yield* assertOurs(operation, target, temporary);
  operation.outcome = 'new';
  const record = turn.committed(target, begun.finished);
  // After a link the temporary name is a second name of the new file; after a rename it is gone.
  if (!operation.settings.overwrite && temporary.linked)
    yield* whileBusy(operation, () => unlinkIfThere(temporary.accessPath), target.directory);
  forgetTemporary(temporary);
  return { record, atomic: true, synced };
}

/** Returns the outcome of the directory's sync, if that was chained to the rename. */
function* renameOnce(
  operation: Operation,
  target: Target,
  temporary: TemporaryFile,
  begun: RenameUnderWay,
): Steps<Pick<Chained, 'error'> | undefined> {
  const { settings, locking } = operation;
  yield* assertStillThere(operation, target);
  // The last step before the rename.
  if (locking?.check !== undefined) yield* locking.check(yield* timeOf(temporary));
  begun.tried = true;
  if (!settings.overwrite && temporary.linked) {
    yield* linkNew(temporary.accessPath, target);
    return undefined;
  }
  const links: Link[] = [
    settings.overwrite
      ? ['rename', temporary.accessPath, target.accessPath]
      : ['linkOpen', temporary.fd, target.accessPath],
  ];
  const { fd, canSync, users } = target.directory;
  // Concurrent writes in one directory share their syncs instead.
  const isAlone = operation.blocking || users === (locking === undefined ? 1 : usesOfLocked);
  const syncs = settings.durability === 'full' && canSync && isAlone;
  if (syncs) links.push(['fsync', fd as number]);
  const closings = filesToClose(operation, target, temporary);
  const { results, error } = yield* chain([...links, ...closings.map((file): Link => ['close', file])]);
  if (results.length === 0) throw error;
  const isDone = results.length >= links.length;
  // A close that fails has closed the file all the same (close(2)).
  if (isDone) noteClosed(target, temporary, closings.slice(0, results.length - links.length + 1));
  return syncs ? { error: isDone ? undefined : error } : undefined;
}

/**
 * What can be closed by the same chain: the new file, if its close has nothing to report and no look at it follows; and
 * the old one. A large old file is closed later, since its blocks are freed then.
 */
function filesToClose(operation: Operation, { directory, held, existing }: Target, temporary: TemporaryFile): number[] {
  const files: number[] = [];
  // Without the native part nobody waits for the closes of a chain.
  if (!operation.settings.linger) return files;
  // Another thread may still give a file without a name its name, by its descriptor.
  if (temporary.linked && temporary.open && temporary.closesSilently && !othersRename(operation, directory))
    files.push(temporary.fd);
  if (held !== undefined && existing !== undefined && existing.size <= small) files.push(held);
  return files;
}

/** How often a locked write uses its directory: for its lock, while it is locked, and for the write itself. */
const usesOfLocked = 3;

/** The largest old file, in bytes, that is freed before the write has ended. */
const small = 1 << 20;

function noteClosed(target: Target, temporary: TemporaryFile, closed: readonly number[]): void {
  if (closed.includes(temporary.fd)) temporary.open = false;
  if (target.held !== undefined && closed.includes(target.held)) target.held = undefined;
  if (closed.length > 0) descriptorsClosed();
}

/** The filesystem's time when the temporary file was created, or later; undefined if that is not known. */
function* timeOf({ status, open, fd }: TemporaryFile): Steps<bigint | undefined> {
  const now = status ?? (open ? yield* call.fstat(fd) : undefined);
  return now && lastChange(now);
}

/** Errors that say that hard links cannot be made here. */
const noLinks = new Set(['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK']);

/**
 * Gives a file another name unless that exists. Where links cannot be made, a rename that does not replace does it; a
 * program that serves a filesystem may ignore that it must not replace, so there it is not tried.
 */
function* linkNew(from: PathName, target: Target): Steps<void> {
  try {
    yield* linkOnly(from, target);
  } catch (error) {
    const isRenamed = noLinks.has(codeOf(error) ?? '') && target.directory.own && (yield* renameNew(from, target));
    if (!isRenamed) throw error;
  }
}

/** Gives a file a second name unless that exists. */
export function* linkOnly(from: PathName, target: Target): Steps<void> {
  try {
    yield* call.link(from, target.accessPath);
  } catch (cause) {
    const code = codeOf(cause) ?? '';
    throw noLinks.has(code) ? cannotCreate(code, cause) : cause;
  }
}

/** Whether it could be renamed; false if the system or the filesystem has no such rename. */
export function* renameNew(from: PathName, target: Target): Steps<boolean> {
  try {
    yield* call.renameNew(from, target.accessPath);
    return true;
  } catch (error) {
    if (['ENOSYS', 'EINVAL', 'ENOTSUP', 'EOPNOTSUPP'].includes(codeOf(error) ?? '')) return false;
    throw error;
  }
}

function cannotCreate(code: string, cause: unknown): Error {
  const text = `creating a file without replacing one needs a hard link (link(2)), which cannot be made here (${code})`;
  return Object.assign(refusal(code, text), { cause });
}

/** Fails if another file was renamed, as when another user exchanged them. */
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

/**
 * Explains a failure by a lost lock: whoever takes over or removes a lock also takes its owner's temporary file away.
 */
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
 * alone are no proof: some filesystems derive them from the path. If neither is certain, the outcome is unknown.
 */
function* happened(
  operation: Operation,
  target: Target,
  temporary: TemporaryFile,
  code: string | undefined,
): Steps<boolean> {
  let own, left, now;
  try {
    if (!temporary.linked) return (yield* call.fstat(temporary.fd)).nlink > 0;
    own = temporary.status ?? (temporary.open ? yield* call.fstat(temporary.fd) : undefined);
    [left, now] = yield* concurrently(lookAt({ ...temporary, directory: target.directory }), lookAt(target));
  } catch {
    // The error of the rename is the one to report; but what the target holds is unknown.
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

/** Whether the target, which is not the new file, is certainly as it was. */
function isUndone(
  { settings }: Operation,
  { directory, existing }: Target,
  { left, now, code }: { left: FileStatus | undefined; now: FileStatus | undefined; code: string | undefined },
): boolean {
  if (now === undefined && existing === undefined) return true;
  // The temporary name stays after a link; the number of links tells whether that was made.
  if (!settings.overwrite) return now === undefined || (left?.nlink === 1 && (directory.own || code === 'EEXIST'));
  // A server may have deleted the target, and then refused to rename over it (seen on SMB).
  if (left !== undefined) return directory.own || now !== undefined;
  // The temporary file is gone: renamed, or removed by somebody else before. On this kernel's own filesystems ENOENT
  // says that it was removed.
  return code === 'ENOENT' && (directory.own || isSame(now, existing));
}

/** Nothing is undone any more. A failure from here on says that the new content is committed. */
export function* confirm(
  operation: Operation,
  target: Target,
  { record, atomic, synced }: Pick<Renamed, 'record' | 'atomic' | 'synced'>,
): Steps<boolean | 'unsupported'> {
  const { durability } = operation.settings;
  try {
    // A failed sync is not repeated, whatever is in place by now.
    const isNamed = synced && (yield* syncDirectory(operation, target.directory, synced));
    // The content that replaced this one meanwhile may have been written without any sync.
    if (record === undefined) return yield* confirmInPlace(operation, target);
    let durable: boolean | 'unsupported' = false;
    if (durability === 'full') {
      durable = !atomic || (isNamed ?? (yield* syncDirectory(operation, target.directory)));
      if (
        parentsMayBeUnsynced(operation, target) &&
        (yield* withMore(operation, target, () => syncParents(operation, target))) === 'unsupported'
      )
        durable = 'unsupported';
    }
    if (operation.unsynced && durable) durable = 'unsupported';
    record.confirm(durability, durable);
    return durable;
  } catch (error) {
    record?.fail(error);
    throw failedDuring(operation, 'sync directory', error);
  }
}

/** Makes the target's current content as durable as the caller asked for; its writer may not have done so. */
export function* confirmInPlace(operation: Operation, target: Target): Steps<boolean | 'unsupported'> {
  const { durability } = operation.settings;
  if (durability === 'off') return false;
  // Windows flushes only files that the caller may write.
  if (isReadOnly(operation, target)) return durability === 'full' ? 'unsupported' : false;
  if (!(yield* during(operation, 'sync', syncInPlace(operation, target)))) return 'unsupported';
  if (durability === 'normal') return false;
  return yield* confirmName(operation, target);
}

/** Makes a name as durable as the caller asked for, or its removal. */
export function* confirmName(operation: Operation, target: OpenFolder): Steps<boolean | 'unsupported'> {
  if (operation.settings.durability !== 'full') return false;
  return yield* during(operation, 'sync directory', syncNames(operation, target));
}

function* syncNames(operation: Operation, target: OpenFolder): Steps<boolean | 'unsupported'> {
  const durable = yield* syncDirectory(operation, target.directory);
  return (yield* syncParents(operation, target)) === 'unsupported' ? 'unsupported' : durable;
}
