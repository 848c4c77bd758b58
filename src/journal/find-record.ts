/**
 * Finding what a transaction wrote down of itself, and whether to believe it.
 *
 * Believed are records, journals and pointers of this very user that nobody else can write, in the directory in which
 * they were written: not even root acts on what another user wrote, and nobody on a copy. What is not found is not
 * known: it may not be mounted, or may have been moved. That is never taken for "done".
 */
import { codeOf, refusal, display, join, key, type PathName } from '../contract/index.ts';
import { fileType, type Steps } from '../system/index.ts';
import {
  whenDescriptorsAllow,
  closeDirectory,
  isStill,
  openDirectory,
  type OpenFolder,
  type Folder,
  type Operation,
  closeFound,
  isOwn,
  lookIn,
  openFound,
  readOwn,
  type FoundDirectory,
} from '../files/index.ts';
import { damaged, decodeJournal, decodePointer, type Journal, type Pointer, type Site } from './format.ts';
import { journalName, recordName, whyNotPrivate } from './record.ts';

/** What was read, and whether inode numbers can be compared with those in it. */
export interface Read<T> {
  readonly content: T;
  readonly numbered: boolean;
}

const maximumSize = 256 << 20;
const maximumPointerSize = 64 << 10;

function foreign(folder: Folder, name: PathName, why: string): Error {
  return refusal('ERR_UNTORN_FOREIGN_JOURNAL', `"${display(join(folder.directoryPath, name))}" ${why}`);
}

export function copied(path: PathName): Error {
  return refusal(
    'ERR_UNTORN_COPIED',
    `what a transaction wrote down in "${display(path)}" was written in another directory, of which this is a copy`,
  );
}

export function unreachable(what: string): Error {
  return refusal('ERR_UNTORN_UNREACHABLE', `${what}, cannot be found: it is not mounted, or was moved or replaced`);
}

export function notHome({ path }: Site): Error {
  return unreachable(`"${display(path)}", where the journal of a transaction is`);
}

/** Opens a transaction's record, performs steps with it, and closes it; undefined if there is none. */
export function* withRecord<T>(
  operation: Operation,
  home: OpenFolder,
  id: string,
  use: (record: FoundDirectory) => Steps<T>,
): Steps<T | undefined> {
  const name = recordName(id, 'journal');
  const found = yield* openFound(operation, home, name);
  if (found === undefined) {
    const status = yield* lookIn(home, name);
    if (status === undefined) return undefined;
    throw isOwn(operation, status) && fileType(status.mode) === 'file'
      ? damaged('it is no directory')
      : foreign(home, name, 'is no directory');
  }
  try {
    const why = whyNotPrivate(operation, found.status);
    if (why !== undefined) throw foreign(home, name, why);
    return yield* use(found);
  } finally {
    yield* closeFound(found);
  }
}

/** Reads a journal; undefined if there is none. Fails with `ERR_UNTORN_JOURNAL` if it is not whole. */
export function* readJournal(
  operation: Operation,
  home: OpenFolder,
  record: FoundDirectory,
  id: string,
): Steps<Read<Journal> | undefined> {
  const read = yield* readRecord(operation, record, journalName, maximumSize, (bytes) => decodeJournal(bytes, id));
  return read && { content: read.content, numbered: yield* isNumbered(home, read.content.directories[0], read.isSame) };
}

/**
 * A journal that is not whole leads nowhere: its owner did not come to writing the pointers, still less to the commit.
 */
export function* readIfWhole(
  operation: Operation,
  home: OpenFolder,
  record: FoundDirectory,
  id: string,
): Steps<Read<Journal> | undefined> {
  try {
    return yield* readJournal(operation, home, record, id);
  } catch (error) {
    if (codeOf(error) !== 'ERR_UNTORN_JOURNAL') throw error;
    return undefined;
  }
}

/** Reads a pointer; undefined if there is none. */
export function* readPointer(operation: Operation, folder: OpenFolder, id: string): Steps<Read<Pointer> | undefined> {
  const name = recordName(id, 'pointer');
  const read = yield* readRecord(operation, folder, name, maximumPointerSize, (bytes) => decodePointer(bytes, id));
  return read && { content: read.content, numbered: yield* isNumbered(folder, read.content.directory, read.isSame) };
}

interface ReadRecord<T> {
  readonly content: T;
  /** Whether the file is the one that it says it is. */
  readonly isSame: boolean;
}

function* readRecord<T extends { ino: bigint }>(
  operation: Operation,
  folder: Folder,
  name: PathName,
  limit: number,
  decode: (bytes: Uint8Array) => T,
): Steps<ReadRecord<T> | undefined> {
  const reading = yield* readOwn(operation, folder, name, limit);
  if (reading === undefined) {
    if ((yield* lookIn(folder, name)) !== undefined) throw foreign(folder, name, 'is no regular file');
    return undefined;
  }
  if (reading.kind === 'refused') throw foreign(folder, name, reading.why);
  const content = decode(reading.bytes);
  return { content, isSame: content.ino === reading.status.ino };
}

/**
 * Makes sure that something was written in the directory where it is found, and tells whether inode numbers can be
 * compared there. Where the filesystem makes them up at each mount, that is known by the directory's path.
 */
export function* isNumbered(folder: OpenFolder, said: Site, isSameFile: boolean): Steps<boolean> {
  if (isSameFile && folder.directory.status.ino === said.ino) return true;
  if (keepsNumbers(folder) || !(yield* isStill(folder.directory, said.path))) throw copied(folder.directoryPath);
  return false;
}

