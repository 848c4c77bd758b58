/**
 * Keeping the replaced file.
 *
 * Promise: the target always exists, and the backup is always whole. It is a hard link to the old file, or a copy on
 * filesystems without hard links. With durability `'full'` or `'normal'` it reaches the disk before the new content
 * can. A crash in between leaves the old file under both names. The file that is linked or copied is the one that was
 * examined, whatever has its name by then. Older numbered backups are removed only when the new content is committed: a
 * write that fails over and over does not use them up.
 */
import { refuseReserved, codeOf, refusal, join, key, split, type PathName } from '../contract/index.ts';
import { fileType, O_NEW, O_NOFOLLOW, O_RDONLY, call, nothing, type FileStatus, type Steps } from '../system/index.ts';
import {
  whileBusy,
  whileOpen,
  copyContent,
  closeDirectory,
  openDirectory,
  syncDirectory,
  type Folder,
  lookAt,
  applyMetadata,
  type Operation,
  isSameInode,
  unlinkIn,
  syncInPlace,
  refuseTooLong,
  type Target,
  closeTemporary,
  createTemporary,
  discardTemporary,
  examineTemporary,
  forgetTemporary,
  newName,
  stagingFolder,
  syncTemporary,
  type TemporaryFile,
  afterFailure,
  unlinkIfThere,
} from '../files/index.ts';
import type { Turn } from '../order/index.ts';
import { nextNumbered, simple } from './backup-names.ts';

/** A backup that was made before the rename. */
export interface MadeBackup {
  readonly path: PathName;
  /** After a failure that left the old content in place: removes the backup. */
  undo(): Steps<void>;
  /** After the commit: removes the superfluous backups. */
  finish(): Steps<void>;
}

/** Makes the backup that was asked for. */
export function* makeBackup(operation: Operation, target: Target, turn: Turn): Steps<MadeBackup | undefined> {
  const { backup, durability } = operation.settings;
  if (backup === undefined || target.existing === undefined) return undefined;
  if (durability !== 'off') yield* syncOld(operation, target, target.existing);
  if (backup.kind === 'path') return overwritten(yield* backUpElsewhere(operation, target, turn, backup.path));
  const made =
    backup.kind === 'numbered'
      ? yield* backUpNumbered(operation, target, turn, backup.limit)
      : overwritten(yield* backUpAs(operation, target, turn, target, simple(target.name)));
  try {
    if (durability !== 'off') yield* syncDirectory(operation, target.directory);
  } catch (error) {
    yield* made.undo();
    throw error;
  }
  return made;
}

/** A backup under a name of its own: the backup that it replaced is gone. */
function overwritten(path: PathName): MadeBackup {
  return { path, undo: nothing, finish: nothing };
}

/** Syncs the old file's own data: its writer may not have synced it. False if it has none, being a link. */
export function* syncOld(operation: Operation, place: Pick<Target, 'accessPath'>, old: FileStatus): Steps<boolean> {
  if (fileType(old.mode) !== 'file') return false;
  // If that is refused, the result says that nothing here is confirmed durable.
  return yield* syncInPlace(operation, place);
}

function* backUpElsewhere(operation: Operation, target: Target, turn: Turn, path: PathName): Steps<PathName> {
  if (operation.environment.platform === 'win32') refuseReserved(path);
  const { directory: directoryPath, name } = split(path);
  const directory = yield* openDirectory(operation, directoryPath);
  try {
    if (directory.key === target.directory.key && key(name) === key(target.name))
      throw refusal('EINVAL', 'the backup would be the file itself');
    yield* backUpAs(operation, target, turn, { directory, directoryPath }, name);
    if (operation.settings.durability !== 'off') yield* syncDirectory(operation, directory);
    return path;
  } finally {
    closeDirectory(operation, directory);
  }
}

/** Gives the old file a name that may be in use: first a new one, which is then renamed over it. */
function* backUpAs(operation: Operation, target: Target, turn: Turn, folder: Folder, name: PathName): Steps<PathName> {
  refuseTooLong(operation, join(folder.directoryPath, name));
  const staged = yield* stageOld(operation, target, folder, name);
  try {
    turn.throwIfOvertaken(target);
    yield* whileBusy(operation, () => call.rename(staged.accessPath, join(folder.directory.accessPath, name)));
  } catch (error) {
    yield* staged.discard();
    throw error;
  }
  // If the backup is a link to the old file already, rename(2) does nothing and leaves the new name.
  yield* unlinkIfThere(staged.accessPath);
  staged.forget();
  return join(folder.directoryPath, name);
}

/** The old file under a new name, on its way to be a backup. */
export interface StagedBackup {
  readonly name: PathName;
  readonly accessPath: PathName;
  /** After this an end of the process does not remove it. */
  letStay(): void;
  /** It is at its final place. */
  forget(): void;
  discard(): Steps<unknown>;
}

/** Gives the old file a temporary name beside that of its backup: by a link, or as a copy. */
export function* stageOld(operation: Operation, target: Target, folder: Folder, name: PathName): Steps<StagedBackup> {
  const chosen = newName(operation, name, 'temporary');
  const staging = stagingFolder(operation, folder, target);
  const accessPath = join(staging.way ?? staging.directory.accessPath, chosen);
  const guard = operation.environment.guard('file', accessPath, join(staging.directoryPath, chosen));
  const discard = function* (): Steps<void> {
    if (yield* afterFailure(call.unlink(accessPath))) guard.release();
  };
  try {
    if (yield* linked(operation, target, accessPath)) {
      guard.opened();
      return { name: chosen, accessPath, letStay: () => guard.release(), forget: () => guard.release(), discard };
    }
  } catch (error) {
    yield* discard();
    throw error;
  }
  guard.release();
  const copy = yield* copyOld(operation, target, staging, name);
  return {
    name: copy.name,
    accessPath: copy.accessPath,
    letStay: () => copy.guard.release(),
    forget: () => forgetTemporary(copy),
    discard: () => discardTemporary(copy),
  };
}

