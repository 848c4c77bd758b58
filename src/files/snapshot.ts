/**
 * The content of a target when it was read, and whether it is still the same.
 *
 * Promise: content from a writer that does not take the lock is noticed up to the last look, right before the rename. A
 * write within the microseconds between that look and the rename is not noticed: only the lock excludes it.
 */
import { constants } from 'node:buffer';
import {
  codeOf,
  isShortage,
  refusal,
  type PathName,
  absent,
  newHash,
  versionOf,
  type Version,
} from '../contract/index.ts';
import {
  currentTime,
  fileType,
  isSynchronous,
  nothing,
  now,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_READ,
  call,
  lastChange,
  uninterrupted,
  waitsElsewhere,
  whenDescriptorsAllow,
  type FileStatus,
  type Steps,
} from '../system/index.ts';
import { whileBusy, whileOpen } from './busy.ts';
import { ifFound, lookAt, openAndLook, patience, pauseAfter, refresh } from './look.ts';
import { during, reporting, throwIfAborted, type Operation } from './operation.ts';
import type { Target } from './target.ts';

/** The state of a file when it was examined. */
export interface Snapshot {
  readonly version: Version;
  /** The status of the file when it was opened; undefined if there was none. */
  status: FileStatus | undefined;
}

/** The state and content of a file that was read. */
export type Read = Snapshot & { readonly content: Buffer | undefined };

/** Reads all of a file, following links; there is no content if there is no file. */
export function* readPath(operation: Operation): Steps<Read> {
  return asRead(yield* reporting(operation, openAndRead(operation, { path: operation.path, follows: true }, readAll)));
}

/** Reads all of the target. */
export function* readTarget(operation: Operation, target: Target): Steps<Read> {
  return asRead(yield* readInPlace(operation, target, readAll));
}

/** The version of the target, computed without all of its content in memory. */
export function* versionInPlace(operation: Operation, target: Target): Steps<Snapshot> {
  const { result, status } = yield* readInPlace(operation, target, versionOfFile);
  return { version: result ?? absent, status };
}

function asRead({ result, status }: Opened<Buffer>): Read {
  return { content: result, version: versionOf(result), status };
}

/** The file to read, and how. */
interface Readable {
  readonly path: PathName;
  /** Whether a symbolic link is followed. */
  readonly follows: boolean;
  /** Its directory, where another machine may have put another file in its place: see `lookAfresh`. */
  readonly shared?: PathName;
  /** What closes it without a wait, where an open file is in nobody's way. */
  readonly release?: (fd: number) => void;
}

function inPlace({ settings, environment }: Operation, { accessPath, existing, directory }: Target): Readable {
  // For a link that is to be replaced readers see the content of its target.
  const follows = settings.symlink === 'replace' && existing !== undefined && fileType(existing.mode) === 'link';
  const readable = { path: accessPath, follows };
  if (!directory.local)
    return !directory.own && directory.trust === 'verified' ? { ...readable, shared: directory.accessPath } : readable;
  return { ...readable, release: (fd) => environment.release(fd, isSynchronous() ? 'here' : 'elsewhere') };
}

/** The largest file, in bytes, that is read here and not in another thread. */
const little = 1 << 16;

/** What was written within this time, in nanoseconds, is in memory. */
const moment = 3_000_000_000n;

/** Whether the target is in memory: to read a little of it here takes less time than to let another thread do it. */
function isAtHand({ directory, existing }: Target): boolean {
  if (!directory.local || existing === undefined || existing.size > little) return false;
  const age = BigInt(Math.trunc(currentTime())) * 1_000_000n - existing.mtimeNs;
  return fileType(existing.mode) === 'file' && age >= 0n && age < moment;
}

function* readInPlace<T>(operation: Operation, target: Target, use: Use<T>): Steps<Opened<T>> {
  const file = inPlace(operation, target);
  if (isAtHand(target)) {
    const useLittle = (fd: number, status: FileStatus): Steps<T | undefined> =>
      status.size <= little ? use(fd, status) : nothing();
    try {
      const { result, status } = yield* uninterrupted(openAndRead(operation, file, useLittle));
      if (result !== undefined || status === undefined) return { result, status };
      // Another file is there by now, which is larger.
    } catch (error) {
      // Here nothing waits for a descriptor, or for the end of a lease.
      if (!isShortage(error) && !waitsElsewhere(error)) throw error;
    }
  }
  return yield* openAndRead(operation, file, use);
}

/** The result of reading a file, and its status when it was opened; neither if there is none. */
interface Opened<T> {
  readonly result?: T | undefined;
  readonly status: FileStatus | undefined;
}

type Use<T> = (fd: number, status: FileStatus) => Steps<T>;

function openAndRead<T>(operation: Operation, file: Readable, use: Use<T>): Steps<Opened<T>> {
  return during(operation, 'read', tryToRead(operation, file, use));
}

