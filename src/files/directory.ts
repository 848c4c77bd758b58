/**
 * The directory of a target, held open from the first look at the target to the end.
 *
 * Promise: every step of one write happens in the same directory, even if it is renamed meanwhile (Linux, through
 * `/proc/self/fd`); and a sync of it covers every rename that was done before the sync began.
 * Concurrent writes in one directory share its descriptor and its syncs: the first write that needs a sync leads it, and
 * it serves all that renamed before it began.
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
  type Chained,
  type FileStatus,
  type Steps,
} from '../system/index.ts';
import { elsewhere, filesystemAt, type Filesystem } from './filesystems.ts';
import { ifFound, openAndLook, persisting } from './look.ts';
import type { Operation } from './operation.ts';
import { syncTogether, type SyncedTogether } from './shared-sync.ts';
import { afterFailure } from './tolerate.ts';

export interface Directory extends Filesystem, SyncedTogether {
  /** Device and inode: the same for every path that leads here. */
  readonly key: string;
  readonly fd: number | undefined;
  /** A path that leads to it. */
  readonly accessPath: PathName;
  /** Its owner and mode, which tell whether others can rename files in it. */
  readonly status: FileStatus;
  readonly canSync: boolean;
  /** Its path without any symbolic link, if that was read. */
  readonly straightPath: PathName | undefined;
  /** How many synchronous looks in a row took long, and until when (by `now()`) there are none for that reason. */
  slowLooks: number;
  slowUntil: number;
  /** Whether an overlay may drop every sync, once that was read. */
  isVolatile?: boolean;
  /** The mount that it was reached through, once that was read. */
  mount?: string | undefined;
  users: number;
}

/**
 * Directories that asynchronous writes have open now, or had until just now. One directory may be in several mounts, of
 * which some are read-only, or show other owners: each of them has a descriptor of its own.
 */
class OpenDirectories {
  readonly byKey = new Map<string, Set<Directory>>();
  /** The same directories by the paths that led to them; a path has to be verified. */
  readonly byPath = new Map<string, Directory>();

  add(directory: Directory): void {
    const alike = this.byKey.get(directory.key);
    if (alike === undefined) this.byKey.set(directory.key, new Set([directory]));
    else alike.add(directory);
  }
}

export function* openDirectory(operation: Operation, path: PathName): Steps<Directory> {
  if (operation.environment.platform === 'win32') return yield* withoutDescriptor(path);
  const { fd, status, canSync } = yield* openForSync(path);
  const accessPath = operation.environment.accessPath(fd, path);
  try {
    const filesystem = yield* filesystemAt(accessPath, () => operation.environment.mountOf(fd));
    const straightPath = filesystem.local && !operation.blocking ? yield* pathOf(operation, fd, path) : undefined;
    const known = operation.environment.state.of(OpenDirectories);
    let directory = operation.blocking ? undefined : openAlready(operation, path, { fd, status });
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
        straightPath,
        slowLooks: 0,
        slowUntil: 0,
        users: 1,
        syncing: undefined,
        next: undefined,
        // The last: V8 takes microseconds for each property that follows.
        ...filesystem,
      };
      if (!operation.blocking) known.add(directory);
    }
    if (!operation.blocking) known.byPath.set(key(path), directory);
    return directory;
  } catch (error) {
    yield* afterFailure(call.close(fd));
    throw error;
  }
}

/**
 * The same directory of the same mount, if that is open already: concurrent calls may have opened it by this path, and
 * the number of its mount tells of another path. Where that cannot be read, other paths do not share it.
 */
function openAlready({ environment }: Operation, path: PathName, { fd, status }: Opened): Directory | undefined {
  const { byKey, byPath } = environment.state.of(OpenDirectories);
  const alike = byKey.get(keyOf(status));
  if (alike === undefined) return undefined;
  const recent = byPath.get(key(path));
  if (recent !== undefined && isIt(recent, status)) return recent;
  const mount = environment.mountIdOf(fd);
  if (mount === undefined) return undefined;
  return [...alike].find((one) => (one.mount ??= environment.mountIdOf(one.fd as number)) === mount);
}

