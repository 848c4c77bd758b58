/**
 * Who may take a lock over: whoever may write the directory that the lock is in.
 *
 * Where others write there they can also put something else in the place of a directory right after it was made. So it
 * is made with a mode that no other directory has, opened without following a link, and given its owner and mode only
 * if it is that one.
 */
import { refusal, display, join, type PathName } from '../contract/index.ts';
import { call, type FileStatus, type Steps } from '../system/index.ts';
import {
  type Folder,
  isNarrow,
  openMade,
  refusedByPermissions,
  type Operation,
  closeFound,
  isOwn,
  namesIn,
  type FoundDirectory,
  preserving,
  afterFailure,
} from '../files/index.ts';

/** A directory of a lock: reached by its path, or through a descriptor where others could exchange it. */
export type LockDirectory = Folder & Pick<FoundDirectory, 'fd'>;

/** Closes one without waiting for that. */
export function letGoOf({ blocking, environment }: Operation, { fd }: LockDirectory): void {
  if (fd !== undefined) environment.release(fd, blocking ? 'here' : 'elsewhere');
}

/** What its maker may do with a directory of a lock, whatever the target's is like. */
const own = 0o700;
/** Of a directory that is not open to takers yet: nobody else's looks so. */
const marked = 0o1700;

/** Those that open all directories that they make, since the umask hinders the owner. */
const careful = new WeakSet<Operation>();

/** Whether it has to be one of them, and was none. */
export function becomesCareful(operation: Operation): boolean {
  if (careful.has(operation) || !isNarrow(operation)) return false;
  careful.add(operation);
  return true;
}

/** Whether what is made in a directory must be opened: others could put something else in its place. */
export function isExposed(operation: Operation, parent: FileStatus): boolean {
  const { uid, platform } = operation.environment;
  return (
    platform !== 'win32' &&
    (careful.has(operation) || (parent.mode & 0o022) !== 0 || (parent.uid !== uid && parent.uid !== 0))
  );
}

/** Whether users may move only what is their own in a directory that others write. */
export function isSticky(parent: FileStatus): boolean {
  return (parent.mode & 0o1000) !== 0 && (parent.mode & 0o022) !== 0;
}

/**
 * Makes a directory of a lock. Where others write `parent`, that of the target, they may take over what is in it, but
 * in a sticky directory, where each may move only what is his own. Undefined if it was removed as soon as it was made.
 */
export function* makeOpen(
  operation: Operation,
  folder: Folder,
  name: PathName,
  parent: FileStatus,
): Steps<LockDirectory | undefined> {
  const isShared = !isSticky(parent);
  const accessPath = join(folder.directory.accessPath, name);
  if (!isExposed(operation, parent)) {
    yield* call.mkdir(accessPath, (parent.mode & 0o777) | own);
    return { directory: { accessPath }, directoryPath: join(folder.directoryPath, name), fd: undefined };
  }
  yield* call.mkdir(accessPath, isShared ? marked : (parent.mode & 0o755) | own);
  const made = yield* openMade(operation, folder, name);
  if (made === undefined) return undefined;
  try {
    if (isShared) yield* openToTakers(operation, made, parent);
    else if (!isOwn(operation, made.status)) throw exchanged(name);
    return made;
  } catch (error) {
    yield* afterFailure(closeFound(made));
    throw error;
  }
}

/**
 * Gives a directory that was just made the owner, group and mode of the target's, as far as that is possible. What
 * somebody else put in its place is left as it is, and so is one on a filesystem that has no modes.
 */
function* openToTakers(operation: Operation, made: FoundDirectory, parent: FileStatus): Steps<void> {
  const { fd, status } = made;
  const { uid } = operation.environment;
  // The set-gid bit comes from the parent.
  const isMarked = isOwn(operation, status) && (status.mode & 0o5777) === marked;
  if (fd === undefined || !isMarked || (yield* namesIn(operation, made)).length > 0) return;
  // Where it may not be given away, those who may take it over are fewer.
  if (uid === 0 || status.gid !== parent.gid) {
    yield* preserving('try', call.fchown(fd, uid === 0 ? parent.uid : -1, parent.gid), 'group', []);
  }
  yield* preserving('try', setMode(operation, fd, made.directory.accessPath, (parent.mode & 0o7777) | own), 'mode', []);
}

function* setMode(operation: Operation, fd: number, accessPath: PathName, mode: number): Steps<void> {
  try {
    yield* call.fchmod(fd, mode);
  } catch (error) {
    if (!refusedByPermissions(operation, error)) throw error;
    // Node's permission model knows no descriptors.
    yield* call.chmod(accessPath, mode);
  }
}

function exchanged(name: PathName): Error {
  return refusal(
    'ERR_LOCK_LOST',
    `somebody put something else in the place of "${display(name)}", which was just made`,
  );
}
