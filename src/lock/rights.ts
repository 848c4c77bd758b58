/**
 * Who may take a lock over: everybody who may write the directory that the lock is in.
 *
 * Where others can write, they can also replace a directory right after it was made. So a lock's directory is made with
 * a mode that no other directory has, and opened without following a link. It gets its owner and mode only if it has
 * that mode.
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

/** A directory of a lock. It is reached by its path, or through a descriptor where others could exchange it. */
export type LockDirectory = Folder & Pick<FoundDirectory, 'fd'>;

/** Closes one without waiting for the close. */
export function letGoOf({ blocking, environment }: Operation, { fd }: LockDirectory): void {
  if (fd !== undefined) environment.release(fd, blocking ? 'here' : 'elsewhere');
}

/** The rights of a lock's maker in its directory, whatever those of the target's directory are. */
const own = 0o700;
/** The mode of a directory that is not open to takers yet: no other directory has it. */
const marked = 0o1700;

/** Operations that open all directories that they make, since the umask takes rights from the owner. */
const careful = new WeakSet<Operation>();

/** Whether the operation has to become careful, and was not. */
export function becomesCareful(operation: Operation): boolean {
  if (careful.has(operation) || !isNarrow(operation)) return false;
  careful.add(operation);
  return true;
}

/** Whether a directory that is made here must be opened: others could put something else in its place. */
export function isExposed(operation: Operation, parent: FileStatus): boolean {
  const { uid, platform } = operation.environment;
  return (
    platform !== 'win32' &&
    (careful.has(operation) || (parent.mode & 0o022) !== 0 || (parent.uid !== uid && parent.uid !== 0))
  );
}

/** Whether users may move only their own files in a directory that others can write. */
export function isSticky(parent: FileStatus): boolean {
  return (parent.mode & 0o1000) !== 0 && (parent.mode & 0o022) !== 0;
}

/** The mode of a directory of a lock, if nobody else can write where it is made. */
export function modeOf(parent: FileStatus): number {
  return (parent.mode & 0o777) | own;
}

/**
 * Makes a directory of a lock. Where others can write `parent`, the target's directory, they may take over what is in
 * it; not in a sticky directory, where users may move only their own files. Undefined if it was removed as soon as it
 * was made.
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
    yield* call.mkdir(accessPath, modeOf(parent));
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
 * Gives a new directory the owner, group and mode of the target's, as far as that is possible. If somebody else put
 * another thing in its place, that is left as it is, and so is a directory on a filesystem without modes.
 */
function* openToTakers(operation: Operation, made: FoundDirectory, parent: FileStatus): Steps<void> {
  const { fd, status } = made;
  const { uid } = operation.environment;
  // The set-gid bit comes from the parent.
  const isMarked = isOwn(operation, status) && (status.mode & 0o5777) === marked;
  if (fd === undefined || !isMarked || (yield* namesIn(made)).length > 0) return;
  // If ownership may not be given away, fewer users may take it over.
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
    // Node's permission model does not know descriptors.
    yield* call.chmod(accessPath, mode);
  }
}

function exchanged(name: PathName): Error {
  return refusal('ERR_LOCK_LOST', `somebody replaced "${display(name)}", which was just made`);
}
