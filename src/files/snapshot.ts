/**
 * What a target held when it was read, and whether it still does.
 *
 * Promise: a content that was put there by somebody who does not take the lock is noticed up to the last look, right
 * before the rename. What comes between that look and the rename, some microseconds, is not: only the lock excludes
 * that.
 */
import { constants } from 'node:buffer';
import { codeOf, refusal, type PathName, absent, newHash, versionOf, type Version } from '../contract/index.ts';
import { fileType, O_NOFOLLOW, O_READ, call, lastChange, type FileStatus, type Steps } from '../system/index.ts';
import { whileBusy, whileOpen } from './busy.ts';
import { whenDescriptorsAllow } from './descriptors.ts';
import { ifFound, lookAt } from './look.ts';
import { reporting, throwIfAborted, type Operation } from './operation.ts';
import type { Target } from './target.ts';

/** A file as it was seen. */
export interface Snapshot {
  readonly version: Version;
  /** What the file was like when it was opened; undefined if there was none. */
  status: FileStatus | undefined;
}

/** What was read. */
export type Read = Snapshot & { readonly content: Buffer | undefined };

/** Reads all of a file, or of what a link leads to; there is no content if there is no file. */
export function* readPath(operation: Operation): Steps<Read> {
  return asRead(yield* reporting(operation, openAndRead(operation, operation.path, O_READ, readAll)));
}

/** Reads all of the target. */
export function* readTarget(operation: Operation, target: Target): Steps<Read> {
  return asRead(yield* openAndRead(operation, target.accessPath, flagsFor(operation, target), readAll));
}

/** The version of the target, without all of its content in memory. */
export function* versionInPlace(operation: Operation, target: Target): Steps<Snapshot> {
  const { result, status } = yield* openAndRead(
    operation,
    target.accessPath,
    flagsFor(operation, target),
    versionOfFile,
  );
  return { version: result ?? absent, status };
}

function asRead({ result, status }: Opened<Buffer>): Read {
  return { content: result, version: versionOf(result), status };
}

function flagsFor({ settings }: Operation, { existing }: Target): number {
  // Of a link that is to be replaced readers see what it leads to.
  const follows = settings.symlink === 'replace' && existing !== undefined && fileType(existing.mode) === 'link';
  return follows ? O_READ : O_READ | O_NOFOLLOW;
}

/** What was found in a file, and what it was like when it was opened; neither if there is none. */
interface Opened<T> {
  readonly result?: T;
  readonly status: FileStatus | undefined;
}

type Use<T> = (fd: number, status: FileStatus) => Steps<T>;

function* openAndRead<T>(operation: Operation, path: PathName, flags: number, use: Use<T>): Steps<Opened<T>> {
  operation.step = 'read';
  throwIfAborted(operation);
  for (let tries = 1; ; tries++) {
    let isOpen = false;
    const opened = (): void => void (isOpen = true);
    try {
      return yield* whenDescriptorsAllow(operation, () =>
        whileBusy(operation, () => whileOpen(operation, using(path, flags, opened, use))),
      );
    } catch (error) {
      // Of an open file: a filesystem that goes by names says so of one that is replaced meanwhile. There is another
      // one now.
      if (!isOpen || !['ENOENT', 'ESTALE'].includes(codeOf(error) ?? '') || tries === 10) throw error;
    }
  }
}

function* using<T>(path: PathName, flags: number, opened: () => void, use: Use<T>): Steps<Opened<T>> {
  const fd = yield* ifFound({ accessPath: path }, () => call.open(path, flags, 0), (flags & O_NOFOLLOW) === 0);
  if (fd === undefined) return { status: undefined };
  opened();
  try {
    const status = yield* call.fstat(fd);
    if (fileType(status.mode) === 'directory') throw refusal('EISDIR', 'it is a directory');
    if (fileType(status.mode) !== 'file') throw refusal('EINVAL', 'it is a FIFO, a socket or a device');
    return { result: yield* use(fd, status), status };
  } finally {
    yield* call.close(fd);
  }
}

function* readAll(fd: number, { size }: FileStatus): Steps<Buffer> {
  if (size > constants.MAX_LENGTH)
    throw refusal('ERR_FS_FILE_TOO_LARGE', `it has ${size} bytes, too many for one Buffer`);
  let content = Buffer.allocUnsafeSlow(size + 1);
  for (let filled = 0; ;) {
    const count = yield* call.read(fd, content.subarray(filled), filled);
    filled += count;
    if (count === 0) return content.subarray(0, filled);
    // It grows while it is read, or does not tell its size.
    if (filled === content.length) content = Buffer.concat([content, Buffer.allocUnsafe(content.length)]);
  }
}

const piece = 1 << 18;

/** The version of what an open file holds. */
export function* versionOfFile(fd: number): Steps<Version> {
  const hash = newHash();
  const buffer = Buffer.allocUnsafe(piece);
  for (let position = 0; ;) {
    const count = yield* call.read(fd, buffer, position);
    if (count === 0) return hash.digest('hex');
    hash.update(buffer.subarray(0, count));
    position += count;
  }
}

/**
 * Nanoseconds. Times of files are as coarse as 10 ms on Linux, 2 s on FAT: two changes within that may look like one.
 */
const coarseness = 3_000_000_000n;

/**
 * Makes sure that the target holds what it was seen to hold. Looks into it only where its status does not tell. `time`
 * is one of the same filesystem, not later than now: its clock may be another than this machine's.
 */
export function* assertUnchanged(
  operation: Operation,
  target: Target,
  seen: Snapshot,
  time: bigint | undefined,
): Steps<void> {
  const now = yield* lookAt(target);
  const isOld = now === undefined || (time !== undefined && time - lastChange(now) > coarseness);
  if (isOld && isSame(now, seen.status)) return;
  const { step } = operation;
  const current = yield* versionInPlace(operation, target);
  if (current.version !== seen.version) throw versionConflict(current.version, seen.version);
  seen.status = current.status;
  operation.step = step;
}

/** Whether two looks found the same file, and nothing in it or about it changed. */
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

/** The error where the target does not hold what it should. */
export function versionConflict(currentVersion: Version, expected: Version): Error {
  const what =
    currentVersion === absent
      ? 'it does not exist any more'
      : expected === absent
        ? 'it exists by now'
        : 'somebody else has changed it, so that it is not the expected version';
  return Object.assign(refusal('ERR_VERSION_CONFLICT', what), { currentVersion });
}
