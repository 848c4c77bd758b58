/**
 * Finding the records of a transaction, and whether to trust them.
 *
 * Records, journals and pointers are trusted if this user wrote them, nobody else can write them, and they are in the
 * directory in which they were written. So not even root acts on what another user wrote, and nobody acts on a copy.
 * Something that is not found is unknown: it may not be mounted, or may have been moved. That is never taken for
 * "done".
 */
import { codeOf, refusal, display, join, key, type PathName } from '../contract/index.ts';
import { fileType, type Steps } from '../system/index.ts';
import {
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

/** The parsed content, and whether inode numbers can be compared with those in it. */
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
    `the record of a transaction in "${display(path)}" is a copy: it was written in another directory`,
  );
}

export function unreachable(what: string): Error {
  return refusal('ERR_UNTORN_UNREACHABLE', `${what}, cannot be found: it is not mounted, or was moved or replaced`);
}

export function notHome({ path }: Site): Error {
  return unreachable(`"${display(path)}", with the journal of a transaction`);
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
      ? damaged('it is not a directory')
      : foreign(home, name, 'is not a directory');
  }
  try {
    const why = whyNotPrivate(operation, found.status);
    if (why !== undefined) throw foreign(home, name, why);
    return yield* use(found);
  } finally {
    yield* closeFound(found);
  }
}

/** Reads a journal; undefined if there is none. Fails with `ERR_UNTORN_JOURNAL` if it is not complete. */
export function* readJournal(
  operation: Operation,
  home: OpenFolder,
  record: FoundDirectory,
  id: string,
): Steps<Read<Journal> | undefined> {
  const read = yield* readRecord(operation, record, journalName, maximumSize, (bytes) => decodeJournal(bytes, id));
  return read && { content: read.content, numbered: yield* isNumbered(home, read.content.directories[0], read.isSame) };
}

/** An incomplete journal leads nowhere: its owner had not yet written the pointers, still less committed. */
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
    if ((yield* lookIn(folder, name)) !== undefined) throw foreign(folder, name, 'is not a regular file');
    return undefined;
  }
  if (reading.kind === 'refused') throw foreign(folder, name, reading.why);
  const content = decode(reading.bytes);
  return { content, isSame: content.ino === reading.status.ino };
}

/**
 * Checks that a record was written in the directory where it is found, and says whether inode numbers can be compared
 * there. If the filesystem invents numbers at each mount, the directory's path decides.
 */
export function* isNumbered(folder: OpenFolder, said: Site, isSameFile: boolean): Steps<boolean> {
  if (isSameFile && folder.directory.status.ino === said.ino) return true;
  if (keepsNumbers(folder) || !(yield* isStill(folder.directory, said.path))) throw copied(folder.directoryPath);
  return false;
}

/** Whether the filesystem keeps its inode numbers. */
function keepsNumbers({ directory }: OpenFolder): boolean {
  return directory.local;
}

/** The paths that may lead to a directory, from a directory that records where it is. */
function pathsTo(from: PathName, { relative, path }: Site): PathName[] {
  const beside = relative === undefined ? path : relative === '.' ? from : join(from, relative);
  return key(beside) === key(path) ? [path] : [beside, path];
}

/** The codes of the system for a directory that does not exist, or not now. */
// A path joined from two may be longer than any path.
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
      directory: yield* openDirectory(operation, directoryPath),
      directoryPath,
    };
  } catch (error) {
    if (!absent.has(codeOf(error) ?? '')) throw error;
    return undefined;
  }
}

/**
 * Opens several directories one after the other until one of them answers a question. Gives that answer, and why the
 * others were not trusted.
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

/** Opens the home of a transaction at its recorded place; undefined if it is not there. */
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
  /** Undefined if it was not found. */
  readonly folder: OpenFolder | undefined;
  /** Whether it has a pointer of the transaction: before the commit it may not have one yet. */
  readonly pointed: boolean;
  readonly numbered: boolean;
}

/** Opens another directory of a transaction at the place that its home records. */
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

/** A pointer that another user put there does not count. */
function* readOwnPointer(operation: Operation, folder: OpenFolder, id: string): Steps<Read<Pointer> | undefined> {
  try {
    return yield* readPointer(operation, folder, id);
  } catch (error) {
    if (codeOf(error) !== 'ERR_UNTORN_FOREIGN_JOURNAL') throw error;
    return undefined;
  }
}

/**
 * If a directory's pointer does not lead to this home but to another one, this home is a copy, such as a snapshot, in
 * which inode numbers are the same.
 */
function* refuseCopy(operation: Operation, home: OpenFolder, from: OpenFolder, site: Site, id: string): Steps<void> {
  const paths = pathsTo(from.directoryPath, site);
  for (const path of paths) if (yield* isStill(home.directory, path)) return;
  const { folder } = yield* firstAnswer(operation, paths, (one) => isHome(operation, one, site, id));
  if (folder === undefined) return;
  closeDirectory(operation, folder.directory);
  throw copied(home.directoryPath);
}
