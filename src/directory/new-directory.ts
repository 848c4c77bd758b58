/**
 * The new directory before it takes the place of the old one.
 *
 * Promise: the directory that is named as a version, and moved back or removed after a failure, is the one that was
 * made or prepared. It is recognized by its inode, whatever has its name by then.
 */
import { codeOf, refusal, display, join, split, type PathName } from '../contract/index.ts';
import {
  whenDescriptorsAllow,
  withoutWaiting,
  fileType,
  O_DIRECTORY_ITSELF,
  uninterrupted,
  call,
  nothing,
  type FileStatus,
  type Steps,
} from '../system/index.ts';
import {
  during,
  closeDirectory,
  openDirectory,
  syncDirectory,
  syncNow,
  type Directory,
  leaveEnclosure,
  makeEnclosure,
  nameInside,
  type Enclosure,
  type Folder,
  lookAt,
  widened,
  type LockedOperation,
  type Operation,
  isSameInode,
  lookIn,
  rmdirIn,
  preserving,
  type Target,
  newName,
  afterFailure,
  twice,
  removeTree,
} from '../files/index.ts';

/** The new directory, and its current name. */
export interface New {
  readonly path: PathName;
  readonly folder: Folder;
  readonly name: PathName;
  readonly status: FileStatus;
  /** The enclosure that it was made in. For a prepared directory, the enclosure in which the old one is removed. */
  enclosure: Enclosure | undefined;
  readonly isReady: boolean;
  /** The steps to take if the process ends now. */
  atEnd: (operation: LockedOperation) => Steps<unknown>;
  /** Ends its use, when nothing more is to be done with it. */
  leave(operation: Operation): Steps<void>;
}

/** A name in the open directory of the path. */
export type Spot = Pick<Target, 'directory' | 'directoryPath' | 'name' | 'accessPath'>;

/** A directory that the caller has made. */
export function* prepared(operation: LockedOperation, path: PathName, replaced: FileStatus | undefined): Steps<New> {
  const { directory: directoryPath, name } = split(path);
  const directory = yield* openSource(operation, path, directoryPath);
  try {
    const status = yield* lookIn({ directory, directoryPath }, name);
    if (status === undefined) throw missing(path);
    if (fileType(status.mode) !== 'directory')
      throw refusal('ENOTDIR', `"${display(path)}" is not a directory, and cannot replace one`);
    if (isSameInode(replaced, status)) throw refusal('EINVAL', `"${display(path)}" is the directory to be replaced`);
    const made = {
      path,
      folder: { directory, directoryPath },
      name,
      status,
      enclosure: undefined,
      isReady: true,
      atEnd: nothing,
    };
    return endingWith(operation, made, () => closeDirectory(operation, directory));
  } catch (error) {
    closeDirectory(operation, directory);
    throw error;
  }
}

function* openSource(operation: Operation, path: PathName, directoryPath: PathName): Steps<Directory> {
  try {
    return yield* openDirectory(operation, directoryPath);
  } catch (error) {
    throw codeOf(error) === 'ENOENT' ? missing(path) : error;
  }
}

function missing(path: PathName): Error {
  return refusal('ENOENT', `the new directory "${display(path)}" does not exist`);
}

/**
 * Makes an empty directory with the rights of the old one: nobody else can read in the new directory who could not read
 * in the old one.
 */
export function create(operation: LockedOperation, spot: Spot, replaced: FileStatus | undefined): Steps<New> {
  // An exit comes before all of it or after.
  const steps = whenDescriptorsAllow(operation, () => uninterrupted(createNow(operation, spot, replaced)));
  return during(operation, 'create temporary file', steps);
}

function* createNow(operation: LockedOperation, spot: Spot, replaced: FileStatus | undefined): Steps<New> {
  const enclosure = yield* makeEnclosure(operation, spot, spot.name);
  const name = enclosure.token;
  const accessPath = join(enclosure.directory.accessPath, name);
  try {
    yield* makeInside(accessPath);
    const status = yield* during(operation, 'set metadata', giveRights(operation, accessPath, replaced));
    const path = join(enclosure.directoryPath, name);
    const made: Omit<New, 'leave'> = {
      path,
      folder: enclosure,
      name,
      status,
      enclosure,
      isReady: false,
      atEnd: (by) => discardNew(by, made),
    };
    return endingWith(operation, made, () => undefined);
  } catch (error) {
    yield* afterFailure(call.rmdir(accessPath));
    yield* leaveEnclosure(operation, enclosure);
    throw error;
  }
}

function* makeInside(accessPath: PathName): Steps<void> {
  try {
    yield* call.mkdir(accessPath, 0o700);
  } catch (error) {
    // A network filesystem may report an error for an operation that succeeded. Nobody else makes anything there.
    if ((yield* lookAt({ accessPath })) === undefined) throw error;
  }
}

/** Registers the steps that leave nothing of it when the process ends. */
function endingWith(operation: LockedOperation, made: Omit<New, 'leave'>, close: () => void): New {
  const inTheEnd: LockedOperation = { ...operation, blocking: true };
  const letEnd = operation.environment.atEnd(function* () {
    yield* afterFailure(made.atEnd(inTheEnd));
    if (made.enclosure !== undefined) yield* leaveEnclosure(inTheEnd, made.enclosure);
  });
  return Object.assign(made, {
    *leave(by: Operation): Steps<void> {
      if (made.enclosure !== undefined) yield* leaveEnclosure(by, made.enclosure);
      letEnd();
      close();
    },
  });
}

