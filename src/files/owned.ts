/**
 * What is found under a name, and may be acted on.
 *
 * The rule: a name is not an authority. Whoever can write a directory can put anything there under any name, and
 * another thing a moment later. So what is deleted, read, shown or published because its name says that it is this
 * package's is looked at first: it is opened without following a link and without waiting (`O_NOFOLLOW`, `O_NONBLOCK`),
 * its descriptor tells its type, its owner and its size, and it is reached through a descriptor of its directory, which
 * stays the same whatever its path leads to by now.
 *
 * What another user wrote may cost time and an error, and decides nothing: this holds for the superuser too, who may do
 * everything that others would like to have done.
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
import { whenDescriptorsAllow } from './descriptors.ts';
import type { Folder } from './folder.ts';
import { lookAt } from './look.ts';
import type { Operation } from './operation.ts';
import { afterFailure, unlinkIfThere } from './tolerate.ts';

/** A directory that was found under a name, and is held open until {@link closeFound}. */
export interface FoundDirectory extends Folder {
  readonly directory: { readonly accessPath: PathName };
  readonly fd: number | undefined;
  readonly status: FileStatus;
}

/** What a file of this user's holds; or why it is not believed. */
export type Reading =
  | { readonly kind: 'own'; readonly bytes: Uint8Array; readonly status: FileStatus }
  | { readonly kind: 'refused'; readonly why: string; readonly status: FileStatus };

/** Whether something is this very user's. Where the system has no users, everything is. */
export function isOwn({ environment: { uid } }: Operation, status: Pick<FileStatus, 'uid'>): boolean {
  return uid === undefined || status.uid === uid;
}

/** Whether nobody but a directory's owner and the superuser can put names in it. */
export function isPrivate({ mode }: Pick<FileStatus, 'mode'>): boolean {
  return (mode & 0o022) === 0;
}

/**
 * Whether what lies in a directory can be taken for this user's, since nobody but this user and the superuser can have
 * put it there, or this user has made it. The superuser works in the directories of others: what their only writer has
 * is theirs to lose.
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

/**
 * Whether nobody but this user, its own owner and the superuser can have given something in a directory the name that
 * it has.
 */
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

/** What is there under a name: the thing itself, never what a link leads to. */
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
  return yield* readFound(operation, folder, name, (status) => whyNotOwn(operation, status, limit));
}

/** Reads a file, unless there is a reason not to believe what its descriptor says of it. */
export function* readFound(
  operation: Operation,
  { directory }: Folder,
  name: PathName,
  whyNot: (status: FileStatus) => string | undefined,
): Steps<Reading | undefined> {
  const accessPath = join(directory.accessPath, name);
  const fd = yield* whenDescriptorsAllow(operation, () => openIfThere(accessPath, O_RDONLY | O_NOFOLLOW));
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

/** Why a file is not believed; undefined if it is. */
export function whyNotOwn(operation: Operation, status: FileStatus, limit: number): string | undefined {
  if (fileType(status.mode) !== 'file') return 'is no regular file';
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

/** Opens the directory that the caller names, links followed. */
export function* openGiven(operation: Operation, path: PathName): Steps<FoundDirectory> {
  const windows = operation.environment.platform === 'win32';
  const fd = windows ? undefined : yield* whenDescriptorsAllow(operation, () => call.open(path, O_DIRECTORY, 0));
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
  const fd = yield* whenDescriptorsAllow(operation, () => openIfThere(accessPath, O_DIRECTORY_ITSELF));
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

/** The names in a directory that is held open. */
export function* namesIn(operation: Operation, { directory }: Pick<Folder, 'directory'>): Steps<PathName[]> {
  return yield* whenDescriptorsAllow(operation, () => call.readdir(directory.accessPath));
}

/** Removes a name that is no directory, if it is there. */
export function* unlinkIn(operation: Operation, folder: Folder, name: PathName): Steps<void> {
  const accessPath = join(folder.directory.accessPath, name);
  yield* untilGone(operation, folder, name, () => unlinkIfThere(accessPath));
}

/** Removes an empty directory, if it is there; false if it is not empty. */
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
 * Removes something. What was removed on Windows stays where it is until nobody has it open, and its directory is not
 * empty for as long: that is waited for. A network filesystem may report an error of what took place: then it is gone.
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

/** Milliseconds between two looks at what somebody has open. */
const lingering = 5;

/** Whether something is under its name, and not another thing by now. Windows may refuse to look at what is going. */
function* isThere(folder: Folder, name: PathName, looked: FileStatus): Steps<boolean> {
  try {
    return isSameInode(yield* lookIn(folder, name), looked);
  } catch {
    return true;
  }
}

/** Undefined where there is no such thing to open: nothing, a link, or (for a directory) no directory. */
function* openIfThere(accessPath: PathName, flags: number): Steps<number | undefined> {
  try {
    return yield* call.open(accessPath, flags, 0);
  } catch (error) {
    if (!['ENOENT', 'ELOOP', 'ENOTDIR'].includes(codeOf(error) ?? '')) throw error;
    return undefined;
  }
}
