/** Whole directories: making all of one durable, and removing one. Symbolic links in them are never followed. */
import { codeOf } from '../errors.ts';
import { join, type PathName } from '../path.ts';
import { call, together, type Steps } from '../system/calls.ts';
import { fileType, O_DIRECTORY_ITSELF, O_NOFOLLOW, O_RDONLY } from '../system/flags.ts';
import { syncNow } from './directory.ts';
import { lookAt } from './place.ts';
import { unlinkIfThere } from './temporary.ts';
import { throwIfAborted, type Write } from './write.ts';

/** How many files are synced at once: a journal serves them together. */
const atOnce = 8;

/** Syncs every file of a tree, and every directory after what is in it. */
export function* syncTree(write: Write, path: PathName): Steps<true | 'unsupported'> {
  return yield* inDirectory<true | 'unsupported'>(write, path, function* (reach, fd) {
    const files: PathName[] = [];
    let durable = true as true | 'unsupported';
    const add = (one: true | 'unsupported'): void => {
      if (one === 'unsupported') durable = one;
    };
    for (const name of yield* call.readdir(reach)) {
      const entry = join(reach, name);
      const type = fileType((yield* call.lstat(entry)).mode);
      if (type === 'directory') add(yield* syncTree(write, entry));
      else if (type === 'file') files.push(entry);
    }
    while (files.length > 0) {
      throwIfAborted(write);
      for (const one of yield* together(...files.splice(0, atOnce).map(syncFile))) add(one);
    }
    add(yield* syncNow(fd));
    return durable;
  });
}

function* syncFile(path: PathName): Steps<true | 'unsupported'> {
  const fd = yield* call.open(path, O_RDONLY | O_NOFOLLOW, 0);
  try {
    return yield* syncNow(fd);
  } finally {
    yield* call.close(fd);
  }
}

/** Removes a directory and all that is in it. On Linux nobody who renames or links in it meanwhile leads it elsewhere. */
export function* removeTree(write: Write, path: PathName): Steps<void> {
  yield* inDirectory(write, path, function* (reach) {
    for (const name of yield* call.readdir(reach)) {
      const entry = join(reach, name);
      const status = yield* lookAt({ reach: entry });
      if (status === undefined) continue;
      if (fileType(status.mode) === 'directory') yield* removeTree(write, entry);
      else yield* unlinkIfThere(entry);
    }
  });
  yield* rmdirIfThere(path);
}

function* rmdirIfThere(path: PathName): Steps<void> {
  try {
    yield* call.rmdir(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

function* inDirectory<T>({ surroundings }: Write, path: PathName, steps: (reach: PathName, fd: number) => Steps<T>): Steps<T> {
  const fd = yield* call.open(path, O_DIRECTORY_ITSELF, 0);
  try {
    return yield* steps(surroundings.reach(fd, path), fd);
  } finally {
    yield* call.close(fd);
  }
}
