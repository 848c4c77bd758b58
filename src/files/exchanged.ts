/**
 * Directories in which another user can exchange a file under its name.
 *
 * Promise: the file renamed into place is the one that was written; anything else is an error. Everything else is done
 * to the open file.
 */
import { refusal } from '../contract/index.ts';
import { O_PATH_FILE, uninterrupted, call, type FileStatus, type Steps } from '../system/index.ts';
import { lookAt } from './look.ts';
import type { Operation } from './operation.ts';
import { isOwn, isSameInode } from './owned.ts';
import type { Target } from './target.ts';
import type { TemporaryFile } from './temporary.ts';

function exchanged(): Error {
  return refusal('EAGAIN', 'another file has replaced the temporary file');
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
