/**
 * Missing parent directories.
 *
 * Promise: with `durability: 'full'` the new parents are as durable as the file. This includes parents that another
 * write made and has not synced yet, with any durability. Parents that writes of this process made are noted. Another
 * process that makes the same parents may not have synced them yet, so young parents count too.
 */
import { codeOf, key, split, type PathName } from '../contract/index.ts';
import { currentTime, call, type FileStatus, type Steps } from '../system/index.ts';
import { closeDirectory, openDirectory, syncDirectory, type Directory, type OpenFolder } from './directory.ts';
import { during, type Operation } from './operation.ts';

/** How many are remembered: a program that syncs none of its parents must not note them for ever. */
const maximumNoted = 1000;

/** Directories whose entry has not been synced, and which writes of this process made, or found made just before. */
class Unsynced {
  readonly #paths = new Map<string, PathName>();
  /** Young directories that were noted once. */
  readonly #met = new Set<string>();
  /** Any directory below this one may have been forgotten. */
  #forgottenBelow: PathName | undefined;

  get isEmpty(): boolean {
    return this.#paths.size === 0 && this.#forgottenBelow === undefined;
  }

  note(path: PathName): void {
    if (this.#paths.size >= maximumNoted) {
      for (const one of this.#paths.values()) {
        const above = split(one).directory;
        this.#forgottenBelow =
          this.#forgottenBelow === undefined ? above : commonDirectory(above, this.#forgottenBelow);
      }
      this.#paths.clear();
    }
    this.#paths.set(key(path), path);
  }

  forget(path: PathName): void {
    this.#paths.delete(key(path));
  }

  /** Notes a young directory, once. */
  meet(path: PathName, status: FileStatus): void {
    if (this.#met.size >= maximumNoted) this.#met.clear();
    this.#met.add(identity(status));
    this.note(path);
  }

  hasMet(status: FileStatus): boolean {
    return this.#met.has(identity(status));
  }

  /** Whether the entry of a directory may not have been synced. */
  mayHave(path: PathName): boolean {
    const below = this.#forgottenBelow;
    return this.#paths.has(key(path)) || (below !== undefined && isBelow(split(path).directory, below));
  }
}

function commonDirectory(one: PathName, other: PathName): PathName {
  let common = other;
  while (!isBelow(one, common) && !isRoot(common)) common = split(common).directory;
  return common;
}

/** Whether a path leads, by its names, to a directory or to something below it. */
function isBelow(path: PathName, directory: PathName): boolean {
  let at = path;
  while (key(at) !== key(directory) && !isRoot(at)) at = split(at).directory;
  return key(at) === key(directory);
}

function isRoot(path: PathName): boolean {
  return key(split(path).directory) === key(path);
}

/** Opens a directory. If asked for, it makes the directory and what is missing above it. */
export function* openOrMakeDirectory(operation: Operation, path: PathName): Steps<Directory> {
  try {
    return yield* openDirectory(operation, path);
  } catch (error) {
    if (!operation.settings.makeParents || codeOf(error) !== 'ENOENT') throw error;
  }
  return yield* during(operation, 'make parents', makeAndOpen(operation, path));
}

function* makeAndOpen(operation: Operation, path: PathName): Steps<Directory> {
  yield* makeDirectory(operation, path);
  return yield* openDirectory(operation, path);
}

function* makeDirectory(operation: Operation, wanted: PathName): Steps<void> {
  const missing = [wanted];
  for (let made; (made = missing.at(-1)) !== undefined;) {
    try {
      yield* makeNoted(operation, made, 0o777);
    } catch (error) {
      const above = split(made).directory;
      if (codeOf(error) === 'ENOENT' && key(above) !== key(made)) {
        missing.push(above);
        continue;
      }
      if (codeOf(error) !== 'EEXIST') {
        const unsynced = operation.environment.state.of(Unsynced);
        for (const path of missing) unsynced.forget(path);
        throw error;
      }
    }
    missing.pop();
  }
}

/**
 * Makes one directory and notes that its entry is not synced. It is noted also if another process made it first, which
 * may not have synced it.
 */
export function* makeNoted({ environment }: Operation, path: PathName, mode: number): Steps<void> {
  const unsynced = environment.state.of(Unsynced);
  // Before it exists: another write that finds it must know.
  unsynced.note(path);
  try {
    yield* call.mkdir(path, mode);
  } catch (error) {
    // A missing directory above is tried again, and another write may just have made it.
    if (!['EEXIST', 'ENOENT'].includes(codeOf(error) ?? '')) unsynced.forget(path);
    throw error;
  }
}

/**
 * Milliseconds after which the system has written the entry of a new directory by itself: twice Linux's longest delay.
 */
const young = 60_000;

/** Whether another process may have made a directory, or one above it, and not synced it yet. */
function isYoung({ birthtimeNs, ctimeNs }: FileStatus): boolean {
  const born = Number((birthtimeNs === 0n ? ctimeNs : birthtimeNs) / 1_000_000n);
  return born === 0 || Math.abs(currentTime() - born) < young;
}

/** Distinguishes a directory from one that was made later in its place. */
function identity({ dev, ino, birthtimeNs }: FileStatus): string {
  return `${dev}:${ino} ${birthtimeNs}`;
}

/** Whether {@link syncParents} has anything to do. */
export function parentsMayBeUnsynced(
  { settings, environment }: Operation,
  { directory: { status } }: OpenFolder,
): boolean {
  const unsynced = environment.state.of(Unsynced);
  return !unsynced.isEmpty || (settings.makeParents && isYoung(status) && !unsynced.hasMet(status));
}

/** Notes the young directories from a file's own upwards. */
function* noteYoung({ settings, environment }: Operation, path: PathName, own: FileStatus): Steps<void> {
  const unsynced = environment.state.of(Unsynced);
  let status = own;
  for (let at = path; settings.makeParents && !isRoot(at) && isYoung(status) && !unsynced.hasMet(status);) {
    unsynced.meet(at, status);
    at = split(at).directory;
    status = yield* call.stat(at);
  }
}

/**
 * Syncs the entries of directories that were made above a file; the content of its own directory is synced already.
 * Another write may be half way up with the same parents: synced lower ones say nothing of those above.
 */
export function* syncParents(
  operation: Operation,
  { directory, directoryPath: path }: OpenFolder,
): Steps<true | 'unsupported'> {
  yield* noteYoung(operation, path, directory.status);
  let durable: true | 'unsupported' = true;
  const unsynced = operation.environment.state.of(Unsynced);
  for (let made = path; !unsynced.isEmpty && !isRoot(made); made = split(made).directory) {
    if (!unsynced.mayHave(made)) continue;
    const above = yield* openDirectory(operation, split(made).directory);
    try {
      if ((yield* syncDirectory(operation, above)) === 'unsupported') durable = 'unsupported';
    } finally {
      closeDirectory(operation, above);
    }
    unsynced.forget(made);
  }
  return durable;
}
