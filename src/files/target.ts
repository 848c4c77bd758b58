/**
 * The target of a write: the real file at the end of the symbolic links, its current status, and its directory, opened.
 *
 * Promise: only a regular file (or a link, with `symlink: 'replace'`) is ever replaced. A rename over `/dev/null` would
 * succeed for root.
 */
import {
  refuseReserved,
  codeOf,
  refusal,
  asText,
  display,
  isAbsolute,
  join,
  split,
  type NotKept,
  type PathName,
} from '../contract/index.ts';
import {
  now,
  fileType,
  O_HOLD,
  uninterrupted,
  call,
  chain,
  isSynchronous,
  type Link,
  nothing,
  opened,
  concurrently,
  type FileStatus,
  type Steps,
} from '../system/index.ts';
import { areWanted, attributesFrom, linksFor, list, type Attributes } from './attribute-names.ts';
import {
  closeDirectory,
  forgetPath,
  isInMemory,
  isIt,
  isStill,
  looksOnSpot,
  noteLook,
  recallDirectory,
  pathNow,
  type Directory,
  type OpenFolder,
} from './directory.ts';
import { ifFound, lookAt } from './look.ts';
import type { Operation } from './operation.ts';
import { openOrMakeDirectory } from './parents.ts';
import { afterFailure } from './tolerate.ts';

export { lookAt };

/** Flags of an inode and its project (inode-flags.ts). */
export interface InodeFlags {
  readonly flags: number;
  readonly project: number;
}

export interface Target {
  readonly directory: Directory;
  /** The directory's path, for messages and for calls that a descriptor cannot serve. */
  directoryPath: PathName;
  readonly name: PathName;
  /** The path by which the target is reached from the open directory. */
  readonly accessPath: PathName;
  /** The existing file's status, if there is one. */
  existing: FileStatus | undefined;
  /** Whether its other properties have been read: see {@link examineOld}. */
  examined: boolean;
  /** The names of its extended attributes, if they are needed. */
  attributes: Attributes | undefined;
  /** Its inode flags, if it has any that are kept. */
  flags: InodeFlags | 'unknown' | undefined;
  /** What of it could not be kept before its metadata was set. */
  readonly notKept: NotKept[];
  /** A descriptor that keeps the file from being freed. */
  held: number | undefined;
  /** Where temporary files go, if not beside it. */
  staging?: OpenFolder | undefined;
}

/**
 * Path lengths include the null at the end. A file with a longer path would exist, since its directory is open, but
 * nobody could open it by its path.
 */
const longestPath: Readonly<Partial<Record<NodeJS.Platform, number>>> = { linux: 4096, android: 4096, darwin: 1024 };

/** Refuses a path that is too long for the system (PATH_MAX), as given or after links were followed. */
export function refuseTooLong({ environment }: Operation, path: PathName): void {
  if (Buffer.byteLength(path) >= (longestPath[environment.platform] ?? Infinity))
    throw refusal('ENAMETOOLONG', 'its path is too long');
}

/** The kernel's own limit (path_resolution(7)). */
const maximumLinks = 40;

/** Follows the symbolic links in the last name of the path and opens the directory of their target. */
export function* openTarget(operation: Operation): Steps<Target> {
  for (let links = 0; ;) {
    refuseTooLong(operation, operation.path);
    const { directory: directoryPath, name } = split(operation.path);
    if (['', '.', '..'].includes(asText(name))) throw refusal('EISDIR', 'the path names a directory');
    if (operation.environment.platform === 'win32') refuseReserved(operation.path);
    const recalled = recallDirectory(operation, directoryPath);
    const directory = recalled ?? (yield* openOrMakeDirectory(operation, directoryPath));
    const target: Target = {
      directory,
      directoryPath,
      name,
      accessPath: join(directory.accessPath, name),
      existing: undefined,
      examined: false,
      attributes: undefined,
      flags: undefined,
      notKept: [],
      held: undefined,
    };
    try {
      const isOnSpot = recalled !== undefined && looksOnSpot(directory, directoryPath);
      const began = isOnSpot ? now() : 0;
      const isNew = recalled === undefined;
      const sure = yield* isOnSpot
        ? uninterrupted(lookThrough(operation, target, isNew))
        : lookThrough(operation, target, isNew);
      if (isOnSpot) noteLook(directory, began);
      const { existing } = target;
      if (
        sure &&
        (existing === undefined || fileType(existing.mode) !== 'link' || operation.settings.symlink === 'replace')
      ) {
        refuseUnfit(operation, existing);
        return target;
      }
      if (sure && existing !== undefined) operation.path = yield* followLink(operation, target, existing, links++);
      if (!sure) forgetPath(operation, directoryPath);
    } catch (error) {
      closeTarget(operation, target);
      throw error;
    }
    closeTarget(operation, target);
  }
}

