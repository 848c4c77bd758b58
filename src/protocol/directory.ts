/**
 * The directory of a target, held open from the first look at the target to the end.
 *
 * Promise: every step of one write happens in the same directory, even if it is renamed meanwhile (Linux, through
 * `/proc/self/fd`); and a sync of it covers every rename that was done before the sync began.
 * Writes that are in one directory at the same time share its descriptor, and share syncs: the first that
 * needs one leads it, and all that renamed before it began are served by it.
 */
import { codeOf, refusal } from '../errors.ts';
import { display, type PathName } from '../path.ts';
import { call, wait, type FileStatus, type Steps } from '../system/calls.ts';
import { fileType, O_DIRECTORY, O_PATH_DIRECTORY } from '../system/flags.ts';
import { afterFailure } from './temporary.ts';
import type { Write } from './write.ts';

export interface Directory {
  /** Device and inode: the same for every path that leads here. */
  readonly key: string;
  readonly fd: number | undefined;
  /** A path through which it is reached. */
  readonly reach: PathName;
  /** Whether its owner's or a sticky directory's rule protects names in it. */
  readonly status: FileStatus;
  readonly canSync: boolean;
  users: number;
  syncing: SharedSync | undefined;
  next: SharedSync | undefined;
}

/** Directories that asynchronous writes have open now. */
const opened = new Map<string, Directory>();

export function* openDirectory(write: Write, path: PathName): Steps<Directory> {
  if (!write.blocking && opened.size > 0) {
    const known = opened.get(keyOf(yield* call.stat(path)));
    if (known !== undefined) return join(known);
  }
  if (write.surroundings.platform === 'win32') return yield* withoutDescriptor(path);
  const { fd, canSync } = yield* openForSync(path);
  try {
    const status = yield* call.fstat(fd);
    const known = write.blocking ? undefined : opened.get(keyOf(status));
    if (known !== undefined) {
      // At once: its last user could leave it while the other descriptor is closed.
      const joined = join(known);
      yield* afterFailure(call.close(fd));
      return joined;
    }
    const directory = { key: keyOf(status), fd, reach: write.surroundings.reach(fd, path), status, canSync, users: 1, syncing: undefined, next: undefined };
    if (!write.blocking) opened.set(directory.key, directory);
    return directory;
  } catch (error) {
    yield* call.close(fd);
    throw error;
  }
}

export function* closeDirectory(directory: Directory): Steps<void> {
  directory.users--;
  if (directory.users > 0) return;
  if (opened.get(directory.key) === directory) opened.delete(directory.key);
  if (directory.fd !== undefined) yield* call.close(directory.fd);
}

function join(directory: Directory): Directory {
  directory.users++;
  return directory;
}

function keyOf(status: FileStatus): string {
  return `${status.dev}:${status.ino}`;
}

function* openForSync(path: PathName): Steps<{ fd: number; canSync: boolean }> {
  try {
    return { fd: yield* call.open(path, O_DIRECTORY, 0), canSync: true };
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
  return { key: keyOf(status), fd: undefined, reach: path, status, canSync: false, users: 1, syncing: undefined, next: undefined };
}

/** Errors that say that a directory cannot be synced here, and not that a sync failed. */
const unsupported = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EBADF', 'EISDIR', 'ERR_ACCESS_DENIED']);

/**
 * Makes durable what has been renamed in the directory. A sync that fails is never tried again: the kernel may have
 * marked the lost pages clean (Rebello et al., ATC '20).
 */
export function* syncDirectory(write: Write, directory: Directory): Steps<true | 'unsupported'> {
  if (!directory.canSync || directory.fd === undefined) return 'unsupported';
  return write.blocking ? yield* syncNow(directory.fd) : yield* syncTogether(directory, directory.fd);
}

function* syncNow(fd: number): Steps<true | 'unsupported'> {
  try {
    yield* call.fsync(fd);
    return true;
  } catch (error) {
    if (unsupported.has(codeOf(error) ?? '')) return 'unsupported';
    throw error;
  }
}

/** Group commit. A sync that has begun may have missed our rename; the next one cannot. */
function* syncTogether(directory: Directory, fd: number): Steps<true | 'unsupported'> {
  if (directory.next !== undefined) return yield* directory.next.result();
  const own = new SharedSync();
  directory.next = own;
  if (directory.syncing !== undefined) yield* directory.syncing.ended();
  directory.next = undefined;
  directory.syncing = own;
  try {
    own.succeed(yield* syncNow(fd));
  } catch (error) {
    own.fail(error);
  }
  if (directory.syncing === own) directory.syncing = undefined;
  return yield* own.result();
}

/** One sync that several writes wait for. */
class SharedSync {
  #outcome: { durable: true | 'unsupported' } | { error: unknown } | undefined;
  readonly #waiting: (() => void)[] = [];

  succeed(durable: true | 'unsupported'): void {
    this.#end({ durable });
  }

  fail(error: unknown): void {
    this.#end({ error });
  }

  #end(outcome: { durable: true | 'unsupported' } | { error: unknown }): void {
    this.#outcome = outcome;
    for (const wake of this.#waiting) wake();
  }

  *ended(): Steps<void> {
    if (this.#outcome === undefined) yield* wait<void>((wake) => void this.#waiting.push(() => wake()));
  }

  *result(): Steps<true | 'unsupported'> {
    yield* this.ended();
    const outcome = this.#outcome;
    if (outcome !== undefined && 'durable' in outcome) return outcome.durable;
    throw outcome?.error;
  }
}
