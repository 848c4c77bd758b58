/**
 * Keeping what is replaced.
 *
 * Promise: the target is never away for a moment, and the backup is never half. It is a hard link to the old file where
 * the filesystem has them, a copy elsewhere; with durability `'full'` or `'normal'` it reaches the disk before the new
 * content can. A crash in between leaves the old file under both names. What is linked or copied is the file that was
 * looked at, whatever has its name by then. Older numbered backups go only when the new content is in place: a write
 * that fails over and over does not use them up.
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
  /** After a failure that left the old content in place: removes what was added. */
  undo(): Steps<void>;
  /** After the commit: removes what it makes superfluous. */
  finish(): Steps<void>;
}

/** Makes the backup that was asked for. */
export function* makeBackup(operation: Operation, target: Target, turn: Turn): Steps<MadeBackup | undefined> {
  const { backup, durability } = operation.settings;
  if (backup === undefined || target.existing === undefined) return undefined;
  operation.step = 'back up';
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

/** A backup under a name of its own: what it replaced is gone. */
function overwritten(path: PathName): MadeBackup {
  return { path, undo: nothing, finish: nothing };
}

/** The old file's own data: who wrote it may not have synced it. False where it has none, being a link. */
export function* syncOld(operation: Operation, place: Pick<Target, 'accessPath'>, old: FileStatus): Steps<boolean> {
  if (fileType(old.mode) !== 'file') return false;
  // Where that is refused the result says that nothing here is confirmed durable.
  return yield* syncInPlace(operation, place);
}

function* backUpElsewhere(operation: Operation, target: Target, turn: Turn, path: PathName): Steps<PathName> {
  refuseReserved(operation.environment.platform, path);
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

/** Puts the old file under a name that may be taken: under a new one first, then renamed over it. */
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
  // Where the backup is a link to the old file already, rename(2) does nothing and leaves the new one.
  yield* unlinkIfThere(staged.accessPath);
  staged.forget();
  return join(folder.directoryPath, name);
}

/** The old file under a new name, on its way to be a backup. */
export interface StagedBackup {
  readonly name: PathName;
  readonly accessPath: PathName;
  /** From now on an end of the process does not remove it. */
  letStay(): void;
  /** It is where it is to be. */
  forget(): void;
  discard(): Steps<unknown>;
}

/** Gives the old file a temporary name beside the one that its backup is to have: by a link, or as a copy. */
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

/** How often a file is looked for that others replace meanwhile. */
const patience = 10;

/**
 * Links the target, unless the filesystem or the kernel does not do that, or what is then written in place would be the
 * backup too. What is linked is what was looked at: another thing may be there by then, as a link that somebody has put
 * there.
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
      // Linux says this also where another process replaces the file just now: what was found has no name any more.
      if (code !== 'ENOENT' || (yield* lookAt(target)) === undefined) throw error;
      continue;
    }
    if (isSameInode(yield* lookAt({ accessPath: to }), looked)) return true;
    yield* call.unlink(to);
    looked = yield* lookAt(target);
    if (looked !== undefined && fileType(looked.mode) !== fileType(target.existing?.mode ?? looked.mode))
      throw replacedMeanwhile();
  }
  // Where inodes cannot be told by their numbers.
  return false;
}

function replacedMeanwhile(): Error {
  return refusal('ERR_VERSION_CONFLICT', 'somebody has put another file there while it was backed up');
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
    // The copy gets the rights of the file that was looked at: not the content of one that fewer may read.
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
 * The next free number; of the older backups only the last few stay. An end of the process before the rename leaves it:
 * it is whole, and what comes next may be the rename already.
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

/** Where there are no links: takes the name first by an empty file, which nobody else has then. */
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

/** The name that the next backup in the file's own directory gets, and those that it makes superfluous. */
export function* numberBackup(
  operation: Operation,
  target: Target,
  backup: { readonly kind: 'simple' } | { readonly kind: 'numbered'; readonly limit: number },
): Steps<{ name: PathName; surplus: PathName[] }> {
  return backup.kind === 'simple'
    ? { name: simple(target.name), surplus: [] }
    : yield* nextNumbered(operation, target, backup.limit);
}
