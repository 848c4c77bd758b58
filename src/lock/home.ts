/** The directory of a lock, from before the lock is taken until it has been released. */
import { codeOf, refusal, display, join, type PathName } from '../contract/index.ts';
import { fileType, type FileStatus, type Guard, type Steps } from '../system/index.ts';
import { isExclusive, type Operation, isOwn, lookIn, openFound, rmdirIn, type Target, twice } from '../files/index.ts';
import { lockNameOf } from './name.ts';
import { isExposed, isSticky, letGoOf, makeOpen, type LockDirectory } from './rights.ts';

/** The file of a lock: a name in an open directory. */
export type FileIn = Pick<Target, 'directory' | 'directoryPath' | 'name'>;

export interface LockHome extends LockDirectory {
  readonly target: FileIn;
  readonly name: PathName;
  /** The status of the target's directory when it was opened. */
  readonly parent: FileStatus;
  /**
   * The path by which it is reached from the target's directory. The descriptor leads to that directory wherever it is.
   */
  readonly way: PathName;
  readonly guard: Guard;
  /** Whether it was made for this call, so that nobody can have been in it before. */
  readonly isNew: boolean;
  /** Whether only this machine's kernel can have the filesystem mounted. */
  readonly exclusive: boolean;
}

/** A lock's directory in which nothing may be put: its owner could exchange that, or it is not writable. */
export interface Barred {
  readonly name: PathName;
  /** Its owner, if that is the reason. */
  readonly uid: number | undefined;
}

type Found = LockDirectory & Pick<LockHome, 'isNew'>;

/** By an own property: a program may have put one of that name on `Object.prototype`. */
export function isBarred(found: object): found is Barred {
  return Object.hasOwn(found, 'uid');
}

/**
 * Makes the directory of a lock, or opens an existing one. Undefined if it existed and has gone: the caller tries
 * again.
 */
export function* enterHome(operation: Operation, target: FileIn): Steps<LockHome | Barred | undefined> {
  const { directory, directoryPath } = target;
  const name = lockNameOf(target.name);
  const way = join(directory.accessPath, name);
  const guard = operation.environment.guard('lock', way, join(directoryPath, name));
  let home: LockHome | undefined;
  try {
    const found = yield* makeOrFind(operation, target, name);
    if (found === undefined || isBarred(found)) return found;
    const exclusive = yield* isExclusive(directory);
    home = { ...found, target, name, parent: directory.status, way, guard, exclusive };
    guard.opened();
    return home;
  } finally {
    if (home === undefined) guard.release();
  }
}

function* makeOrFind(operation: Operation, target: FileIn, name: PathName): Steps<Found | Barred | undefined> {
  const parent = target.directory.status;
  try {
    const made = yield* makeOpen(operation, target, name, parent);
    return made && { ...made, isNew: true };
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') {
      // A network filesystem may report an error for an operation that succeeded.
      yield* twice(() => rmdirIn(operation, target, name));
      throw error;
    }
  }
  const directoryPath = join(target.directoryPath, name);
  if (!isExposed(operation, parent)) {
    return {
      directory: { accessPath: join(target.directory.accessPath, name) },
      directoryPath,
      fd: undefined,
      isNew: false,
    };
  }
  const found = yield* openFound(operation, target, name);
  if (found !== undefined) {
    if (!isSticky(parent) || isOwn(operation, found.status)) return { ...found, isNew: false };
    // Its owner may exchange what others put in it, and nobody else may remove it.
    letGoOf(operation, found);
    return { name, uid: found.status.uid };
  }
  const status = yield* lookIn(target, name);
  if (status === undefined || fileType(status.mode) === 'directory') return undefined;
  throw refusal('ENOTDIR', `"${display(directoryPath)}" should be the directory of its lock, but is something else`);
}

/** Closes it, and removes it if nobody else is in it. */
export function* leaveHome(operation: Operation, home: LockHome): Steps<void> {
  yield* twice(() => rmdirIn(operation, home.target, home.name));
  letGoOfHome(operation, home);
}

/** Closes it where it stays, or is gone already. */
export function letGoOfHome(operation: Operation, home: LockHome): void {
  home.guard.release();
  letGoOf(operation, home);
}