/** A directory to which this path led a moment ago. It may lead to another one by now: see {@link isStill}. */
export function recallDirectory(operation: Operation, path: PathName): Directory | undefined {
  const directory = operation.blocking
    ? undefined
    : operation.environment.state.of(OpenDirectories).byPath.get(key(path));
  if (directory !== undefined) directory.users++;
  return directory;
}

/** Whether a status is that of this directory. */
export function isIt({ status }: Directory, { dev, ino }: FileStatus): boolean {
  return dev === status.dev && ino === status.ino;
}

/** Whether a path leads to this directory. */
export function* isStill(directory: Directory, path: PathName): Steps<boolean> {
  try {
    const { own } = directory;
    return isIt(directory, yield* persisting({ accessPath: path, directory: { own } }, () => call.stat(path), true));
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes(codeOf(error) ?? '')) return false;
    throw error;
  }
}

/**
 * Synchronous looks of more than `quick` milliseconds, `manySlow` in a row, count as a wait for a disk. During a single
 * one another program may have had the processor.
 */
const quick = 2;
const manySlow = 2;
/** For how many milliseconds other threads look then. */
const moment = 1000;

/**
 * Whether names in a directory are looked at synchronously. The directory is open, so the directories above it are in
 * memory, and its entries usually are too. A look takes microseconds; in another thread it takes twenty times as long.
 */
export function looksOnSpot(directory: Directory, path: PathName): boolean {
  return isInMemory(directory, path) && now() >= directory.slowUntil;
}

/** Notes when a synchronous look began. If looks wait for a disk, the next ones do not block the program. */
export function noteLook(directory: Directory, began: number): void {
  const ended = now();
  directory.slowLooks = ended - began > quick ? directory.slowLooks + 1 : 0;
  if (directory.slowLooks < manySlow) return;
  directory.slowLooks = 0;
  directory.slowUntil = ended + moment;
}

/** Whether everything that a look at an open directory by its path needs is in memory. */
export function isInMemory({ straightPath }: Directory, path: PathName): boolean {
  return straightPath !== undefined && key(straightPath) === key(path);
}

/** The current path of an open directory whose old path is gone; an error if the old path leads elsewhere. */
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

/** Forgets a path that leads elsewhere by now. */
export function forgetPath({ environment }: Operation, path: PathName): void {
  environment.state.of(OpenDirectories).byPath.delete(key(path));
}

/**
 * Ends one use of it. It stays open for a moment, so that a caller that awaits one write after another does not open it
 * each time.
 */
export function closeDirectory(operation: Operation, directory: Directory): void {
  directory.users--;
  if (directory.fd === undefined || directory.users > 0) return;
  if (operation.blocking) operation.environment.release(directory.fd, 'here');
  else operation.environment.soon(() => forget(operation, directory));
}

function forget({ environment }: Operation, directory: Directory): void {
  const { byKey, byPath } = environment.state.of(OpenDirectories);
  const alike = byKey.get(directory.key);
  if (directory.users > 0 || directory.fd === undefined || alike?.delete(directory) !== true) return;
  if (alike.size === 0) byKey.delete(directory.key);
  for (const [path, found] of byPath) if (found === directory) byPath.delete(path);
  environment.release(directory.fd, 'elsewhere');
}

function keyOf(status: FileStatus): string {
  return `${status.dev}:${status.ino}`;
}

/**
 * Whether only one kernel can have a directory's filesystem mounted: whoever worked in it before that kernel booted is
 * dead.
 */
export function* isExclusive({
  accessPath,
  local,
}: Pick<Directory, 'accessPath'> & Partial<Filesystem>): Steps<boolean> {
  return local ?? (yield* filesystemAt(accessPath)).local;
}

/** The kernel's path of a directory that has just been opened. Reading it takes nothing but memory. */
function* pathOf({ environment }: Operation, fd: number, path: PathName): Steps<PathName | undefined> {
  try {
    return yield* uninterrupted(call.readlink(environment.accessPath(fd, path)));
  } catch {
    return undefined; // No /proc.
  }
}

/** A directory that has just been opened. */
interface Opened {
  readonly fd: number;
  readonly status: FileStatus;
}

