/**
 * Things that are found under a name, and may be acted on.
 *
 * The rule: a name is not an authority. Whoever can write a directory can put anything there under any name, and
 * another thing a moment later. So a thing whose name says that it is this package's is examined before it is deleted,
 * read, shown or published. It is opened without following a link and without waiting (`O_NOFOLLOW`, `O_NONBLOCK`). Its
 * descriptor tells its type, its owner and its size. It is reached through a descriptor of its directory, which stays
 * the same whatever its path leads to by now.
 *
 * Content of another user may cost time and an error, and decides nothing. This holds for the superuser too, who could
 * otherwise be made to do what others cannot.
 *
 * Sweeping, recovery, locks, whole directories and backups go through here; test/unit/owned.test.ts finds calls that do
 * not.
 */
import { codeOf, join, type PathName } from '../contract/index.ts';
import {
  now,
  fileType,
  O_DIRECTORY,
  O_DIRECTORY_ITSELF,
  O_NOFOLLOW,
  O_RDONLY,
  call,
  type FileStatus,
  type Steps,
} from '../system/index.ts';
import { whileBusy } from './busy.ts';
import type { Folder } from './folder.ts';
import { lookAt } from './look.ts';
import type { Operation } from './operation.ts';
import { afterFailure, unlinkIfThere } from './tolerate.ts';

/** A directory that was found under a name, and is open until {@link closeFound}. */
export interface FoundDirectory extends Folder {
  readonly directory: { readonly accessPath: PathName };
  readonly fd: number | undefined;
  readonly status: FileStatus;
}

/** The content of a file of this user; or why the file is not trusted. */
export type Reading =
  | { readonly kind: 'own'; readonly bytes: Uint8Array; readonly status: FileStatus }
  | { readonly kind: 'refused'; readonly why: string; readonly status: FileStatus };

/** Whether something belongs to this user. On systems without users, everything does. */
export function isOwn({ environment: { uid } }: Operation, status: Pick<FileStatus, 'uid'>): boolean {
  return uid === undefined || status.uid === uid;
}

/** Whether only a directory's owner and the superuser can put names in it. */
export function isPrivate({ mode }: Pick<FileStatus, 'mode'>): boolean {
  return (mode & 0o022) === 0;
}

/**
 * Whether the contents of a directory can be taken for this user's: only this user and the superuser can have put them
 * there, or this user has made the directory. The superuser works in the directories of others: files that their only
 * writer has put there are that writer's to lose.
 */
export function isTrusted(
  operation: Operation,
  parent: Pick<FileStatus, 'mode' | 'uid'>,
  status: Pick<FileStatus, 'uid'>,
): boolean {
  if (isOwn(operation, status)) return true;
  if (!isPrivate(parent)) return false;
  return isOwn(operation, parent) || parent.uid === 0 || (operation.environment.uid === 0 && parent.uid === status.uid);
}

/** Whether only this user, its own owner and the superuser can have given something in a directory its name. */
export function isFixed(
  operation: Operation,
  parent: Pick<FileStatus, 'mode' | 'uid'>,
  status: Pick<FileStatus, 'uid'>,
): boolean {
  const isSticky = (parent.mode & 0o1000) !== 0;
  if (!isPrivate(parent) && !isSticky) return false;
  return isOwn(operation, parent) || parent.uid === 0 || parent.uid === status.uid;
}

/** Whether two looks found the same file. */
export function isSameInode(one: FileStatus | undefined, other: FileStatus | undefined): boolean {
  return one !== undefined && one.ino === other?.ino && one.dev === other.dev;
}

/** The status of a name: of the thing itself, never of a link's target. */
export function* lookIn({ directory }: Folder, name: PathName): Steps<FileStatus | undefined> {
  return yield* lookAt({ accessPath: join(directory.accessPath, name) });
}

/** Reads a regular file that this user wrote and nobody else can write, if it is no larger than `limit` bytes. */
export function* readOwn(
  operation: Operation,
  folder: Folder,
  name: PathName,
  limit: number,
): Steps<Reading | undefined> {
  return yield* readFound(folder, name, (status) => whyNotOwn(operation, status, limit));
}

/** Reads a file, unless its descriptor gives a reason not to trust it. */
export function* readFound(
  { directory }: Folder,
  name: PathName,
  whyNot: (status: FileStatus) => string | undefined,
): Steps<Reading | undefined> {
  const accessPath = join(directory.accessPath, name);
  const fd = yield* openIfThere(accessPath, O_RDONLY | O_NOFOLLOW);
  if (fd === undefined) return undefined;
  try {
    const status = yield* call.fstat(fd);
    const why = whyNot(status);
    if (why !== undefined) return { kind: 'refused', why, status };
    const bytes = yield* readUpTo(fd, status.size);
    return { kind: 'own', bytes, status };
  } finally {
    yield* call.close(fd);
  }
}

/** Why a file is not trusted; undefined if it is. */
export function whyNotOwn(operation: Operation, status: FileStatus, limit: number): string | undefined {
  if (fileType(status.mode) !== 'file') return 'is not a regular file';
  if (!isOwn(operation, status)) return "is another user's";
  if (operation.environment.platform !== 'win32' && (status.mode & 0o022) !== 0) return 'can be written by others';
  if (status.size > limit) return 'is too large';
  return undefined;
}