function* giveRights(operation: LockedOperation, accessPath: PathName, old: FileStatus | undefined): Steps<FileStatus> {
  const fd = yield* widened(operation, accessPath, () => call.open(accessPath, O_DIRECTORY_ITSELF, 0));
  try {
    const own = yield* call.fstat(fd);
    let mode = old === undefined ? (own.mode & 0o7000) | (0o777 & ~operation.environment.umask()) : old.mode & 0o7777;
    if (
      old !== undefined &&
      old.gid !== own.gid &&
      !(yield* preserving('try', call.fchown(fd, -1, old.gid), 'group', []))
    )
      mode &= ~0o2070;
    if (old !== undefined && old.uid !== own.uid) yield* preserving('try', call.fchown(fd, old.uid, -1), 'owner', []);
    yield* operation.environment.descriptorsRestricted ? call.chmod(accessPath, mode) : call.fchmod(fd, mode);
    return yield* call.fstat(fd);
  } finally {
    yield* call.close(fd);
  }
}

/** The name of a version contains the directory's inode, and so does the text of the link that leads to it. */
export function versionName(operation: LockedOperation, name: PathName, { ino }: FileStatus): PathName {
  return newName(
    { ...operation, settings: { ...operation.settings, suffix: `.${ino.toString(36)}` } },
    name,
    'version',
  );
}

/** Renames the new directory to the name of a version. */
export function* nameVersion(operation: LockedOperation, place: Spot, made: New, version: PathName): Steps<void> {
  const { folder, name, status } = made;
  const [from, to] = [join(folder.directory.accessPath, name), join(place.directory.accessPath, version)];
  try {
    yield* move(operation, made, from, to);
  } catch (error) {
    // A network filesystem may report an error for a rename that succeeded.
    if (isSameInode(yield* lookIn(place, version), status)) return;
    if (codeOf(error) === 'EXDEV')
      throw refusal(
        'EXDEV',
        `"${display(made.path)}" is on another filesystem; make the new directory beside the old one`,
      );
    throw error;
  }
  if (!isSameInode(yield* lookIn(place, version), status)) throw isAnother(made.path);
}

/** The error for a directory that has been exchanged since it was examined. */
export function isAnother(path: PathName): Error {
  return refusal(
    'ERR_VERSION_CONFLICT',
    `"${display(path)}" is no longer the new directory: somebody has moved or replaced it`,
  );
}

function* move(operation: LockedOperation, { isReady }: New, from: PathName, to: PathName): Steps<void> {
  try {
    return yield* call.rename(from, to);
  } catch (error) {
    if (isReady || codeOf(error) !== 'EACCES' || operation.environment.descriptorsRestricted) throw error;
  }
  // A directory that its owner may not write cannot get another parent (rename(2)).
  const fd = yield* call.open(from, O_DIRECTORY_ITSELF, 0);
  try {
    const { mode } = yield* call.fstat(fd);
    yield* call.fchmod(fd, (mode & 0o7777) | 0o200);
    try {
      yield* call.rename(from, to);
    } finally {
      yield* call.fchmod(fd, mode & 0o7777);
    }
    if (operation.settings.durability !== 'off') yield* syncNow(fd);
  } finally {
    yield* call.close(fd);
  }
}

/** Syncs the name of the version, and its removal from the enclosure: a sweep would otherwise remove it there. */
export function* syncVersion(
  operation: LockedOperation,
  { directory }: Spot,
  { isReady, enclosure }: New,
): Steps<void> {
  if (!isReady && enclosure?.fd !== undefined) yield* syncNow(enclosure.fd);
  yield* syncDirectory(operation, directory);
}

/**
 * After a failure: moves it back to its old name. If that is impossible, as in a directory that is gone, the error says
 * where it is.
 */
export function* putBack(
  operation: LockedOperation,
  place: Spot,
  { folder, name, status, enclosure, isReady }: New,
  version: PathName,
): Steps<void> {
  try {
    if (!isSameInode(yield* lookIn(place, version), status)) return;
    const back = enclosure === undefined || isReady ? name : nameInside(enclosure, status);
    yield* afterFailure(
      call.rename(join(place.directory.accessPath, version), join(folder.directory.accessPath, back)),
    );
    if ((yield* lookIn(place, version)) === undefined) return;
  } catch {
    // Nobody knows whether it moved back.
  }
  operation.temporaryPath = join(place.directoryPath, version);
}

/**
 * After a failure: moves the caller's directory back, or removes the directory that was made. If that fails, as without
 * a descriptor, it is tried again from time to time, and when the process ends.
 */
export function* discardNew(
  operation: Operation,
  { enclosure, name, status, isReady }: Omit<New, 'leave'>,
): Steps<void> {
  if (enclosure === undefined || isReady) return;
  // Twice: the obstacle may have passed.
  if (yield* twice(() => withoutWaiting(removeFrom(operation, enclosure, enclosure, name, status)))) return;
  // By the paths, since nothing of it stays open.
  const later = function* (by: Operation): Steps<boolean> {
    yield* removeFrom(by, atPath(enclosure), enclosure, name, status);
    return yield* rmdirIn(by, atPath(enclosure.parent), enclosure.name);
  };
  const { environment } = operation;
  const letEnd = environment.atEnd(() => later({ ...operation, blocking: true }));
  environment.insist(function* () {
    const isGone = yield* withoutWaiting(later(operation));
    if (isGone) letEnd();
    return isGone;
  });
}

function atPath({ directoryPath }: Folder): Folder {
  return { directory: { accessPath: directoryPath }, directoryPath };
}

/** Removes the directory that was made from its enclosure, under both names that it may have there. */
function* removeFrom(
  operation: Operation,
  folder: Folder,
  enclosure: Enclosure,
  name: PathName,
  status: FileStatus,
): Steps<void> {
  for (const entry of [name, nameInside(enclosure, status)])
    if (isSameInode(yield* lookIn(folder, entry), status)) yield* removeTree(operation, folder, entry, status);
}
