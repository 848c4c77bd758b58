/**
 * Missing parent directories.
 *
 * Promise: with `durability: 'full'` the parents that were made are as durable as the file, also for another write of
 * this process that found them already there but not yet synced, whatever durability they were made with.
 */
import { codeOf } from '../contract/errors.ts';
import { key, split, type PathName } from '../contract/path-name.ts';
import { call, type Steps } from '../system/port.ts';
import { whenDescriptorsAllow } from './descriptors.ts';
import { closeDirectory, openDirectory, syncDirectory, type Directory } from './directory.ts';
import type { Write } from './operation.ts';

/**
 * Directories that writes of this process made, or found made just before them, and whose entry has not been synced.
 */
const unsynced = new Map<string, PathName>();
/** How many are remembered: a program that syncs none of those that it makes must not note them for ever. */
const maximumNoted = 1000;
/** Any directory below it may be one that was forgotten. */
let forgottenBelow: PathName | undefined;

function note(path: PathName): void {
  if (unsynced.size >= maximumNoted) {
    for (const one of unsynced.values())
      forgottenBelow =
        forgottenBelow === undefined ? split(one).directory : commonDirectory(split(one).directory, forgottenBelow);
    unsynced.clear();
  }
  unsynced.set(key(path), path);
}

/** Whether the entry of a directory may not have been synced. */
function isNoted(path: PathName): boolean {
  return unsynced.has(key(path)) || (forgottenBelow !== undefined && isBelow(split(path).directory, forgottenBelow));
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

/** Opens a directory, making it and what is missing above it if that was asked for. */
export function* openOrMakeDirectory(write: Write, path: PathName): Steps<Directory> {
  try {
    return yield* openDirectory(write, path);
  } catch (error) {
    if (!write.settings.makeParents || codeOf(error) !== 'ENOENT') throw error;
  }
  write.step = 'make parents';
  yield* makeDirectory(path);
  const directory = yield* openDirectory(write, path);
  write.step = 'resolve';
  return directory;
}

function* makeDirectory(wanted: PathName): Steps<void> {
  const missing = [wanted];
  for (let made; (made = missing.at(-1)) !== undefined;) {
    try {
      yield* makeNoted(made, 0o777);
    } catch (error) {
      const above = split(made).directory;
      if (codeOf(error) === 'ENOENT' && key(above) !== key(made)) {
        missing.push(above);
        continue;
      }
      if (codeOf(error) !== 'EEXIST') {
        for (const path of missing) unsynced.delete(key(path));
        throw error;
      }
    }
    missing.pop();
  }
}

/**
 * Makes one directory and notes that its entry is not synced, also where somebody else was faster: they may not have
 * synced it.
 */
export function* makeNoted(path: PathName, mode: number): Steps<void> {
  // Before it is there: another write that finds it must know.
  note(path);
  try {
    yield* call.mkdir(path, mode);
  } catch (error) {
    // Where a directory above is missing it will be tried again, and another write may just have made it.
    if (!['EEXIST', 'ENOENT'].includes(codeOf(error) ?? '')) unsynced.delete(key(path));
    throw error;
  }
}

/** Whether there is anything for {@link syncParents} to do. */
export function parentsMayBeUnsynced(): boolean {
  return unsynced.size > 0 || forgottenBelow !== undefined;
}

/**
 * Syncs the entries of directories that were made above a file; its own directory's content is synced already. Another
 * write may be half way up with the same: that the lower ones are synced says nothing of those above.
 */
export function* syncParents(write: Write, path: PathName): Steps<true | 'unsupported'> {
  let durable: true | 'unsupported' = true;
  for (let made = path; parentsMayBeUnsynced() && !isRoot(made); made = split(made).directory) {
    if (!isNoted(made)) continue;
    const above = yield* whenDescriptorsAllow(write, () => openDirectory(write, split(made).directory));
    try {
      if ((yield* syncDirectory(write, above)) === 'unsupported') durable = 'unsupported';
    } finally {
      closeDirectory(write, above);
    }
    unsynced.delete(key(made));
  }
  return durable;
}
