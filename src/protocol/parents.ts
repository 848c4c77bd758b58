/**
 * Missing parent directories.
 *
 * Promise: with `durability: 'full'` the parents that were made are as durable as the file, also for another write of
 * this process that found them already there but not yet synced.
 */
import { codeOf } from '../errors.ts';
import { key, split, type PathName } from '../path.ts';
import { call, type Steps } from '../system/calls.ts';
import { whenDescriptorsAllow } from './descriptors.ts';
import { closeDirectory, openDirectory, syncDirectory, type Directory } from './directory.ts';
import type { Write } from './write.ts';

/** Directories that writes of this process made and whose entry has not been synced. */
const unsynced = new Set<string>();

/** Opens a directory, making it and what is missing above it if that was asked for. */
export function* openOrMakeDirectory(write: Write, path: PathName): Steps<Directory> {
  try {
    return yield* openDirectory(write, path);
  } catch (error) {
    if (!write.settings.makeParents || codeOf(error) !== 'ENOENT') throw error;
  }
  write.step = 'make parents';
  yield* makeDirectory(write, path);
  const directory = yield* openDirectory(write, path);
  write.step = 'resolve';
  return directory;
}

function* makeDirectory(write: Write, path: PathName): Steps<void> {
  const missing = [path];
  for (let made; (made = missing.at(-1)) !== undefined; ) {
    try {
      yield* call.mkdir(made, 0o777);
      if (write.settings.durability === 'full') unsynced.add(key(made));
    } catch (error) {
      const above = split(made).directory;
      if (codeOf(error) === 'ENOENT' && key(above) !== key(made)) {
        missing.push(above);
        continue;
      }
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    missing.pop();
  }
}

/** Syncs the entries of directories that were made above a file; its own directory's content is synced already. */
export function* syncParents(write: Write, path: PathName): Steps<true | 'unsupported'> {
  let durable: true | 'unsupported' = true;
  for (let made = path; unsynced.has(key(made)); made = split(made).directory) {
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