function* readUpTo(fd: number, size: number): Steps<Uint8Array> {
  const bytes = new Uint8Array(size);
  let filled = 0;
  for (let count; filled < size && (count = yield* call.read(fd, bytes.subarray(filled), filled)) > 0;) {
    filled += count;
  }
  return bytes.subarray(0, filled);
}

/** Opens the directory that the caller names, following links. */
export function* openGiven(operation: Operation, path: PathName): Steps<FoundDirectory> {
  const windows = operation.environment.platform === 'win32';
  const fd = windows ? undefined : yield* call.open(path, O_DIRECTORY, 0);
  try {
    const status = yield* fd === undefined ? call.stat(path) : call.fstat(fd);
    const accessPath = fd === undefined ? path : operation.environment.accessPath(fd, path);
    return { directory: { accessPath }, directoryPath: path, fd, status };
  } catch (error) {
    if (fd !== undefined) yield* afterFailure(call.close(fd));
    throw error;
  }
}

/** Opens a directory under a name, never through a link; undefined if there is none, or something else is there. */
export function* openFound(
  operation: Operation,
  { directory, directoryPath }: Folder,
  name: PathName,
): Steps<FoundDirectory | undefined> {
  const accessPath = join(directory.accessPath, name);
  const path = join(directoryPath, name);
  if (operation.environment.platform === 'win32') {
    const status = yield* lookAt({ accessPath });
    if (status === undefined || fileType(status.mode) !== 'directory') return undefined;
    return { directory: { accessPath }, directoryPath: path, fd: undefined, status };
  }
  const fd = yield* openIfThere(accessPath, O_DIRECTORY_ITSELF);
  if (fd === undefined) return undefined;
  try {
    const status = yield* call.fstat(fd);
    return {
      directory: { accessPath: operation.environment.accessPath(fd, accessPath) },
      directoryPath: path,
      fd,
      status,
    };
  } catch (error) {
    yield* afterFailure(call.close(fd));
    throw error;
  }
}

export function* closeFound({ fd }: FoundDirectory): Steps<void> {
  if (fd !== undefined) yield* call.close(fd);
}

/** Opens a directory under a name, performs steps in it, and closes it; undefined if there is none. */
export function* inFound<T>(
  operation: Operation,
  folder: Folder,
  name: PathName,
  steps: (found: FoundDirectory) => Steps<T>,
): Steps<T | undefined> {
  const found = yield* openFound(operation, folder, name);
  if (found === undefined) return undefined;
  try {
    return yield* steps(found);
  } finally {
    yield* closeFound(found);
  }
}

/** The names in an open directory. */
export function* namesIn({ directory }: Pick<Folder, 'directory'>): Steps<PathName[]> {
  return yield* call.readdir(directory.accessPath);
}

/** Removes a name that is not a directory, if it exists. */
export function* unlinkIn(operation: Operation, folder: Folder, name: PathName): Steps<void> {
  const accessPath = join(folder.directory.accessPath, name);
  yield* untilGone(operation, folder, name, () => unlinkIfThere(accessPath));
}

/** Removes an empty directory, if it exists; false if it is not empty. */
export function* rmdirIn(operation: Operation, folder: Folder, name: PathName): Steps<boolean> {
  const accessPath = join(folder.directory.accessPath, name);
  try {
    yield* untilGone(operation, folder, name, () => call.rmdir(accessPath));
    return true;
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST'].includes(codeOf(error) ?? '')) throw error;
    return false;
  }
}

/**
 * Removes something, and waits until it is gone, at most for `retry.timeout`. On Windows a removed file stays until
 * nobody has it open, and its directory is not empty for as long. A network filesystem may report an error for a
 * removal that took place: then it is gone.
 */
function* untilGone(operation: Operation, folder: Folder, name: PathName, remove: () => Steps<void>): Steps<void> {
  const lingers = operation.environment.platform === 'win32';
  const removed = lingers ? yield* lookIn(folder, name) : undefined;
  try {
    yield* whileBusy(operation, remove);
  } catch (error) {
    if (codeOf(error) === 'ENOTEMPTY' || (yield* lookIn(folder, name)) !== undefined) throw error;
  }
  if (removed === undefined) return;
  const deadline = now() + operation.settings.retryTimeout;
  while ((yield* isThere(folder, name, removed)) && now() < deadline) yield* call.sleep(lingering);
}

/** Milliseconds between two looks at a file that somebody has open. */
const lingering = 5;

/**
 * Whether the thing is still under its name, and not another one. Windows may refuse to look at a file that is being
 * removed.
 */
function* isThere(folder: Folder, name: PathName, looked: FileStatus): Steps<boolean> {
  try {
    return isSameInode(yield* lookIn(folder, name), looked);
  } catch {
    return true;
  }
}

/** Undefined if there is no such thing to open: nothing, a link, or (for a directory) not a directory. */
function* openIfThere(accessPath: PathName, flags: number): Steps<number | undefined> {
  try {
    return yield* call.open(accessPath, flags, 0);
  } catch (error) {
    if (!['ENOENT', 'ELOOP', 'ENOTDIR'].includes(codeOf(error) ?? '')) throw error;
    return undefined;
  }
}
