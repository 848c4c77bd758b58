/**
 * Directories in which another user can exchange what has a name.
 *
 * Promise: there the attributes of a file are changed in a directory that only this user can enter, since they can be changed by
 * name only; and what is renamed into place is the file that was written, or that is an error.
 * A crash leaves the private directory, with the temporary file in it, which a sweep removes.
 */
import { codeOf, refusal } from '../errors.ts';
import { join, type PathName } from '../path.ts';
import { atOnce, call, type FileStatus, type Steps } from '../system/calls.ts';
import { O_DIRECTORY_ITSELF, O_PATH_FILE } from '../system/flags.ts';
import { lookAt } from './look.ts';
import type { Place } from './place.ts';
import { isShared } from './shared.ts';
import { afterFailure, newName, type TemporaryFile } from './temporary.ts';
import type { Write } from './write.ts';

/** Whether two looks found the same file. */
function isSame(one: FileStatus | undefined, other: FileStatus | undefined): boolean {
  return one !== undefined && one.ino === other?.ino && one.dev === other.dev;
}

function exchanged(): Error {
  return refusal('EAGAIN', 'another file has taken the place of the temporary file');
}

/**
 * Performs steps on a temporary file while it lies in a directory of this user's alone; they get the path by which it is reached.
 * Undefined if there can be no such directory.
 */
export function* inPrivate<T>(write: Write, { directory, directoryPath, name }: Place, temporary: TemporaryFile, steps: (reach: PathName) => Steps<T>): Steps<T | undefined> {
  const chosen = newName(write, name, 'tree');
  const reach = join(directory.reach, chosen);
  const guard = write.surroundings.guard('directory', reach, join(directoryPath, chosen));
  try {
    let fd;
    try {
      yield* call.mkdir(reach, 0o700);
      guard.opened();
      fd = yield* call.open(reach, O_DIRECTORY_ITSELF, 0);
    } catch (error) {
      if (['EMFILE', 'ENFILE'].includes(codeOf(error) ?? '')) throw error;
      return undefined;
    }
    try {
      const { uid, mode } = yield* call.fstat(fd);
      if (uid !== write.surroundings.uid || (mode & 0o077) !== 0) throw exchanged();
      return yield* movedInto(join(write.surroundings.reach(fd, reach), temporary.name), temporary, steps);
    } finally {
      yield* call.close(fd);
    }
  } finally {
    if (yield* afterFailure(call.rmdir(reach))) guard.release();
  }
}

function* movedInto<T>(inside: PathName, temporary: TemporaryFile, steps: (reach: PathName) => Steps<T>): Steps<T> {
  yield* call.rename(temporary.reach, inside);
  try {
    if (!isSame(yield* call.fstat(temporary.fd), yield* call.lstat(inside))) throw exchanged();
    return yield* steps(inside);
  } finally {
    yield* call.rename(inside, temporary.reach);
  }
}

/** Holds a temporary file that is about to be closed, so that no other can get its inode number. */
export function* holdTemporary(write: Write, place: Place, temporary: TemporaryFile): Steps<void> {
  if (!isShared(write, place.directory)) return;
  const { fd } = temporary;
  const held = yield* call.open(write.surroundings.reach(fd, temporary.reach), O_PATH_FILE, 0);
  temporary.held = held;
  if (!isSame(yield* call.fstat(fd), yield* call.fstat(held))) throw exchanged();
}

/** Fails if another file was renamed into place. One that was replaced in its turn has no name any more. */
export function* assertInPlace(write: Write, place: Place, temporary: TemporaryFile): Steps<void> {
  const fd = temporary.open ? temporary.fd : temporary.held;
  if (fd === undefined || !isShared(write, place.directory)) return;
  function* look(): Steps<boolean> {
    const [found, own] = [yield* lookAt(place), yield* call.fstat(fd as number)];
    return isSame(own, found) || own.nlink === 0;
  }
  // The sooner the less may have come between that is nobody's fault.
  if (!(yield* place.directory.local ? atOnce(look()) : look())) throw exchanged();
}
