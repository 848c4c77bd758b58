/**
 * Whether something is there.
 *
 * Promise: an absence is not an answer. While a file is replaced, some filesystems say for a moment that there is none
 * (ENOENT), and clients of networks that what they know of it is out of date (ESTALE). So nothing counts as absent
 * before a second, different look says so too; and where the filesystem is not this machine's own, before several have,
 * with pauses between them. What is there all the same is tried again, and in the end an error.
 */
import { codeOf, key, split, type PathName } from '../contract/index.ts';
import { now, fileType, call, type FileStatus, type Steps } from '../system/index.ts';
import { filesystemAt } from './filesystems.ts';

/** What is looked at. */
interface Looked {
  readonly accessPath: PathName;
  /** Its directory, where that is open. */
  readonly directory?: { readonly own?: boolean };
}

/** For how long something that is there is tried, in milliseconds: beside a busy writer 200 times may fail in a row. */
const patience = 2000;
/** The longest pause between tries; they begin with the shortest. */
const longestPause = 10;
/** How many looks have to find nothing, where one of them does not do. */
const enough = 3;

/** What is there under a name; undefined if there is nothing. */
export function* lookAt(file: Looked): Steps<FileStatus | undefined> {
  try {
    return yield* call.lstat(file.accessPath);
  } catch (error) {
    const found = yield* lookFurther(file, error, () => call.lstat(file.accessPath), false);
    return 'value' in found ? found.value : undefined;
  }
}

/**
 * The same, once it looks right. Where programs serve a filesystem the kernel keeps what they said for a moment, and
 * some tell the size of a file wrongly when it was just linked (gocryptfs: that of the encrypted one).
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

/** Until when all looks of one call wait together, once the first of them has to. */
export interface Waiting {
  deadline?: number;
}

/** For how long the kernel keeps what was said, in milliseconds: a second, unless a program asks for more. */
const memory = 1200;

/** What an attempt to look at a file or to open it gives; undefined if there is nothing. */
export function* ifFound<T>(file: Looked, attempt: () => Steps<T>, follows = false): Steps<T | undefined> {
  try {
    return yield* attempt();
  } catch (error) {
    const found = yield* lookFurther(file, error, attempt, follows);
    return 'value' in found ? found.value : undefined;
  }
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

/** After an attempt that failed: what further ones find. */
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
    if (tries > 1 || !own) yield* call.sleep(Math.min(2 ** tries, longestPause));
  }
}

/** Whether the filesystem is this machine's own; where directories are missing, the one of the first that is there. */
function* isOwnFilesystem(accessPath: PathName): Steps<boolean> {
  for (let path = accessPath; ;) {
    const { directory } = split(path);
    if ((yield* attempted(filesystemAt(directory), true))?.own === true) return true;
    if (key(directory) === key(path) || (yield* isThere(directory, true, false))) return false;
    path = directory;
  }
}

/** A second look: at the file, and if asked for, at the list of what is in its directory. */
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

/** What a look gives; undefined where it fails, unless that says nothing of the file. */
function* attempted<T>(look: Steps<T>, isOptional = false): Steps<T | undefined> {
  try {
    return yield* look;
  } catch (error) {
    if (!isOptional && ['EMFILE', 'ENFILE'].includes(codeOf(error) ?? '')) throw error;
    return undefined;
  }
}
