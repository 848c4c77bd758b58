/** A directory that is to take the place of another, before it does. */
import { refusal } from '../errors.ts';
import { display, join, type PathName } from '../path.ts';
import { call, type FileStatus, type Guard, type Steps } from '../system/calls.ts';
import { fileType, O_DIRECTORY_ITSELF } from '../system/flags.ts';
import { keeping } from './keeping.ts';
import { ifThere, type Place } from './place.ts';
import { afterFailure, newName } from './temporary.ts';
import { removeTree } from './tree.ts';
import type { LockedWrite } from './write.ts';

/** The new directory, and where it goes after a failure. */
export interface New {
  readonly path: PathName;
  readonly status: FileStatus;
  readonly guard: Guard | undefined;
}

/** A name in the open directory of the path. */
export type Spot = Pick<Place, 'directory' | 'directoryPath' | 'name' | 'reach'>;

/** One that the caller has made. */
export function* prepared(path: PathName, replaced: FileStatus | undefined): Steps<New> {
  const status = yield* ifThere(call.lstat(path));
  if (status === undefined) throw refusal('ENOENT', `"${display(path)}", the new directory, does not exist`);
  if (fileType(status.mode) !== 'directory') throw refusal('ENOTDIR', `"${display(path)}", which is to take its place, is not a directory`);
  if (replaced?.ino === status.ino && replaced.dev === status.dev) throw refusal('EINVAL', `"${display(path)}" is the directory that is to be replaced`);
  return { path, status, guard: undefined };
}

/** Makes an empty directory with the rights of the old one: what nobody else could read there nobody else reads here. */
export function* create(write: LockedWrite, { directory, directoryPath, name }: Spot, replaced: FileStatus | undefined): Steps<New> {
  write.step = 'create temporary file';
  const chosen = newName(unfenced(write), name, 'tree');
  const reach = join(directory.reach, chosen);
  const path = join(directoryPath, chosen);
  const guard = write.surroundings.guard('tree', reach, path);
  try {
    yield* call.mkdir(reach, 0o700);
    guard.opened();
  } catch (error) {
    // On a network filesystem an error may be reported of what was done.
    if (yield* afterFailure(call.rmdir(reach))) guard.release();
    throw error;
  }
  try {
    yield* giveRights(write, reach, replaced);
    return { path, status: yield* call.lstat(reach), guard };
  } catch (error) {
    if (yield* afterFailure(removeTree(write, reach))) guard.release();
    throw error;
  }
}

function* giveRights(write: LockedWrite, reach: PathName, old: FileStatus | undefined): Steps<void> {
  write.step = 'set metadata';
  const fd = yield* call.open(reach, O_DIRECTORY_ITSELF, 0);
  try {
    const own = yield* call.fstat(fd);
    let mode = old === undefined ? (own.mode & 0o7000) | (0o777 & ~write.surroundings.umask()) : old.mode & 0o7777;
    if (old !== undefined && old.gid !== own.gid && !(yield* keeping('try', call.fchown(fd, -1, old.gid), 'group', []))) mode &= ~0o2070;
    if (old !== undefined && old.uid !== own.uid) yield* keeping('try', call.fchown(fd, old.uid, -1), 'owner', []);
    yield* write.surroundings.descriptorsRestricted ? call.chmod(reach, mode) : call.fchmod(fd, mode);
  } finally {
    yield* call.close(fd);
  }
}

/** Names are those of temporary directories, which whoever takes over a lock does not remove. */
export function unfenced(write: LockedWrite): Omit<LockedWrite, 'locking'> & { locking: undefined } {
  return { ...write, locking: undefined };
}

/** After a failure: what the caller had prepared is where it was; what was made for it goes. */
export function* discardNew(write: LockedWrite, { path, guard }: New): Steps<void> {
  if (guard !== undefined && (yield* afterFailure(removeTree(write, path)))) guard.release();
}