/** Whether the filesystem is one that keeps its inode numbers. */
function keepsNumbers({ directory }: OpenFolder): boolean {
  return directory.local;
}

/** The paths that may lead to a directory, from one that says where it is. */
function pathsTo(from: PathName, { relative, path }: Site): PathName[] {
  const beside = relative === undefined ? path : relative === '.' ? from : join(from, relative);
  return key(beside) === key(path) ? [path] : [beside, path];
}

/** What a system says of a directory that is not there, or not now. */
// A way that is made of two may be longer than any path.
const absent = new Set([
  'ENAMETOOLONG',
  'ENOENT',
  'ENOTDIR',
  'ELOOP',
  'EACCES',
  'ENOTCONN',
  'ESTALE',
  'ENODEV',
  'ENXIO',
  'EHOSTDOWN',
  'ETIMEDOUT',
]);

function* openIfThere(operation: Operation, directoryPath: PathName): Steps<OpenFolder | undefined> {
  try {
    return {
      directory: yield* whenDescriptorsAllow(operation, () => openDirectory(operation, directoryPath)),
      directoryPath,
    };
  } catch (error) {
    if (!absent.has(codeOf(error) ?? '')) throw error;
    return undefined;
  }
}

/**
 * Opens the first of some directories of which a question is answered; that answer, and why others were not believed.
 */
function* firstAnswer<T>(
  operation: Operation,
  paths: readonly PathName[],
  ask: (folder: OpenFolder) => Steps<T | undefined>,
): Steps<{ folder?: OpenFolder; answer?: T; error?: unknown }> {
  let problem: { error?: unknown } = {};
  for (const path of paths) {
    const folder = yield* openIfThere(operation, path);
    if (folder === undefined) continue;
    let answer: T | undefined;
    try {
      answer = yield* ask(folder);
    } catch (error) {
      if (!(codeOf(error) ?? '').startsWith('ERR_UNTORN_')) {
        closeDirectory(operation, folder.directory);
        throw error;
      }
      problem = { error };
    }
    if (answer !== undefined) return { folder, answer };
    closeDirectory(operation, folder.directory);
  }
  return problem;
}

/** Opens the home of a transaction where it is said to be; undefined if nothing there is it. */
export function* openHome(operation: Operation, from: PathName, site: Site, id: string): Steps<OpenFolder | undefined> {
  const { folder, error } = yield* firstAnswer(operation, pathsTo(from, site), (one) =>
    isHome(operation, one, site, id),
  );
  if (error !== undefined) throw error;
  return folder && (yield* byItsOwnPath(folder, site));
}

function* isHome(operation: Operation, folder: OpenFolder, site: Site, id: string): Steps<true | undefined> {
  return yield* withRecord(operation, folder, id, function* (record) {
    const journal = yield* readIfWhole(operation, folder, record, id);
    if (journal === undefined) yield* isNumbered(folder, site, true);
    return true as const;
  });
}

/** For messages. */
function* byItsOwnPath(folder: OpenFolder, { path }: Site): Steps<OpenFolder> {
  return (yield* isStill(folder.directory, path)) ? { ...folder, directoryPath: path } : folder;
}

/** A directory of a journal, as far as it was found. */
export interface FoundPart {
  readonly site: Site;
  /** Undefined if it is not there. */
  readonly folder: OpenFolder | undefined;
  /** Whether it has a pointer of the transaction: before the commit one may not have it yet. */
  readonly pointed: boolean;
  readonly numbered: boolean;
}

/** Opens another directory of a transaction where its home says that it is. */
export function* openPart(operation: Operation, home: OpenFolder, site: Site, id: string): Steps<FoundPart> {
  const { folder, answer } = yield* firstAnswer(operation, pathsTo(home.directoryPath, site), (one) =>
    partAt(operation, home, one, site, id),
  );
  if (folder === undefined || answer === undefined) return { site, folder: undefined, pointed: false, numbered: false };
  return { site, folder: yield* byItsOwnPath(folder, site), ...answer };
}

function* partAt(
  operation: Operation,
  home: OpenFolder,
  folder: OpenFolder,
  site: Site,
  id: string,
): Steps<Pick<FoundPart, 'pointed' | 'numbered'> | undefined> {
  const pointer = yield* readOwnPointer(operation, folder, id);
  if (pointer === undefined)
    return folder.directory.status.ino === site.ino ? { pointed: false, numbered: true } : undefined;
  yield* refuseCopy(operation, home, folder, pointer.content.home, id);
  return { pointed: true, numbered: pointer.numbered };
}

/** What another user put in the place of a pointer is none. */
function* readOwnPointer(operation: Operation, folder: OpenFolder, id: string): Steps<Read<Pointer> | undefined> {
  try {
    return yield* readPointer(operation, folder, id);
  } catch (error) {
    if (codeOf(error) !== 'ERR_UNTORN_FOREIGN_JOURNAL') throw error;
    return undefined;
  }
}

/**
 * A home to which a directory's pointer does not lead while it leads to another one is a copy, as a snapshot, in which
 * inode numbers are the same.
 */
function* refuseCopy(operation: Operation, home: OpenFolder, from: OpenFolder, site: Site, id: string): Steps<void> {
  const paths = pathsTo(from.directoryPath, site);
  for (const path of paths) if (yield* isStill(home.directory, path)) return;
  const { folder } = yield* firstAnswer(operation, paths, (one) => isHome(operation, one, site, id));
  if (folder === undefined) return;
  closeDirectory(operation, folder.directory);
  throw copied(home.directoryPath);
}
