/**
 * An enclosure: the directory in which another directory is filled or removed.
 *
 * A directory may be removed with all its contents only if its owner has said so. A name does not say so: whoever can
 * write the parent directory can give somebody's private directory any name. So the proof is inside, where only the
 * owner can have put it. An enclosure is a directory of this user that nobody else can write. What is to be removed
 * lies in it under the enclosure's own token, a name that only this package gives. Nothing else in an enclosure is ever
 * removed.
 *
 * A directory that was moved in has its inode number after the token: a moment before, another directory could have
 * been put in its place.
 */
import { refusal, asText, display, join, type PathName } from '../contract/index.ts';
import { fileType, call, type FileStatus, type Guard, type Steps } from '../system/index.ts';
import { syncNow } from './directory.ts';
import type { Folder } from './folder.ts';
import { openMade } from './made.ts';
import type { Operation } from './operation.ts';
import { closeFound, isOwn, isPrivate, isSameInode, lookIn, rmdirIn, type FoundDirectory } from './owned.ts';
import { newName } from './temporary.ts';
import { afterFailure } from './tolerate.ts';
import { removeTree } from './tree.ts';

export interface Enclosure extends FoundDirectory {
  /** The directory that holds the enclosure, and the enclosure's name there. */
  readonly parent: Folder;
  readonly name: PathName;
  /** The name of what was made in it. */
  readonly token: string;
  readonly guard: Guard;
}

/** Others may pass through it, if the rights of its contents allow. */
const mode = 0o711;

/** Makes an enclosure in the directory of `name`. */
export function* makeEnclosure(operation: Operation, parent: Folder, name: PathName): Steps<Enclosure> {
  const chosen = newName(operation, name, 'tree');
  const token = tokenOf(chosen);
  if (token === undefined) throw new Error(`"${display(chosen)}" has no token`);
  const accessPath = join(parent.directory.accessPath, chosen);
  // Before the enclosure is made: the first guard of a process starts listening for signals.
  const guard = operation.environment.guard('directory', accessPath, join(parent.directoryPath, chosen));
  try {
    yield* call.mkdir(accessPath, mode);
  } catch (error) {
    // A network filesystem may report an error for an operation that succeeded.
    if ((yield* lookIn(parent, chosen)) === undefined) {
      guard.release();
      throw error;
    }
  }
  guard.opened();
  try {
    const found = yield* openMade(operation, parent, chosen);
    if (found === undefined)
      throw refusal('ESTALE', `"${display(join(parent.directoryPath, chosen))}" is gone, or no longer a directory`);
    return { ...found, parent, name: chosen, token, guard };
  } catch (error) {
    if (yield* afterFailure(rmdirIn(operation, parent, chosen))) guard.release();
    throw error;
  }
}

/** Closes it, and removes it if it is empty; a sweep removes the rest. */
export function* leaveEnclosure(operation: Operation, enclosure: Enclosure): Steps<void> {
  yield* afterFailure(closeFound(enclosure));
  // Twice, like the release of a lock; a failure is tried again when the process ends.
  for (let tries = 0; tries < 2; tries++) {
    if (yield* afterFailure(rmdirIn(operation, enclosure.parent, enclosure.name))) return enclosure.guard.release();
  }
}

/** The name of a directory that was moved in. */
export function nameInside({ token }: Pick<Enclosure, 'token'>, { ino }: FileStatus): string {
  return `${token}.${ino.toString(36)}`;
}

/** Moves a directory in that was examined. False if it is gone, is another directory by now, or cannot be moved. */
export function* moveIn(enclosure: Enclosure, folder: Folder, name: PathName, looked: FileStatus): Steps<boolean> {
  const inside = nameInside(enclosure, looked);
  const [from, to] = [join(folder.directory.accessPath, name), join(enclosure.directory.accessPath, inside)];
  // A network filesystem may report an error for a rename that succeeded: only what is found there counts.
  yield* afterFailure(call.rename(from, to));
  const found = yield* lookTwice(enclosure, inside);
  if (isSameInode(found, looked)) return true;
  if (found !== undefined) yield* afterFailure(call.rename(to, from));
  return false;
}

/** The directory would be lost to its owner if one look that fails decided. */
function* lookTwice(enclosure: Enclosure, name: PathName): Steps<FileStatus | undefined> {
  try {
    return yield* lookIn(enclosure, name);
  } catch {
    return yield* lookIn(enclosure, name);
  }
}

/** The token of an enclosure's name. */
export function tokenOf(name: PathName): string | undefined {
  return /(untorn-d(?:-[0-9a-z]+)+)\.tmp$/.exec(asText(name))?.[1];
}

/**
 * The contents of an enclosure that a sweep found. Undefined if it is not an enclosure, or holds something that its
 * owner has not put there to be removed.
 */
export function* lookInside(
  operation: Operation,
  found: FoundDirectory,
  token: string,
  names: readonly PathName[],
): Steps<Map<PathName, FileStatus> | undefined> {
  if (!isOwn(operation, found.status) || !isPrivate(found.status)) return undefined;
  const inside = new Map<PathName, FileStatus>();
  for (const name of names) {
    const status = yield* lookIn(found, name);
    if (status === undefined) continue;
    const isNamed = asText(name) === token || asText(name) === nameInside({ token }, status);
    if (!isNamed || fileType(status.mode) !== 'directory' || status.dev !== found.status.dev) return undefined;
    inside.set(name, status);
  }
  return inside;
}

/** Removes an enclosure and the contents that were found. */
export function* removeEnclosure(
  operation: Operation,
  parent: Folder,
  name: PathName,
  found: FoundDirectory,
  inside: ReadonlyMap<PathName, FileStatus>,
): Steps<void> {
  for (const [entry, status] of inside) yield* removeTree(operation, found, entry, status);
  if (!(yield* rmdirIn(operation, parent, name)))
    throw refusal('ENOTEMPTY', `"${display(found.directoryPath)}" is being filled`);
}

/**
 * Removes a directory outside of an enclosure. It is moved into a new enclosure first, since a directory with the name
 * of a version is whole.
 */
export function* removeInEnclosure(
  operation: Operation,
  folder: FoundDirectory,
  name: PathName,
  looked: FileStatus,
): Steps<void> {
  const enclosure = yield* makeEnclosure(operation, folder, name);
  try {
    const gone = refusal(
      'ESTALE',
      `"${display(join(folder.directoryPath, name))}" cannot be moved, or is another directory by now`,
    );
    if (!(yield* moveIn(enclosure, folder, name, looked))) throw gone;
    if (folder.fd !== undefined) yield* syncNow(folder.fd);
    yield* removeTree(operation, enclosure, nameInside(enclosure, looked), looked);
  } finally {
    yield* leaveEnclosure(operation, enclosure);
  }
}
