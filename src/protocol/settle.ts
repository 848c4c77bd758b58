/**
 * Bringing a transaction to its end whose owner is dead, or taken for dead.
 *
 * Promise: what is committed is completed, what is not is removed, also if this crashes itself or is done again. Of those
 * that come at once one does it, under the lock of the record, and holds nobody up who holds that. An owner that is not
 * dead after all cannot commit any more: its token has been removed before anything else is touched.
 * A committed transaction of which a directory cannot be found (it is not mounted, or was moved) is left as it is.
 */
import { codeOf, refusal } from '../errors.ts';
import { display, join, type PathName } from '../path.ts';
import { type Steps } from '../system/calls.ts';
import { clearStaged, makeChange, removeStaged, type Part } from './changes.ts';
import { whenDescriptorsAllow } from './descriptors.ts';
import { closeDirectory, isStill, openDirectory } from './directory.ts';
import type { OpenFolder } from './files.ts';
import type { Journal, Whereabouts } from './journal.ts';
import { hasRecord, readJournal, readPointer, recordName, removeRecord, removeRecords, syncAll, type Read, type RecordKind } from './record.ts';
import type { Write } from './write.ts';

/** What was done about a transaction. */
export interface Settled {
  /** Files of one that was committed. */
  readonly completed: readonly PathName[];
  /** Staged files of one that was not. */
  readonly removed: readonly PathName[];
}

const nothingDone: Settled = { completed: [], removed: [] };

/** Completes or removes a transaction, by its record in its home; to be called under the lock of the record. */
export function* settleRecord(write: Write, home: OpenFolder, id: string): Steps<Settled> {
  // First of all: from here on its owner cannot commit any more.
  yield* removeRecord(write, home, id, 'pending');
  const committed = yield* hasRecord(write, home, id, 'committed');
  const journal = yield* readIfWhole(write, home, id, committed);
  const settled = yield* withFolders(write, home, journal, (folders) => (committed && journal !== undefined ? complete(write, folders, journal) : remove(write, folders, id)));
  return settled;
}

/** One that was not whole when its owner died leads nowhere yet; and if it is committed and there is none, all is done. */
export function* readIfWhole(write: Write, home: OpenFolder, id: string, committed: boolean): Steps<Read<Journal> | undefined> {
  const name = recordName(id, 'journal');
  try {
    return yield* readJournal(write, join(home.directory.reach, name), join(home.directoryPath, name), id);
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || (!committed && codeOf(error) === 'ERR_UNTORN_JOURNAL')) return undefined;
    throw error;
  }
}

/** A directory of a journal; without a descriptor if it is not there. */
export interface Found extends Partial<OpenFolder> {
  readonly directoryPath: PathName;
}

export function isFound(folder: Found): folder is OpenFolder {
  return folder.directory !== undefined;
}

/** Opens the directories of a journal, and closes them. */
export function* withFolders<T>(write: Write, home: OpenFolder, journal: Read<Journal> | undefined, use: (folders: readonly Found[]) => Steps<T>): Steps<T> {
  const folders: Found[] = [home];
  try {
    if (journal !== undefined) for (const where of journal.content.directories.slice(1)) folders.push(yield* openFound(write, home.directoryPath, where, journal.content.id));
    return yield* use(folders);
  } finally {
    for (const folder of folders.slice(1)) if (isFound(folder)) closeDirectory(write, folder.directory);
  }
}

function* openFound(write: Write, from: PathName, where: Whereabouts, id: string): Steps<Found> {
  return (yield* openWith(write, from, where, id, 'pointer')) ?? { directoryPath: where.path };
}

/** Opens a directory where it is said to be: the one that has a certain record, or else the first that is there. */
export function* openWith(write: Write, from: PathName, { relative, path }: Whereabouts, id: string, kind: RecordKind): Steps<OpenFolder | undefined> {
  let first: OpenFolder | undefined;
  for (const directoryPath of relative === undefined ? [path] : [join(from, relative), path]) {
    const folder = yield* openIfThere(write, directoryPath);
    if (folder === undefined) continue;
    if (yield* hasRecord(write, folder, id, kind)) {
      if (first !== undefined) closeDirectory(write, first.directory);
      // By its own path, if it is there.
      return (yield* isStill(folder.directory, path)) ? { ...folder, directoryPath: path } : folder;
    }
    if (first === undefined) first = folder;
    else closeDirectory(write, folder.directory);
  }
  return first;
}

function* openIfThere(write: Write, directoryPath: PathName): Steps<OpenFolder | undefined> {
  try {
    return { directory: yield* whenDescriptorsAllow(write, () => openDirectory(write, directoryPath)), directoryPath };
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '')) throw error;
    return undefined;
  }
}

function* complete(write: Write, folders: readonly Found[], { content: journal, numbered }: Read<Journal>): Steps<Settled> {
  const parts: Part[] = [];
  for (const [index, folder] of folders.entries()) parts.push(index === 0 ? { ...(folder as OpenFolder), numbered } : yield* asPart(write, folder, journal.id));
  for (const change of journal.changes) yield* makeChange(write, parts, change);
  yield* syncAll(write, parts);
  yield* clearStaged(write, parts, journal.changes);
  yield* removeRecords(write, parts, journal.id);
  return { ...nothingDone, completed: journal.changes.map(({ directory, name }) => join((parts[directory] as Part).directoryPath, name)) };
}

/** A directory that has a pointer of the transaction, and so is the one that it was about. */
function* asPart(write: Write, folder: Found, id: string): Steps<Part> {
  const name = recordName(id, 'pointer');
  if (isFound(folder)) {
    try {
      const { numbered } = yield* readPointer(write, join(folder.directory.reach, name), join(folder.directoryPath, name), id);
      return { ...folder, numbered };
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  }
  throw unreachable(`"${display(folder.directoryPath)}", a directory of a committed transaction, cannot be found: it is not mounted, or was moved or replaced`);
}

export function unreachable(text: string): Error {
  return refusal('ERR_UNTORN_UNREACHABLE', text);
}

function* remove(write: Write, found: readonly Found[], id: string): Steps<Settled> {
  const removed: PathName[] = [];
  const folders = found.filter(isFound);
  for (const { directory, directoryPath } of folders) {
    for (const name of yield* removeStaged(write, directory, id)) removed.push(join(directoryPath, name));
  }
  // Before the pointers go: what has one is known not to be committed only as long as the record is there.
  yield* syncAll(write, folders);
  yield* removeRecords(write, folders, id);
  return { ...nothingDone, removed };
}
