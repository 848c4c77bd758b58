/**
 * Whole directories: making a tree durable, and removing one.
 *
 * Both go through descriptors: a symbolic link is never followed, and on Linux somebody who renames files in the tree
 * cannot lead them elsewhere.
 */
import { refusal, display, join, type PathName } from '../contract/index.ts';
import {
  fileType,
  O_DIRECTORY_ITSELF,
  O_NOFOLLOW,
  O_RDONLY,
  call,
  concurrently,
  type FileStatus,
  type Steps,
} from '../system/index.ts';
import { syncLinks, syncNow, type Directory } from './directory.ts';
import type { Folder } from './folder.ts';
import { throwIfAborted, type Operation } from './operation.ts';
import { inFound, isSameInode, lookIn, namesIn, rmdirIn, unlinkIn, type FoundDirectory } from './owned.ts';

/** How many files are synced at once: a journal serves them together. */
const uninterrupted = 8;

/** The files and directories found while a tree is synced. */
interface Found {
  durable: true | 'unsupported';
  others: boolean;
}

/**
 * Syncs every file of a tree, and every directory after its contents; `beside` is an open directory of the same
 * filesystem.
 */
export function* syncTree(operation: Operation, path: PathName, beside: Directory): Steps<true | 'unsupported'> {
  const found: Found = { durable: true, others: false };
  yield* syncBelow(operation, path, found);
  if (found.others) note(found, yield* syncLinks(operation, beside));
  return found.durable;
}

function note(found: Found, synced: true | 'unsupported'): void {
  if (synced === 'unsupported') found.durable = synced;
}

function* syncBelow(operation: Operation, path: PathName, found: Found): Steps<void> {
  const fd = yield* call.open(path, O_DIRECTORY_ITSELF, 0);
  try {
    const accessPath = operation.environment.accessPath(fd, path);
    const files: PathName[] = [];
    for (const name of yield* call.readdir(accessPath)) {
      const entry = join(accessPath, name);
      const type = fileType((yield* call.lstat(entry)).mode);
      if (type === 'directory') yield* syncBelow(operation, entry, found);
      else if (type === 'file') files.push(entry);
      else found.others = true;
    }
    while (files.length > 0) {
      throwIfAborted(operation);
      for (const one of yield* concurrently(...files.splice(0, uninterrupted).map(syncFile))) note(found, one);
    }
    note(found, yield* syncNow(fd));
  } finally {
    yield* call.close(fd);
  }
}

function* syncFile(path: PathName): Steps<true | 'unsupported'> {
  const fd = yield* call.open(path, O_RDONLY | O_NOFOLLOW, 0);
  try {
    return yield* syncNow(fd);
  } finally {
    yield* call.close(fd);
  }
}

/** How often a directory is emptied that somebody fills meanwhile. */
const patience = 100;

/**
 * Removes a directory and all its contents, if it is the one that was examined. It does not enter another filesystem
 * that is mounted there.
 */
export function* removeTree(operation: Operation, folder: Folder, name: PathName, looked: FileStatus): Steps<void> {
  for (let tries = 0; tries < patience; tries++) {
    yield* inFound(operation, folder, name, (found) => emptyDirectory(operation, found, looked));
    if (yield* rmdirIn(operation, folder, name)) return;
  }
  throw refusal('ENOTEMPTY', `"${display(join(folder.directoryPath, name))}" is being filled`);
}

function* emptyDirectory(operation: Operation, found: FoundDirectory, looked: FileStatus): Steps<void> {
  if (!isSameInode(found.status, looked))
    throw refusal('ESTALE', `"${display(found.directoryPath)}" is another directory by now`);
  for (const name of yield* namesIn(found)) {
    const status = yield* lookIn(found, name);
    if (status === undefined) continue;
    if (fileType(status.mode) !== 'directory') yield* unlinkIn(operation, found, name);
    else if (status.dev === looked.dev) yield* removeTree(operation, found, name, status);
    else throw refusal('EXDEV', `"${display(join(found.directoryPath, name))}" is on another filesystem`);
  }
}