/**
 * Looks at the target, and checks that its directory has not moved. An asynchronous write without company concurrently
 * reads what it needs next of an existing file: the fewer trips to other threads, the faster it is.
 */
function* lookThrough(operation: Operation, target: Target, isSure: boolean): Steps<boolean> {
  const { directory, directoryPath } = target;
  const isAlone = !operation.blocking && directory.users === 1;
  if (operation.blocking || isSynchronous()) {
    target.existing = yield* lookAndHold(operation, target);
    if (isAlone && target.existing !== undefined && !target.examined) yield* examineOld(operation, target);
    return isSure || (yield* isStill(directory, directoryPath));
  }
  const [existing, isHere] = yield* concurrently(
    lookAndHold(operation, target),
    isSure ? yes() : isStill(directory, directoryPath),
    isAlone && !directory.local ? examineOld(operation, target) : nothing(),
  );
  target.existing = existing;
  return isHere;
}

// oxlint-disable-next-line require-yield -- it stands where a system call would
function* yes(): Steps<true> {
  return true;
}

/** A target of its own for another part of the same write. */
export function shareTarget(target: Target): Target {
  target.directory.users++;
  return { ...target, notKept: [], held: undefined, staging: undefined };
}

/** Ends the use of a target. The old file's blocks are freed only now, out of the way of the rename. */
export function closeTarget(operation: Operation, target: Target): void {
  releaseOld(operation, target);
  closeDirectory(operation, target.directory);
  if (target.staging !== undefined) closeDirectory(operation, target.staging.directory);
  target.staging = undefined;
}

/** Reads the other properties of the old file that matter, and holds it open. */
export function* examineOld(operation: Operation, target: Target): Steps<void> {
  if (target.examined) return;
  target.examined = true;
  if (target.directory.own) yield* holdOld(target);
  if (areWanted(operation))
    target.attributes = yield* withOld(target, (old) => list(old, !target.directory.local), 'unavailable');
}

/**
 * Performs steps on the open old file; the result is `otherwise` if there is none, or it cannot be opened here. On a
 * network it is open only meanwhile: a client that replaces an open file renames the old one first, and for a moment
 * there is no file.
 */
export function* withOld<T>(target: Target, steps: (old: number) => Steps<T>, otherwise: T): Steps<T> {
  if (target.held !== undefined) return yield* steps(target.held);
  if (O_HOLD === 0) return otherwise;
  const old = yield* ifFound(target, () => call.open(target.accessPath, O_HOLD, 0));
  if (old === undefined) return otherwise;
  try {
    return yield* steps(old);
  } finally {
    yield* afterFailure(call.close(old));
  }
}

/** Closes the old file. Handing it to another thread takes time as well: an asynchronous write has settled by then. */
export function releaseOld({ blocking, environment }: Operation, target: Target): void {
  const { held } = target;
  target.held = undefined;
  if (held === undefined) return;
  if (blocking) environment.release(held, 'quicker');
  else environment.soon(() => environment.release(held, 'elsewhere'));
}

/**
 * Holds the old file open, so that a rename over it does not have to free its blocks (measured: ten times faster on
 * ext4). It only matters for speed, so a failure is ignored.
 */
function* holdOld(target: Target): Steps<void> {
  if (O_HOLD === 0 || target.held !== undefined) return;
  try {
    // It does not wait for a descriptor: the next steps need none.
    target.held = yield* uninterrupted(call.open(target.accessPath, O_HOLD, 0));
  } catch {
    // Without it the rename is slower, and nothing else: what is wrong with the file, the next steps report.
  }
}

/** Looks at the target. If a look at an open file never waits for a disk, the file is first held open. */
function* lookAndHold(operation: Operation, target: Target): Steps<FileStatus | undefined> {
  if (!target.directory.local || O_HOLD === 0) return yield* lookAt(target);
  const links: Link[] = [
    ['open', target.accessPath, O_HOLD, 0],
    ['fstat', opened],
  ];
  if (areWanted(operation)) links.push(...linksFor(opened, false));
  const {
    results: [held, status, ...answers],
    error,
  } = yield* chain(links);
  // It can be done without holding it, as where no descriptors are left.
  if (held === undefined) return codeOf(error) === 'ENOENT' ? undefined : yield* lookAt(target);
  target.held = held as number;
  if (status === undefined) throw error;
  target.examined = true;
  if (areWanted(operation)) target.attributes = attributesFrom(answers, error);
  return status as FileStatus;
}