function* openForSync(path: PathName): Steps<Opened & { readonly canSync: boolean }> {
  try {
    const { fd, status } = yield* persisting({ accessPath: path }, () => openWithStatus(path, O_DIRECTORY), true);
    return { fd, status, canSync: true };
  } catch (error) {
    // A directory that may be traversed and written, but not listed: everything but the sync works in it.
    if (O_PATH_DIRECTORY === 0 || !['EACCES', 'EPERM'].includes(codeOf(error) ?? '')) throw error;
    return { ...(yield* openWithStatus(path, O_PATH_DIRECTORY)), canSync: false };
  }
}

function* openWithStatus(path: PathName, flags: number): Steps<Opened> {
  const { fd, status, error } = yield* openAndLook(path, flags);
  if (status !== undefined) return { fd, status };
  yield* afterFailure(call.close(fd));
  throw error;
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
    ...elsewhere,
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
 * Makes the renames in the directory durable. If a sync was chained to the rename, `synced` is its outcome, and no
 * other follows. A failed sync is never repeated: the kernel may have marked the lost pages clean (Rebello et al., ATC
 * '20).
 */
export function* syncDirectory(
  operation: Operation,
  directory: Directory,
  synced?: Pick<Chained, 'error'>,
): Steps<true | 'unsupported'> {
  const { canSync, fd } = directory;
  if (operation.environment.platform === 'win32') return yield* syncByPath(directory.accessPath);
  if (!canSync || fd === undefined) return 'unsupported';
  const durable = synced
    ? ifSupported(synced)
    : yield* operation.blocking ? syncNow(fd) : syncTogether(directory, () => syncNow(fd));
  return syncsNames(operation, directory) ? durable : 'unsupported';
}

/** Whether a sync of a directory makes the names in it durable; for an overlay its mount options say that. */
function syncsNames({ environment }: Operation, directory: Directory): boolean {
  if (directory.unless !== 'volatile') return directory.syncsDirectories;
  directory.isVolatile ??= environment.isVolatile(directory.status.dev);
  return !directory.isVolatile;
}

/**
 * If a sync of a directory leaves out its symbolic links, makes them durable with everything else on the filesystem.
 */
export function* syncLinks(
  { settings, environment }: Operation,
  { fd, canSync, status, unless }: Directory,
): Steps<true | 'unsupported'> {
  if (settings.durability === 'off' || unless !== 'no journal' || environment.hasJournal(status.dev)) return true;
  if (!canSync || fd === undefined) return 'unsupported';
  const synced = yield* chain([['syncfs', fd]]);
  // syncfs(2) has no EPERM of its own: a sandbox refuses the call.
  return codeOf(synced.error) === 'EPERM' ? 'unsupported' : ifSupported(synced);
}

/** Syncs a directory on Windows: Node opens none there, the native part does. */
function* syncByPath(path: PathName): Steps<true | 'unsupported'> {
  return ifSupported(yield* chain([['syncDirectory', path]]));
}

/** Syncs an open file or directory, if that is supported. */
export function* syncNow(fd: number): Steps<true | 'unsupported'> {
  return ifSupported(yield* chain([['fsync', fd]]));
}

/** Whether a sync was supported; throws if it failed. */
function ifSupported({ error }: Pick<Chained, 'error'>): true | 'unsupported' {
  if (error === undefined) return true;
  if (unsupported.has(codeOf(error) ?? '')) return 'unsupported';
  throw error;
}

/** An open directory, and its path for messages. */
export interface OpenFolder {
  readonly directory: Directory;
  readonly directoryPath: PathName;
}

/** A name in an open directory. */
interface FileName {
  readonly directory: Directory;
  readonly name: PathName;
}

/** Compares files in an order that is the same for every path that leads to them. */
export function inOrder(one: FileName, other: FileName): number {
  const [a, b] = [one.directory.status, other.directory.status];
  if (a.dev !== b.dev) return a.dev < b.dev ? -1 : 1;
  if (a.ino !== b.ino) return a.ino < b.ino ? -1 : 1;
  const [name, otherName] = [key(one.name), key(other.name)];
  return name < otherName ? -1 : name > otherName ? 1 : 0;
}

/** A key that is the same for every path that leads to a file. */
export function fileKey({ directory, name }: FileName): string {
  return `${directory.key} ${key(name)}`;
}
