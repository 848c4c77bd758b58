/**
 * Directories in which another user can exchange a file under its name.
 *
 * Promise: there a file's attributes are changed in a directory that only this user can enter, since they can be
 * changed by name only. The file renamed into place is the one that was written; anything else is an error. After a
 * crash the private directory remains with the temporary file in it, and a sweep removes it.
 */
import { isShortage, refusal, join, split, type PathName } from '../contract/index.ts';
import { O_PATH_FILE, uninterrupted, call, type FileStatus, type Steps } from '../system/index.ts';
import { leaveEnclosure, makeEnclosure } from './enclosure.ts';
import { lookAt } from './look.ts';
import { widened } from './made.ts';
import type { Operation } from './operation.ts';
import { isOwn, isPrivate, isSameInode } from './owned.ts';
import type { Target } from './target.ts';
import type { TemporaryFile } from './temporary.ts';
import { afterFailure, twice } from './tolerate.ts';

function exchanged(): Error {
  return refusal('EAGAIN', 'another file has replaced the temporary file');
}

/**
 * Performs steps on a temporary file while it lies in a directory that only this user can enter; they receive its path
 * there. Undefined if there can be no such directory. An exit of the process comes before all of it or after.
 */
export function* inPrivate<T>(
  operation: Operation,
  target: Target,
  temporary: TemporaryFile,
  steps: (accessPath: PathName) => Steps<T>,
): Steps<T | undefined> {
  return yield* uninterrupted(inPrivateNow(operation, target, temporary, steps));
}

function* inPrivateNow<T>(
  operation: Operation,
  target: Target,
  temporary: TemporaryFile,
  steps: (accessPath: PathName) => Steps<T>,
): Steps<T | undefined> {
  const enclosure = yield* ifPossible(makeEnclosure(operation, target, target.name));
  if (enclosure === undefined) return undefined;
  try {
    // Filesystems without modes show every directory as writable by everybody, others show it as somebody else's.
    if (!isOwn(operation, enclosure.status) || !isPrivate(enclosure.status)) return undefined;
    const within = join(enclosure.directory.accessPath, enclosure.token);
    if ((yield* ifPossible(made(within))) === undefined) return undefined;
    try {
      return yield* movedInto(operation, join(within, temporary.name), temporary, steps);
    } finally {
      yield* afterFailure(call.rmdir(within));
    }
  } finally {
    yield* leaveEnclosure(operation, enclosure);
  }
}

function* made(directory: PathName): Steps<true> {
  yield* call.mkdir(directory, 0o700);
  return true;
}

/** The result of steps; undefined if they fail, unless no descriptor was left. */
function* ifPossible<T>(steps: Steps<T>): Steps<T | undefined> {
  try {
    return yield* steps;
  } catch (error) {
    if (isShortage(error)) throw error;
    return undefined;
  }
}

function* movedInto<T>(
  operation: Operation,
  inside: PathName,
  temporary: TemporaryFile,
  steps: (accessPath: PathName) => Steps<T>,
): Steps<T> {
  yield* widened(operation, split(inside).directory, () => call.rename(temporary.accessPath, inside));
  try {
    if (!isSameInode(yield* call.fstat(temporary.fd), yield* call.lstat(inside))) throw exchanged();
    return yield* steps(inside);
  } finally {
    yield* moveBack(inside, temporary);
  }
}

function* moveBack(inside: PathName, { accessPath }: TemporaryFile): Steps<void> {
  try {
    yield* call.rename(inside, accessPath);
  } catch (error) {
    // Its former directory is gone, as the entry of a lost lock: nobody would find the file here.
    yield* twice(() => call.unlink(inside));
    throw error;
  }
}

/** Holds a temporary file open that is about to be closed, so that no other file can get its inode number. */
export function* holdTemporary(operation: Operation, temporary: TemporaryFile): Steps<void> {
  const { fd } = temporary;
  const held = yield* call.open(operation.environment.accessPath(fd, temporary.accessPath), O_PATH_FILE, 0);
  temporary.held = held;
  if (!isSameInode(yield* call.fstat(fd), yield* call.fstat(held))) throw exchanged();
}

/** Fails if another file was renamed into place. A file that was replaced since has no name any more. */
export function* assertInPlace(operation: Operation, target: Target, temporary: TemporaryFile): Steps<void> {
  const fd = temporary.open ? temporary.fd : temporary.held;
  if (fd === undefined) return;
  function* look(): Steps<boolean> {
    const [found, own] = [yield* lookAt(target), yield* call.fstat(fd as number)];
    return (
      isSameInode(own, found) || own.nlink === 0 || (!operation.settings.overwrite && isLinkOf(operation, own, found))
    );
  }
  // The sooner the look, the fewer innocent changes can come between.
  if (!(yield* target.directory.local ? uninterrupted(look()) : look())) throw exchanged();
}

/**
 * Whether the file found is the other name of a linked file, on a filesystem that gives each name an inode number of
 * its own. Nobody else can make a file that belongs to this user and was written at the same nanosecond.
 */
function isLinkOf(operation: Operation, own: FileStatus, found: FileStatus | undefined): boolean {
  return found !== undefined && isOwn(operation, found) && found.size === own.size && found.mtimeNs === own.mtimeNs;
}
