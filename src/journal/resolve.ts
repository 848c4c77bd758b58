/**
 * Resolving a transaction whose owner is dead, or taken for dead.
 *
 * Promise: a committed transaction is completed, another one is removed, also if this crashes or is done again. Of
 * several processes that come at once, one does it, under the lock of the record. An owner that is not dead after all
 * cannot commit any more: its token is removed before anything else is touched. A committed transaction is left as it
 * is if one of its directories cannot be found (it is not mounted, or was moved). The journal of an uncommitted one
 * stays for as long.
 */
import { refusal, display, join, key, type PathName } from '../contract/index.ts';
import type { Steps } from '../system/index.ts';
import {
  closeDirectory,
  type OpenFolder,
  type Operation,
  unlinkIn,
  type FoundDirectory,
  afterFailure,
} from '../files/index.ts';
import { clearStaged, makeAll, pathOf, type Made, type Part } from './apply.ts';
import {
  openPart,
  readIfWhole,
  readJournal,
  unreachable,
  withRecord,
  type FoundPart,
  type Read,
} from './find-record.ts';
import { damaged, type Change, type Journal } from './format.ts';
import {
  finishToken,
  forbidCommit,
  isCommitted,
  isDone,
  removePointers,
  removeRecord,
  syncAll,
  syncRecord,
} from './record.ts';
import type { Leftovers } from './scan.ts';

/** The result for a file of a committed transaction. */
export interface ResolvedFile {
  readonly path: PathName;
  readonly made: Made;
}

/** The actions for a transaction. */
export interface Resolved {
  /** The files, if it was committed. */
  readonly files: readonly ResolvedFile[];
  /** Staged files, if it was not committed. */
  readonly removed: readonly PathName[];
  /** Why something is still to be done: the transaction was not committed, and some of its directories are missing. */
  readonly waiting?: Error | undefined;
}

export const nothingDone: Resolved = { files: [], removed: [] };

/** How to resolve transactions. */
export interface Resolving {
  readonly leftovers: Leftovers;
  /**
   * Whether the result for each file is reported. If not, a file whose content is gone is left for `recover()` to
   * report.
   */
  readonly isHeard: boolean;
}

/** Completes or removes a transaction, by its record in its home. The caller holds the lock of the record. */
export function* resolveRecord(
  operation: Operation,
  home: OpenFolder,
  id: string,
  resolving: Resolving,
): Steps<Resolved> {
  return (
    (yield* withRecord(operation, home, id, (record) => resolve(operation, home, record, id, resolving))) ?? nothingDone
  );
}

function* resolve(
  operation: Operation,
  home: OpenFolder,
  record: FoundDirectory,
  id: string,
  resolving: Resolving,
): Steps<Resolved> {
  // Before anything is changed: in a copy it fails.
  const journal = yield* readIfWhole(operation, home, record, id);
  // After this its owner cannot commit any more.
  yield* forbidCommit(operation, record);
  const committed = yield* isCommitted(record);
  const done = !committed && (yield* isDone(record));
  if (journal === undefined) {
    if (!committed) return yield* finish(operation, { home, record, id, parts: [], resolving });
    yield* readJournal(operation, home, record, id);
    throw damaged('it is missing');
  }
  return yield* withParts(operation, home, journal, function* (others) {
    const files = committed
      ? yield* complete(operation, home, record, journal, others, resolving)
      : done
        ? allMade(home, journal, others)
        : [];
    const { removed, waiting } = yield* finish(operation, {
      home,
      record,
      id,
      journal: journal.content,
      parts: others,
      resolving,
    });
    return { files, removed: committed || done ? [] : removed, waiting };
  });
}

/** Opens the other directories of a journal, and closes them. */
export function* withParts<T>(
  operation: Operation,
  home: OpenFolder,
  { content: journal }: Read<Journal>,
  use: (others: readonly FoundPart[]) => Steps<T>,
): Steps<T> {
  const parts: FoundPart[] = [];
  try {
    for (const site of journal.directories.slice(1)) parts.push(yield* openPart(operation, home, site, journal.id));
    return yield* use(parts);
  } finally {
    for (const { folder } of parts) if (folder !== undefined) closeDirectory(operation, folder.directory);
  }
}

/** The directories of a committed transaction, all of them. */
function allParts(home: OpenFolder, { numbered }: Read<Journal>, others: readonly FoundPart[]): Part[] {
  const missing = others.filter(({ folder, pointed }) => folder === undefined || !pointed);
  if (missing.length > 0) throw notFound(missing, 'a committed');
  return [
    { ...home, numbered },
    ...others.map(({ folder, numbered: one }): Part => ({ ...(folder as OpenFolder), numbered: one })),
  ];
}

