/** The directory of a lock, from before the lock is taken until it has been given back. */
import { codeOf, refusal, display, join, type PathName } from '../contract/index.ts';
import { fileType, type FileStatus, type Guard, type Steps } from '../system/index.ts';
import {
  whenDescriptorsAllow,
  isExclusive,
  type Operation,
  isOwn,
  lookIn,
  openFound,
  rmdirIn,
  type Target,
  twice,
} from '../files/index.ts';
import { lockNameOf } from './name.ts';
import { isExposed, isSticky, letGoOf, makeOpen, type LockDirectory } from './rights.ts';

/** Where a lock is: a name in an open directory. */
export type FileIn = Pick<Target, 'directory' | 'directoryPath' | 'name'>;

export interface LockHome extends LockDirectory {
  readonly target: FileIn;
  readonly name: PathName;
  /** What the target's directory was like when it was opened. */
  readonly parent: FileStatus;
  /** By which it is reached from the target's directory, where the descriptor leads to it wherever it is. */
  readonly way: PathName;
  readonly guard: Guard;
  /** Whether it was made for this call, so that nobody can have been before it. */
  readonly isNew: boolean;
  /** Whether only this machine's kernel can have the filesystem mounted. */
  readonly exclusive: boolean;
}

/**
 * A directory of a lock in which nothing is to be put: whoever it belongs to could exchange that, or it cannot be
 * written.
 */
export interface Barred {
  readonly name: PathName;
  /** Whose it is, if that is why. */
  readonly uid: number | undefined;
}

type Found = LockDirectory & Pick<LockHome, 'isNew'>;

/** By a property of its own: somebody may have put one of that name on `Object.prototype`. */
export function isBarred(found: object): found is Barred {
  return Object.hasOwn(found, 'uid');
}

/**
 * Makes the directory of a lock, or opens the one that is there. Undefined if it was there and has gone: then again.
 */
export function* enterHome(operation: Operation, target: FileIn): Steps<LockHome | Barred | undefined> {
  const { directory, directoryPath } = target;
  const name = lockNameOf(target.name);
  const way = join(directory.accessPath, name);
  const guard = operation.environment.guard('lock', way, join(directoryPath, name));
  let home: LockHome | undefined;
  try {
    const found = yield* whenDescriptorsAllow(operation, () => makeOrFind(operation, target, name));
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
      // On a network filesystem an error may be reported of what was done.
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
    // Who owns it may exchange what others put in it, and nobody else may remove it.
    letGoOf(operation, found);
    return { name, uid: found.status.uid };
  }
  const status = yield* lookIn(target, name);
  if (status === undefined || fileType(status.mode) === 'directory') return undefined;
  throw refusal('ENOTDIR', `"${display(directoryPath)}", which is to be the directory of its lock, is something else`);
}

/** Leaves it, and removes it if nobody else is in it. */
export function* leaveHome(operation: Operation, home: LockHome): Steps<void> {
  yield* twice(() => rmdirIn(operation, home.target, home.name));
  home.guard.release();
  letGoOf(operation, home);
}