/** How often to look for a file that others replace meanwhile. */
const patience = 10;

/**
 * Links the target. Not if the filesystem or the kernel refuses, or if writing in place would change the backup too.
 * The linked file must be the one that was examined: by then another thing may be there, such as a link that somebody
 * has put there.
 */
function* linked(operation: Operation, target: Target, to: PathName): Steps<boolean> {
  if (operation.settings.fallback === 'in-place') return false;
  let looked = target.existing;
  for (let attempts = 0; attempts < patience; attempts++) {
    try {
      yield* call.link(target.accessPath, to);
    } catch (error) {
      const code = codeOf(error) ?? '';
      if (['EPERM', 'EACCES', 'EXDEV', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(code)) return false;
      // Linux gives this code also if another process replaces the file just now: the file found has no name any more.
      if (code !== 'ENOENT' || (yield* lookAt(target)) === undefined) throw error;
      continue;
    }
    if (isSameInode(yield* lookAt({ accessPath: to }), looked)) return true;
    yield* call.unlink(to);
    looked = yield* lookAt(target);
    if (looked !== undefined && fileType(looked.mode) !== fileType(target.existing?.mode ?? looked.mode))
      throw replacedMeanwhile();
  }
  // On filesystems where numbers do not identify inodes.
  return false;
}

function replacedMeanwhile(): Error {
  return refusal('ERR_VERSION_CONFLICT', 'somebody replaced it while it was backed up');
}

function* copyOld(operation: Operation, target: Target, folder: Folder, name: PathName): Steps<TemporaryFile> {
  const temporary = yield* createTemporary(operation, folder, name, { mode: 0o600 });
  try {
    yield* whileOpen(operation, copyTarget(target, temporary));
    yield* examineTemporary(operation, target, temporary);
    yield* applyMetadata(
      { ...operation, settings: { ...operation.settings, mode: undefined, uid: undefined, gid: undefined } },
      target,
      temporary,
    );
    if (operation.settings.durability !== 'off') yield* syncTemporary(operation, temporary);
    yield* closeTemporary(temporary);
    return temporary;
  } catch (error) {
    yield* discardTemporary(temporary);
    throw error;
  }
}

function* copyTarget({ accessPath, existing }: Target, { fd }: TemporaryFile): Steps<void> {
  const old = yield* call.open(accessPath, O_RDONLY | O_NOFOLLOW, 0);
  try {
    // The copy gets the rights of the examined file, so it may not have the content of a file that fewer users may
    // read.
    if (!isAsOpen(yield* call.fstat(old), existing)) throw replacedMeanwhile();
    yield* copyContent(old, fd);
  } finally {
    yield* call.close(old);
  }
}

function isAsOpen(status: FileStatus, looked: FileStatus | undefined): boolean {
  return (
    isSameInode(status, looked) ||
    (status.mode === looked?.mode && status.uid === looked.uid && status.gid === looked.gid)
  );
}

/**
 * Makes a backup with the next free number; of the older backups only the last few stay. If the process ends before the
 * rename, it stays: it is whole, and the next thing on disk may be the rename already.
 */
function* backUpNumbered(operation: Operation, target: Target, turn: Turn, limit: number): Steps<MadeBackup> {
  for (let attempts = 1; ; attempts++) {
    const { name, surplus } = yield* nextNumbered(operation, target, limit);
    refuseTooLong(operation, join(target.directoryPath, name));
    const accessPath = join(target.directory.accessPath, name);
    try {
      if (!(yield* linked(operation, target, accessPath))) yield* backUpOver(operation, target, turn, name, accessPath);
    } catch (error) {
      // Somebody else has made one of that number meanwhile.
      if (codeOf(error) === 'EEXIST' && attempts < patience) continue;
      throw error;
    }
    return {
      path: join(target.directoryPath, name),
      *undo() {
        yield* afterFailure(call.unlink(accessPath));
      },
      *finish() {
        for (const old of surplus) yield* unlinkIn(operation, target, old);
      },
    };
  }
}

/** On filesystems without links: first takes the name with an empty file, which nobody else has then. */
function* backUpOver(
  operation: Operation,
  target: Target,
  turn: Turn,
  name: PathName,
  accessPath: PathName,
): Steps<void> {
  const guard = operation.environment.guard('file', accessPath, join(target.directoryPath, name));
  try {
    yield* call.close(yield* call.open(accessPath, O_NEW, 0o600));
  } catch (error) {
    guard.release();
    throw error;
  }
  guard.opened();
  try {
    yield* backUpAs(operation, target, turn, target, name);
  } catch (error) {
    yield* afterFailure(call.unlink(accessPath));
    throw error;
  } finally {
    guard.release();
  }
}

/** The name of the next backup in the file's own directory, and those of the backups that it makes superfluous. */
export function* numberBackup(
  operation: Operation,
  target: Target,
  backup: { readonly kind: 'simple' } | { readonly kind: 'numbered'; readonly limit: number },
): Steps<{ name: PathName; surplus: PathName[] }> {
  return backup.kind === 'simple'
    ? { name: simple(target.name), surplus: [] }
    : yield* nextNumbered(operation, target, backup.limit);
}