/** Looks at the target again: much may have happened while a pending file was written. */
export function* lookAgain(operation: Operation, target: Target): Steps<void> {
  const before = target.existing;
  // A local filesystem has in memory what was looked at for this write.
  const isOnSpot = target.directory.local;
  target.existing = yield* isOnSpot ? uninterrupted(lookAt(target)) : lookAt(target);
  if (target.existing?.ino !== before?.ino || target.existing?.dev !== before?.dev) releaseOld(operation, target);
  refuseUnfit(operation, target.existing);
  target.examined = false;
  if (target.existing === undefined) return;
  if (isOnSpot) yield* holdOld(target);
  // If it cannot be held, it has to wait for a descriptor.
  yield* isOnSpot && target.held !== undefined
    ? uninterrupted(examineOld(operation, target))
    : examineOld(operation, target);
}

/**
 * Checks, right before the rename, that the path still leads here. If the directory has moved and its old path leads
 * nowhere, the file goes with it, and the result has its new path. If the path leads elsewhere by now, that is an
 * error.
 */
export function* assertStillThere(operation: Operation, target: Target): Steps<void> {
  const { directory, directoryPath, name } = target;
  const follows = operation.settings.symlink !== 'replace';
  const [isHere, now] =
    operation.blocking || isInMemory(directory, directoryPath)
      ? yield* uninterrupted(lookAtBoth(target, follows))
      : yield* concurrently(isStill(directory, directoryPath), follows ? lookAt(target) : nothing());
  if (!isHere) {
    target.directoryPath = yield* pathNow(operation, directory, directoryPath);
    operation.path = join(target.directoryPath, name);
  }
  if (now !== undefined && fileType(now.mode) === 'link')
    throw refusal(
      operation.settings.symlink === 'refuse' ? 'ELOOP' : 'ERR_UNTORN_MOVED',
      'it is a symbolic link by now',
    );
}

/** Whether the directory is still where it was, and what is at the target, if that is asked for. */
function* lookAtBoth(target: Target, follows: boolean): Steps<[boolean, FileStatus | undefined]> {
  const { directory, directoryPath, accessPath } = target;
  if (directory.local && follows) {
    const { results, error } = yield* chain([
      ['stat', directoryPath],
      ['lstat', accessPath],
    ]);
    const [here, now] = results as [FileStatus?, FileStatus?];
    const isSure = now !== undefined || codeOf(error) === 'ENOENT';
    if (here !== undefined && isIt(directory, here) && isSure) return [true, now];
  }
  return [yield* isStill(directory, directoryPath), follows ? yield* lookAt(target) : undefined];
}

function refuseUnfit(operation: Operation, existing: FileStatus | undefined): void {
  if (existing === undefined) return;
  switch (fileType(existing.mode)) {
    case 'directory':
      throw refusal('EISDIR', 'it is a directory');
    case 'special':
      throw refusal(
        'EINVAL',
        operation.operation === undefined
          ? 'it is a FIFO, a socket or a device, which a rename would destroy; write to it with fs.writeFile()'
          : 'it is a FIFO, a socket or a device',
      );
    case 'link':
    case 'file':
      if (!operation.settings.overwrite) throw refusal('EEXIST', 'file already exists');
      if (existing.nlink > 1 && operation.settings.hardLink === 'refuse')
        throw refusal('EMLINK', `it has ${existing.nlink} hard links`);
  }
}

/** Windows never replaces a file with the read-only attribute. A directory that is not writable is another matter. */
export function refuseReadOnly(operation: Operation, target: Target): void {
  if (isReadOnly(operation, target)) throw refusal('EPERM', 'it is read-only');
}

/** Whether the target has the read-only attribute of Windows. */
export function isReadOnly({ environment }: Operation, { existing }: Target): boolean {
  return (
    environment.platform === 'win32' &&
    existing !== undefined &&
    fileType(existing.mode) === 'file' &&
    (existing.mode & 0o200) === 0
  );
}

function* followLink(operation: Operation, place: Target, link: FileStatus, before: number): Steps<PathName> {
  if (operation.settings.symlink === 'refuse') throw refusal('ELOOP', 'the path is a symbolic link');
  if (before === maximumLinks) throw refusal('ELOOP', 'too many symbolic links');
  const { status } = place.directory;
  // As the kernel does with protected_symlinks (proc(5)): in a sticky directory that everybody may write, a link may be
  // a trap.
  const shared = (status.mode & 0o1002) === 0o1002;
  if (shared && link.uid !== status.uid && link.uid !== operation.environment.uid) {
    throw refusal('EACCES', "it is another user's symbolic link in a directory that everybody may write");
  }
  // A link in /proc/PID/fd leads to an open file, whatever its text says; there is no name to replace.
  if (/^\/(proc\/(self|thread-self|\d+)\/(task\/\d+\/)?|dev\/)fd\/*$/.test(asText(place.directoryPath))) {
    throw refusal(
      'EINVAL',
      `"${display(operation.path)}" is an open descriptor, not a file; write to it with fs.writeFile()`,
    );
  }
  const target = yield* call.readlink(place.accessPath);
  return isAbsolute(target) ? target : join(place.directoryPath, target);
}
