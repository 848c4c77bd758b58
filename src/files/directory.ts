/**
 * The directory of a target, held open from the first look at the target to the end.
 *
 * Promise: every step of one write happens in the same directory, even if it is renamed meanwhile (Linux, through
 * `/proc/self/fd`); and a sync of it covers every rename that was done before the sync began.
 * Writes that are in one directory at the same time share its descriptor, and share syncs: the first that
 * needs one leads it, and all that renamed before it began are served by it.
 */
import { codeOf, refusal, display, key, type PathName } from '../contract/index.ts';
import {
  now,
  fileType,
  O_DIRECTORY,
  O_PATH_DIRECTORY,
  uninterrupted,
  call,
  chain,
  concurrently,
  type Chained,
  type FileStatus,
  type Steps,
} from '../system/index.ts';
import { filesystemAt, type Filesystem } from './filesystems.ts';
import { ifFound, persisting } from './look.ts';
import type { Operation } from './operation.ts';
import { syncTogether, type SyncedTogether } from './shared-sync.ts';
import { afterFailure } from './tolerate.ts';

export interface Directory extends Filesystem, SyncedTogether {
  /** Device and inode: the same for every path that leads here. */
  readonly key: string;
  readonly fd: number | undefined;
  /** A path through which it is reached. */
  readonly accessPath: PathName;
  /** Whether its owner's or a sticky directory's rule protects names in it. */
  readonly status: FileStatus;
  readonly canSync: boolean;
  /** The path that led to it without any link, where that was asked for. */
  readonly straightPath: PathName | undefined;
  /** How many looks on the spot in a row took long, and until when there are none therefore, by `now()`. */
  slowLooks: number;
  slowUntil: number;
  /** Of an overlay, once that was asked for. */
  isVolatile?: boolean;
  users: number;
}

/** Directories that asynchronous writes have open now, or had until just now. */
class OpenDirectories {
  readonly byKey = new Map<string, Directory>();
  /** The same by the paths that led to them, to be verified. */
  readonly byPath = new Map<string, Directory>();
}

export function* openDirectory(operation: Operation, path: PathName): Steps<Directory> {
  if (operation.environment.platform === 'win32') return yield* withoutDescriptor(path);
  const { fd, canSync } = yield* openForSync(path);
  const accessPath = operation.environment.accessPath(fd, path);
  try {
    const [status, filesystem] = operation.blocking
      ? [yield* call.fstat(fd), yield* filesystemAt(accessPath)]
      : yield* concurrently(call.fstat(fd), filesystemAt(accessPath));
    const straightPath = filesystem.local && !operation.blocking ? yield* pathOf(operation, fd, path) : undefined;
    const opened = operation.environment.state.of(OpenDirectories);
    let directory = operation.blocking ? undefined : opened.byKey.get(keyOf(status));
    if (directory !== undefined) {
      operation.environment.release(fd, 'elsewhere');
      directory.users++;
    } else {
      directory = {
        key: keyOf(status),
        fd,
        accessPath,
        status,
        canSync,
        ...filesystem,
        straightPath,
        slowLooks: 0,
        slowUntil: 0,
        users: 1,
        syncing: undefined,
        next: undefined,
      };
      if (!operation.blocking) opened.byKey.set(directory.key, directory);
    }
    if (!operation.blocking) opened.byPath.set(key(path), directory);
    return directory;
  } catch (error) {
    yield* afterFailure(call.close(fd));
    throw error;
  }
}

/** A directory that was open under this path just now. It may be another one by now: see {@link isStill}. */
export function recallDirectory(operation: Operation, path: PathName): Directory | undefined {
  const directory = operation.blocking
    ? undefined
    : operation.environment.state.of(OpenDirectories).byPath.get(key(path));
  if (directory !== undefined) directory.users++;
  return directory;
}

/** Whether a path leads to this directory. */
export function* isStill(directory: Directory, path: PathName): Steps<boolean> {
  try {
    const { own } = directory;
    return (
      keyOf(yield* persisting({ accessPath: path, directory: { own } }, () => call.stat(path), true)) === directory.key
    );
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes(codeOf(error) ?? '')) return false;
    throw error;
  }
}

/**
 * Looks on the spot that take longer, in milliseconds, and so many in a row, wait for a disk. A single one may be that
 * of another program that had the processor meanwhile.
 */
const quick = 2;
const manySlow = 2;
/** For how long other threads look then, in milliseconds. */
const moment = 1000;

/**
 * Whether names in a directory are looked at on the spot. It is open, so that what is above it lies in memory, and what
 * it holds usually too: a look takes microseconds, and to let another thread have one twenty times as long.
 */
export function looksOnSpot(directory: Directory, path: PathName): boolean {
  return isInMemory(directory, path) && now() >= directory.slowUntil;
}

/** One look on the spot began then: where it waited for a disk, the next ones do not hold up the program. */
export function noteLook(directory: Directory, began: number): void {
  const ended = now();
  directory.slowLooks = ended - began > quick ? directory.slowLooks + 1 : 0;
  if (directory.slowLooks < manySlow) return;
  directory.slowLooks = 0;
  directory.slowUntil = ended + moment;
}

/** Whether a look at an open directory by its path finds all in memory. */
export function isInMemory({ straightPath }: Directory, path: PathName): boolean {
  return straightPath !== undefined && key(straightPath) === key(path);
}

