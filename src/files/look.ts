/**
 * Whether something is there.
 *
 * Promise: one absence is not an answer. While a file is replaced, some filesystems report for a moment that it does
 * not exist (ENOENT), and network clients that their information is out of date (ESTALE). So nothing counts as absent
 * before a second, different look confirms it. On filesystems that are not this machine's own several looks with pauses
 * between them must confirm it. If the file does exist, the call is tried again, and fails in the end.
 */
import { codeOf, isShortage, key, split, type PathName } from '../contract/index.ts';
import { now, fileType, call, chain, opened, type FileStatus, type Steps } from '../system/index.ts';
import { filesystemAt } from './filesystems.ts';

/** The file to look at. */
interface Looked {
  readonly accessPath: PathName;
  /** Its directory, if that is open. */
  readonly directory?: { readonly own?: boolean };
}

/** How long to retry for something that exists, in milliseconds: beside a busy writer 200 tries may fail in a row. */
export const patience = 2000;
/** The longest pause between tries; the first pauses are shorter. */
const longestPause = 10;
/** How long to pause before the next of several tries, in milliseconds. */
export function pauseAfter(tries: number): number {
  return Math.min(2 ** tries, longestPause);
}

/** How many looks have to find nothing, where one is not enough. */
const enough = 3;

/** The status of a name; undefined if there is nothing. */
export function* lookAt(file: Looked): Steps<FileStatus | undefined> {
  try {
    return yield* call.lstat(file.accessPath);
  } catch (error) {
    const found = yield* lookFurther(file, error, () => call.lstat(file.accessPath), false);
    return 'value' in found ? found.value : undefined;
  }
}

/**
 * The same, once it looks right. If a program serves the filesystem, the kernel caches its answers for a moment, and
 * some programs report a wrong size for a file that was just linked (gocryptfs: that of the encrypted file).
 */
export function* lookUntil(
  file: Looked & { readonly directory: { readonly own: boolean } },
  waiting: Waiting,
  isRight: (found: FileStatus | undefined) => boolean,
): Steps<FileStatus | undefined> {
  for (;;) {
    const found = yield* lookAt(file);
    if (file.directory.own || isRight(found)) return found;
    waiting.deadline ??= now() + memory;
    if (now() >= waiting.deadline) return found;
    yield* call.sleep(longestPause);
  }
}

/** The common deadline of all looks of one call, set once the first of them has to wait. */
export interface Waiting {
  deadline?: number;
}

/** How long the kernel caches an answer, in milliseconds: a second, unless a program asks for more. */
const memory = 1200;

/** The result of an attempt to look at a file or to open it; undefined if there is nothing. */
export function* ifFound<T>(file: Looked, attempt: () => Steps<T>, follows = false): Steps<T | undefined> {
  try {
    return yield* attempt();
  } catch (error) {
    const found = yield* lookFurther(file, error, attempt, follows);
    return 'value' in found ? found.value : undefined;
  }
}

/** Opens a file or a directory and looks at it: its status, or why it has none. */
export function* openAndLook(
  path: PathName,
  flags: number,
): Steps<{ readonly fd: number; readonly status: FileStatus | undefined; readonly error: unknown }> {
  const { results, error } = yield* chain([
    ['open', path, flags, 0],
    ['fstat', opened],
  ]);
  const [fd, status] = results as [number?, FileStatus?];
  if (fd === undefined) throw error;
  return { fd, status, error };
}

/** Tries to look at a file or to open it; it fails with ENOENT if there is nothing. */
export function* persisting<T>(file: Looked, attempt: () => Steps<T>, follows = false): Steps<T> {
  try {
    return yield* attempt();
  } catch (error) {
    const found = yield* lookFurther(file, error, attempt, follows);
    if ('value' in found) return found.value;
    throw found.absence;
  }
}

type Found<T> = { readonly value: T } | { readonly absence: unknown };

/** Continues after a failed attempt: the result of further ones. */
function* lookFurther<T>(
  { accessPath, directory }: Looked,
  failure: unknown,
  attempt: () => Steps<T>,
  follows: boolean,
): Steps<Found<T>> {
  let own = directory?.own;
  let deadline: number | undefined;
  let why = failure;
  for (let tries = 1, absences = 0; ; tries++) {
    if (tries > 1) {
      try {
        return { value: yield* attempt() };
      } catch (error) {
        why = error;
      }
    }
    const code = codeOf(why);
    if (code !== 'ENOENT' && code !== 'ESTALE') throw why;
    own ??= yield* isOwnFilesystem(accessPath);
    if (code === 'ENOENT' && !(yield* isThere(accessPath, follows, !own && absences === enough - 1))) {
      absences++;
      if (own || absences === enough) return { absence: why };
    }
    deadline ??= now() + patience;
    if (now() >= deadline) throw why;
    if (tries > 1 || !own) yield* call.sleep(pauseAfter(tries));
  }
}

/** Whether the filesystem is this machine's own. If directories are missing, the first existing one above decides. */
function* isOwnFilesystem(accessPath: PathName): Steps<boolean> {
  for (let path = accessPath; ;) {
    const { directory } = split(path);
    if ((yield* attempted(filesystemAt(directory), true))?.own === true) return true;
    if (key(directory) === key(path) || (yield* isThere(directory, true, false))) return false;
    path = directory;
  }
}

/** A second look: at the file, and if asked for, at the list of its directory. */
function* isThere(accessPath: PathName, follows: boolean, thoroughly: boolean): Steps<boolean> {
  const status = yield* attempted(call.lstat(accessPath));
  if (status !== undefined) {
    if (!follows || fileType(status.mode) !== 'link') return true;
    return (yield* attempted(call.stat(accessPath))) !== undefined;
  }
  if (!thoroughly) return false;
  const { directory, name } = split(accessPath);
  const names = yield* attempted(call.readdir(directory));
  return names?.some((one) => key(one) === key(name)) === true;
}

/**
 * Lists the directory of a file, for what the kernel learns from that. A client of NFS 4 can believe that it has a
 * delegation of a file which the server has replaced. Then it opens that file by its name again and again, and each time
 * finds it stale. The list has the new file: after it the next attempt succeeds (Linux 6.1; without it some went on for
 * 20 s).
 */
export function* refresh(path: PathName): Steps<void> {
  yield* attempted(call.readdir(split(path).directory), true);
}

/** The result of a look; undefined if it fails, unless the failure says nothing about the file. */
function* attempted<T>(look: Steps<T>, isOptional = false): Steps<T | undefined> {
  try {
    return yield* look;
  } catch (error) {
    if (!isOptional && isShortage(error)) throw error;
    return undefined;
  }
}