function* tryToRead<T>(operation: Operation, file: Readable, use: Use<T>): Steps<Opened<T>> {
  throwIfAborted(operation);
  let deadline: number | undefined;
  for (let tries = 1; ; tries++) {
    let isOpen = false;
    const noteOpened = (): void => void (isOpen = true);
    try {
      return yield* whenDescriptorsAllow(operation, () =>
        whileBusy(operation, () => whileOpen(operation, using(file, noteOpened, use))),
      );
    } catch (error) {
      // An open file fails so on a filesystem that goes by names, and on NFS, if it is replaced meanwhile. There is
      // another file now, which a client may not see at once.
      if (!isOpen || !['ENOENT', 'ESTALE'].includes(codeOf(error) ?? '')) throw error;
      deadline ??= now() + patience;
      if (now() >= deadline) throw error;
      if (tries % 16 === 2) yield* refresh(file.path);
      if (tries > 2) yield* call.sleep(pauseAfter(tries));
    }
  }
}

/**
 * Asks the server whether a directory has changed. A client of NFS opens a file by the handle that it remembers for the
 * name, for as long as it takes the directory for unchanged, which can be half a minute (nfs(5), acdirmin). The server
 * may still have the file behind that handle, though another machine has replaced it. To open a directory takes a look
 * at it on the server (nfs(5), close-to-open).
 */
function* lookAfresh(directory: PathName): Steps<void> {
  yield* call.close(yield* call.open(directory, O_DIRECTORY, 0));
}

/**
 * Fails with ESTALE if the server has removed an open file, as by a rename over it. It is asked for the filesystem of
 * that file: this goes to the server also where the client believes that it may answer for the file itself.
 */
function* assertInPlace(path: PathName, { nlink }: FileStatus): Steps<void> {
  if (nlink === 0) throw refusal('ESTALE', 'another machine has replaced it');
  yield* call.statfs(path);
}

function* using<T>(file: Readable, noteOpened: () => void, use: Use<T>): Steps<Opened<T>> {
  const { path, follows, shared, release } = file;
  const flags = follows ? O_READ : O_READ | O_NOFOLLOW;
  if (shared !== undefined) yield* lookAfresh(shared);
  const found = yield* ifFound({ accessPath: path }, () => openAndLook(path, flags), follows);
  if (found === undefined) return { status: undefined };
  const { fd, status, error } = found;
  noteOpened();
  try {
    if (status === undefined) throw error;
    if (fileType(status.mode) === 'directory') throw refusal('EISDIR', 'it is a directory');
    if (fileType(status.mode) !== 'file') throw refusal('EINVAL', 'it is a FIFO, a socket or a device');
    if (shared !== undefined) yield* assertInPlace(path, status);
    return { result: yield* use(fd, status), status };
  } finally {
    if (release === undefined) yield* call.close(fd);
    else release(fd);
  }
}

function* readAll(fd: number, { size }: FileStatus): Steps<Buffer> {
  if (size > constants.MAX_LENGTH)
    throw refusal('ERR_FS_FILE_TOO_LARGE', `it has ${size} bytes, too many for one Buffer`);
  let content = Buffer.allocUnsafeSlow(size + 1);
  for (let filled = 0; ;) {
    const count = yield* call.read(fd, content.subarray(filled), filled);
    filled += count;
    // More was asked for than the file had, and no more came.
    if (count === 0 || (filled === size && filled < content.length)) return content.subarray(0, filled);
    // The file grows while it is read, or does not tell its size.
    if (filled === content.length) content = Buffer.concat([content, Buffer.allocUnsafe(content.length)]);
  }
}

const piece = 1 << 18;

/** The version of the content of an open file, whose size may be known. */
export function* versionOfFile(fd: number, { size }: Partial<Pick<FileStatus, 'size'>> = {}): Steps<Version> {
  const hash = newHash();
  const buffer = Buffer.allocUnsafe(Math.min(piece, (size ?? piece) + 1));
  for (let position = 0; ;) {
    const count = yield* call.read(fd, buffer, position);
    hash.update(buffer.subarray(0, count));
    position += count;
    if (count === 0 || (position === size && count < buffer.length)) return hash.digest('hex');
  }
}

/**
 * Nanoseconds. Times of files are as coarse as 10 ms on Linux, 2 s on FAT: two changes within that time may look like
 * one.
 */
const coarseness = 3_000_000_000n;

/**
 * Checks that the target still has the content that was seen. The content is read only if the status does not decide.
 * `time` is a time of the same filesystem, not later than now: its clock may differ from this machine's.
 */
export function* assertUnchanged(
  operation: Operation,
  target: Target,
  seen: Snapshot,
  time: bigint | undefined,
): Steps<void> {
  const found = yield* target.directory.local ? uninterrupted(lookAt(target)) : lookAt(target);
  const isOld = found === undefined || (time !== undefined && time - lastChange(found) > coarseness);
  if (isOld && isSame(found, seen.status)) return;
  const current = yield* versionInPlace(operation, target);
  if (current.version !== seen.version) throw versionConflict(current.version, seen.version);
  seen.status = current.status;
}

/** Whether two looks found the same file, with nothing changed in it or about it. */
export function isSame(one: FileStatus | undefined, other: FileStatus | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return (
    one.ino === other.ino &&
    one.dev === other.dev &&
    one.size === other.size &&
    one.mtimeNs === other.mtimeNs &&
    one.ctimeNs === other.ctimeNs
  );
}

/** The error for a target without the expected content. */
export function versionConflict(currentVersion: Version, expected: Version): Error {
  const what =
    currentVersion === absent
      ? 'it no longer exists'
      : expected === absent
        ? 'it exists by now'
        : 'somebody else has changed it: it does not have the expected version';
  return Object.assign(refusal('ERR_VERSION_CONFLICT', what), { currentVersion });
}