function notFound(missing: readonly FoundPart[], which: string): Error {
  const paths = missing.map(({ site }) => `"${display(site.path)}"`);
  return Object.assign(unreachable(`${paths.join(' and ')}, with files of ${which} transaction`), {
    directories: missing.map(({ site }) => site.path),
  });
}

function* complete(
  operation: Operation,
  home: OpenFolder,
  record: FoundDirectory,
  journal: Read<Journal>,
  others: readonly FoundPart[],
  { isHeard }: Resolving,
): Steps<ResolvedFile[]> {
  const parts = allParts(home, journal, others);
  const { id, changes } = journal.content;
  // Its owner may have ended before the commit was durable.
  yield* syncRecord(operation, record);
  const made = yield* makeAll(operation, id, parts, changes);
  const files = changes.map((change, index): ResolvedFile => ({
    path: pathOf(parts, change),
    made: made[index] as Made,
  }));
  const lost = files.find(({ made }) => made === 'missing' || made === 'unknown');
  if (lost !== undefined && !isHeard) throw contentLost(lost);
  yield* syncAll(operation, parts);
  yield* finishToken(operation, record);
  return files;
}

/** The result of a transaction whose owner ended when everything was done. */
function allMade(
  home: OpenFolder,
  { content: { changes } }: Read<Journal>,
  others: readonly FoundPart[],
): ResolvedFile[] {
  const folders = [home, ...others.map(({ site, folder }) => ({ directoryPath: folder?.directoryPath ?? site.path }))];
  return changes.map((change) => ({ path: pathOf(folders, change), made: 'made' }));
}

function contentLost({ path, made }: ResolvedFile): Error {
  const what =
    made === 'missing'
      ? 'is gone, and the file has its old content'
      : 'is gone, and the filesystem cannot tell whether the file has it';
  return refusal(
    'ERR_UNTORN_MISSING',
    `the content that a committed transaction staged for "${display(path)}" ${what}`,
  );
}

interface ToFinish {
  readonly home: OpenFolder;
  readonly record: FoundDirectory;
  readonly id: string;
  readonly journal?: Journal;
  readonly parts: readonly FoundPart[];
  readonly resolving: Resolving;
}

/** Removes the staged files, and then the record, in an order that misses none. It cannot be committed any more. */
function* finish(operation: Operation, { home, record, id, journal, parts, resolving }: ToFinish): Steps<Resolved> {
  const folders = [home, ...parts.map(({ folder }) => folder)];
  const listed: Staged[] = [];
  for (const folder of folders) if (folder !== undefined) listed.push(...(yield* listStaged(folder, id, resolving)));
  if (journal !== undefined) yield* clearStaged(operation, id, folders, journal.changes);
  yield* removeOthers(operation, listed, journal?.changes ?? []);
  const removed = listed.map(({ folder, name }) => join(folder.directoryPath, name));
  const others = parts.filter(({ pointed }) => pointed).map(({ folder }) => folder as OpenFolder);
  if (others.length > 0) yield* removePointers(operation, others, id);
  const missing = parts.filter(({ folder }) => folder === undefined);
  if (missing.length > 0) return { files: [], removed, waiting: notFound(missing, 'an interrupted') };
  yield* removeRecord(operation, home, record, id);
  return { files: [], removed };
}

interface Staged {
  readonly folder: OpenFolder;
  readonly name: PathName;
}

function* listStaged(folder: OpenFolder, id: string, { leftovers }: Resolving): Steps<Staged[]> {
  return ((yield* leftovers.in(folder)).get(id)?.staged ?? []).map((name) => ({ folder, name }));
}

/**
 * Removes files that are in no journal, as a pointer that did not get its name. A file that cannot be removed is
 * somebody else's.
 */
function* removeOthers(operation: Operation, listed: readonly Staged[], changes: readonly Change[]): Steps<void> {
  const known = new Set(changes.flatMap((change) => (change.kind === 'put' ? [key(change.staged)] : [])));
  for (const { folder, name } of listed)
    if (!known.has(key(name))) yield* afterFailure(unlinkIn(operation, folder, name));
}

/** Whether a transaction has a record in a directory. */
export function* hasRecord(operation: Operation, home: OpenFolder, id: string): Steps<boolean> {
  return (yield* withRecord(operation, home, id, isThere)) ?? false;
}

// oxlint-disable-next-line require-yield -- it stands where steps would
function* isThere(): Steps<boolean> {
  return true;
}

/** The name of the lock under which a transaction is resolved; no file has this name. */
export function lockOfRecord(id: string): string {
  return `untorn-j-${id}`;
}