/** The path of an open directory whose own path leads nowhere any more; an error where it leads elsewhere. */
export function* pathNow({ environment }: Operation, directory: Directory, path: PathName): Steps<PathName> {
  const moved = refusal('ERR_UNTORN_MOVED', `its directory "${display(path)}" is not where it was`);
  if (
    (yield* ifFound({ accessPath: path, directory: { own: directory.own } }, () => call.stat(path), true)) !==
      undefined ||
    directory.fd === undefined
  )
    throw moved;
  const accessPath = environment.accessPath(directory.fd, path);
  if (key(accessPath) === key(path)) throw moved;
  const now = yield* call.readlink(accessPath);
  if (!(yield* isStill(directory, now))) throw moved;
  return now;
}

/** The path leads elsewhere by now. */
export function forgetPath({ environment }: Operation, path: PathName): void {
  environment.state.of(OpenDirectories).byPath.delete(key(path));
}

/**
 * Ends one use of it. It stays open for a moment: a caller that awaits one write after another would open it each time.
 */
export function closeDirectory(operation: Operation, directory: Directory): void {
  directory.users--;
  if (directory.fd === undefined || directory.users > 0) return;
  if (operation.blocking) operation.environment.release(directory.fd, 'here');
  else operation.environment.soon(() => forget(operation, directory));
}

function forget({ environment }: Operation, directory: Directory): void {
  const { byKey, byPath } = environment.state.of(OpenDirectories);
  if (directory.users > 0 || byKey.get(directory.key) !== directory || directory.fd === undefined) return;
  byKey.delete(directory.key);
  for (const [path, found] of byPath) if (found === directory) byPath.delete(path);
  environment.release(directory.fd, 'elsewhere');
}

function keyOf(status: FileStatus): string {
  return `${status.dev}:${status.ino}`;
}

/**
 * Whether only one kernel can have a directory's filesystem mounted: who worked in it before that was booted is dead.
 */
export function* isExclusive({
  accessPath,
  local,
}: Pick<Directory, 'accessPath'> & Partial<Filesystem>): Steps<boolean> {
  return local ?? (yield* filesystemAt(accessPath)).local;
}

/** The path of a directory that has just been opened, as the kernel has it: it is asked for no more than its memory. */
function* pathOf({ environment }: Operation, fd: number, path: PathName): Steps<PathName | undefined> {
  try {
    return yield* uninterrupted(call.readlink(environment.accessPath(fd, path)));
  } catch {
    return undefined; // No /proc.
  }
}

function* openForSync(path: PathName): Steps<{ fd: number; canSync: boolean }> {
  try {
    return { fd: yield* persisting({ accessPath: path }, () => call.open(path, O_DIRECTORY, 0), true), canSync: true };
  } catch (error) {
    // A directory that may be passed through and written, but not listed: all works in it but the sync.
    if (O_PATH_DIRECTORY === 0 || !['EACCES', 'EPERM'].includes(codeOf(error) ?? '')) throw error;
    return { fd: yield* call.open(path, O_PATH_DIRECTORY, 0), canSync: false };
  }
}

/** Windows opens no directories for syncing. */
function* withoutDescriptor(path: PathName): Steps<Directory> {
  const status = yield* call.stat(path);
  if (fileType(status.mode) !== 'directory') throw refusal('ENOTDIR', `"${display(path)}" is not a directory`);
  return {
    key: keyOf(status),
    fd: undefined,
    accessPath: path,
    status,
    canSync: false,
    own: true,
    local: false,
    syncsDirectories: false,
    straightPath: undefined,
    slowLooks: 0,
    slowUntil: 0,
    users: 1,
    syncing: undefined,
    next: undefined,
  };
}

/** Errors that say that a directory cannot be synced here, and not that a sync failed. */
const unsupported = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EBADF', 'EISDIR', 'ERR_ACCESS_DENIED']);

/**
 * Makes durable what has been renamed in the directory, unless its sync went along with the rename: `synced` says how
 * that ended. A sync that fails is never tried again: the kernel may have marked the lost pages clean (Rebello et al.,
 * ATC '20).
 */
export function* syncDirectory(
  operation: Operation,
  directory: Directory,
  synced?: Pick<Chained, 'error'>,
): Steps<true | 'unsupported'> {
  const { canSync, fd } = directory;
  if (!canSync || fd === undefined) return 'unsupported';
  const durable = synced
    ? ifSupported(synced)
    : yield* operation.blocking ? syncNow(fd) : syncTogether(directory, () => syncNow(fd));
  return syncsNames(operation, directory) ? durable : 'unsupported';
}

/** Whether a sync of a directory makes the names in it durable; of an overlay its options tell. */
function syncsNames({ environment }: Operation, directory: Directory): boolean {
  if (directory.unless !== 'volatile') return directory.syncsDirectories;
  directory.isVolatile ??= environment.isVolatile(directory.status.dev);
  return !directory.isVolatile;
}

/**
 * Makes the symbolic links in a directory durable, and all that is on its filesystem, where a sync of the directory
 * leaves them out.
 */
export function* syncLinks(
  { settings, environment }: Operation,
  { fd, canSync, status, unless }: Directory,
): Steps<true | 'unsupported'> {
  if (settings.durability === 'off' || unless !== 'no journal' || environment.hasJournal(status.dev)) return true;
  return canSync && fd !== undefined ? ifSupported(yield* chain([['syncfs', fd]])) : 'unsupported';
}

/** Syncs what is open, where that can be done. */
export function* syncNow(fd: number): Steps<true | 'unsupported'> {
  return ifSupported(yield* chain([['fsync', fd]]));
}

/** Whether a sync succeeded; an error if it failed. */
function ifSupported({ error }: Pick<Chained, 'error'>): true | 'unsupported' {
  if (error === undefined) return true;
  if (unsupported.has(codeOf(error) ?? '')) return 'unsupported';
  throw error;
}
