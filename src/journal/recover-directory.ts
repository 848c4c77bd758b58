/**
 * Interrupted transactions that left something in a directory, and how each is resolved: see `resolve.ts`.
 *
 * Promise: nothing of a transaction is touched whose owner is alive, or cannot be judged and was active not long ago.
 * Files of other users cost a look, and hinder nothing.
 */
import { codeOf, join, type PathName, withoutDescriptors } from '../contract/index.ts';
import {
  type LockOwner,
  parseToken,
  type Owner,
  type Sign,
  uninterrupted,
  lastChange,
  type FileStatus,
  type Steps,
} from '../system/index.ts';
import {
  closeDirectory,
  isExclusive,
  openDirectory,
  inOrder,
  type OpenFolder,
  timeIn,
  youngIn,
  type Operation,
  isOwn,
  lookIn,
  namesIn,
} from '../files/index.ts';
import { signOf, type FileIn, isLockName, sweepLock, type Resolve } from '../lock/index.ts';
import { copied, readIfWhole, withRecord } from './find-record.ts';
import type { Journal } from './format.ts';
import {
  homeFrom,
  refuseUnresolved,
  removeStrays,
  resolveDead,
  resolveUnderLock,
  underLocks,
  unresolved,
  type Tell,
} from './resolve-owner.ts';
import { withParts, type Resolved } from './resolve.ts';
import type { KeptTransaction, RecoveredFile, RecoverResult } from './result.ts';
import { Leftovers, type Left } from './scan.ts';
import { Abandoned } from './unfinished.ts';

export interface Recovery {
  /** Age in milliseconds from which transactions of unknown owners are recovered, if the caller gave one. */
  readonly olderThan?: number | undefined;
  judge(owner: Owner, lastChangeNs: bigint, exclusive: boolean): Sign;
}

export function* recoverDirectory(operation: Operation, recovery: Recovery): Steps<RecoverResult> {
  const here: OpenFolder = {
    directory: yield* openDirectory(operation, operation.path),
    directoryPath: operation.path,
  };
  try {
    const found = new Found(true);
    yield* recoverIn(operation, here, recovery, found);
    yield* freeLocks(operation, here, found);
    return found.result;
  } finally {
    closeDirectory(operation, here.directory);
  }
}

const outcomes = { made: 'completed', superseded: 'superseded', missing: 'missing', unknown: 'unknown' } as const;

/** The findings and actions of a recovery. */
class Found implements Tell {
  readonly leftovers = new Leftovers();
  readonly isHeard: boolean;
  readonly files: RecoveredFile[] = [];
  readonly removed: PathName[] = [];
  readonly kept: KeptTransaction[] = [];
  /** Why a transaction has to wait, by the transaction. */
  readonly waiting = new Map<string, Error>();
  readonly done = new Set<string>();
  hasFreedLapsed = false;

  constructor(isHeard: boolean) {
    this.isHeard = isHeard;
  }

  tell(id: string, { files, removed, waiting }: Resolved): void {
    this.done.add(id);
    this.files.push(...files.map(({ path, made }) => ({ path, outcome: outcomes[made] })));
    this.removed.push(...removed);
    if (waiting !== undefined) this.waiting.set(id, waiting);
  }

  get result(): RecoverResult {
    const completed = this.files.filter(({ outcome }) => outcome === 'completed').map(({ path }) => path);
    return { completed, files: this.files, removed: this.removed, kept: this.kept };
  }
}

function* recoverIn(operation: Operation, here: OpenFolder, recovery: Recovery, found: Found): Steps<void> {
  for (const [id, left] of yield* found.leftovers.in(here)) {
    const name = (left.record ?? left.pointer ?? left.staged[0]) as PathName;
    const path = join(here.directoryPath, name);
    const files: PathName[] = [];
    try {
      const reason = yield* reasonToKeep(operation, recovery, here, { ...left, id }, found);
      if (reason !== undefined) {
        if (reason !== 'gone') found.kept.push({ path, reason });
        continue;
      }
      yield* recoverOne(operation, here, id, found, files);
      const waiting = found.waiting.get(id);
      if (waiting !== undefined)
        found.kept.push({ path, reason: 'unreachable', error: waiting, ...directoriesOf(waiting) });
      operation.environment.state.of(Abandoned).delete(id);
    } catch (error) {
      // Somebody else may have resolved all of it.
      if ((yield* lookIn(here, name)) === undefined) continue;
      const one = keptBecause(operation, path, error);
      if (one.reason === 'unreachable')
        found.files.push(...files.map((file) => ({ path: file, outcome: 'unreachable' as const })));
      found.kept.push(one);
    }
  }
}

/**
 * Locks of owners that cannot be seen, as on another machine, and that have shown no sign of life for two leases by the
 * clock of the filesystem: an update would take such a lock over. Their transactions are resolved.
 */
function* freeLapsed(operation: Operation, folder: OpenFolder, found: Found): Steps<void> {
  found.hasFreedLapsed = true;
  const exclusive = yield* isExclusive(folder.directory);
  const time = yield* timeIn(operation, folder);
  const isOver = (status: FileStatus, { lease }: LockOwner): boolean =>
    time !== undefined && time - lastChange(status) > BigInt(lease) * 2_000_000n;
  const keptWhy = (status: FileStatus, owner: LockOwner): 'alive' | undefined =>
    signOf(operation, { owner, status }, exclusive) === 'unknown' && isOver(status, owner) ? undefined : 'alive';
  const resolve: Resolve = (dead) => resolveDead(operation, folder, dead, found);
  for (const name of yield* namesIn(folder)) {
    if (!isLockName(name)) continue;
    try {
      yield* sweepLock({ operation, dryRun: false, resolve, keptBecause: keptWhy }, folder, name);
    } catch (error) {
      // Taken or released meanwhile.
      if (codeOf(error) !== 'ENOENT') found.kept.push(keptBecause(operation, join(folder.directoryPath, name), error));
    }
  }
}

/** Locks whose owners are seen to be dead: the transactions of those owners are resolved first. */
function* freeLocks(operation: Operation, folder: OpenFolder, found: Found): Steps<void> {
  const exclusive = yield* isExclusive(folder.directory);
  let isUnseen = false;
  const reason = (status: FileStatus, owner: LockOwner): 'alive' | undefined => {
    const sign = signOf(operation, { owner, status }, exclusive);
    isUnseen ||= sign === 'unknown';
    return sign === 'dead' ? undefined : 'alive';
  };
  for (const name of yield* namesIn(folder)) {
    if (!isLockName(name)) continue;
    const free = (resolve: Resolve): Steps<unknown> =>
      sweepLock({ operation, dryRun: false, resolve, keptBecause: reason }, folder, name);
    try {
      // The locks of resolved transactions only have to be removed. Uninterrupted, where nothing waits for a disk, that
      // takes a fifth of the time.
      const isQuick = found.done.size > 0 && folder.directory.local;
      if (isQuick && (yield* uninterrupted(isFreed(free((dead) => refuseUnresolved(folder, dead, found)))))) continue;
      yield* free((dead) => resolveDead(operation, folder, dead, found));
    } catch (error) {
      // Taken or released meanwhile.
      if (codeOf(error) !== 'ENOENT') found.kept.push(keptBecause(operation, join(folder.directoryPath, name), error));
    }
  }
  if (isUnseen && !found.hasFreedLapsed) yield* freeLapsed(operation, folder, found);
}

/** Whether a lock could be freed without a transaction to resolve. */
function* isFreed(steps: Steps<unknown>): Steps<boolean> {
  try {
    yield* steps;
    return true;
  } catch (error) {
    if (codeOf(error) !== unresolved) throw error;
    return false;
  }
}

const reasons: Record<string, KeptTransaction['reason']> = {
  ERR_UNTORN_FOREIGN_JOURNAL: 'foreign',
  ELOOP: 'foreign',
  EISDIR: 'foreign',
  ERR_UNTORN_COPIED: 'copied',
  ERR_UNTORN_UNREACHABLE: 'unreachable',
  ERR_UNTORN_JOURNAL: 'damaged',
  ERR_UNTORN_JOURNAL_VERSION: 'damaged',
};

function keptBecause({ environment: { platform } }: Operation, path: PathName, error: unknown): KeptTransaction {
  const code = codeOf(error) ?? '';
  // As another user's files in a directory like /tmp. Windows gives the same codes for files that are in use.
  const isForeign = platform !== 'win32' && ['EACCES', 'EPERM'].includes(code);
  return {
    path,
    reason: isForeign ? 'foreign' : (reasons[code] ?? 'failed'),
    error: withoutDescriptors(error) as Error,
    ...directoriesOf(error),
  };
}

/** The directories that an error reports as missing. */
function directoriesOf(error: unknown): Pick<KeptTransaction, 'directories'> {
  const { directories } = error as { directories?: readonly PathName[] };
  return directories === undefined ? {} : { directories };
}

function* reasonToKeep(
  operation: Operation,
  recovery: Recovery,
  here: OpenFolder,
  { id, ...left }: Left & { readonly id: string },
  found: Found,
): Steps<'alive' | 'young' | 'foreign' | 'gone' | undefined> {
  let last: bigint | undefined;
  for (const name of [left.record, left.pointer, left.staged[0]]) {
    const status = name === undefined ? undefined : yield* lookIn(here, name);
    if (status === undefined) continue;
    // A file that the superuser staged may have its final owner.
    if (!isOwn(operation, status) && (name !== left.staged[0] || operation.environment.uid !== 0)) return 'foreign';
    if (last === undefined || lastChange(status) > last) last = lastChange(status);
  }
  const owner = parseToken(`untorn-x-${id}`);
  if (last === undefined) return 'gone';
  if (owner === undefined || operation.environment.state.of(Abandoned).has(id)) return undefined;
  switch (recovery.judge(owner, last, yield* isExclusive(here.directory))) {
    case 'dead':
      return undefined;
    case 'alive':
      return 'alive';
    case 'unknown':
      if (recovery.olderThan === 0 || !(yield* youngIn(operation, here, recovery.olderThan))(last)) return undefined;
      if (!found.hasFreedLapsed) yield* freeLapsed(operation, here, found);
      return found.done.has(id) ? 'gone' : 'young';
  }
}

function* recoverOne(operation: Operation, here: OpenFolder, id: string, found: Found, files: PathName[]): Steps<void> {
  const home = yield* homeFrom(operation, here, id);
  if (home === undefined) return yield* removeStrays(operation, here, id, found);
  try {
    yield* recoverFromHome(operation, home, here, id, found, files);
  } finally {
    closeDirectory(operation, home.directory);
  }
}

/**
 * Works under the locks of all of its files, so that nobody who took a free lock reads a file in the middle; and under
 * the lock of the record, so that only one process works on it. Taking over the first of these locks already resolves
 * the transaction, which is reported to `found`: then the others only have to be released, and those of this directory
 * are in any case.
 */
function* recoverFromHome(
  operation: Operation,
  home: OpenFolder,
  here: OpenFolder,
  id: string,
  found: Found,
  files: PathName[],
): Steps<void> {
  const journal = yield* withRecord(operation, home, id, (record) => readIfWhole(operation, home, record, id));
  const resolve = function* (): Steps<void> {
    if (!found.done.has(id)) found.tell(id, yield* resolveUnderLock(operation, home, id, found));
  };
  if (journal === undefined) return yield* resolve();
  const { content } = journal;
  files.push(
    ...content.changes.map(({ directory, name }) =>
      join((content.directories[directory] as { path: PathName }).path, name),
    ),
  );
  yield* withParts(operation, home, journal, function* (others) {
    const folders = [home, ...others.map(({ folder }) => folder)];
    if (!folders.some((folder) => folder?.directory.key === here.directory.key)) throw copied(here.directoryPath);
    yield* underLocks(
      operation,
      placesOf(content, folders),
      found,
      resolve,
      ({ directory }) => !found.done.has(id) || directory.key !== here.directory.key,
    );
  });
}

function placesOf({ changes }: Journal, folders: readonly (OpenFolder | undefined)[]): FileIn[] {
  const places = changes.flatMap(({ directory, name }) => {
    const folder = folders[directory];
    return folder === undefined ? [] : [{ ...folder, name }];
  });
  return places.toSorted(inOrder);
}

/**
 * Directories in which, as this process knows, no crash of the system has left anything: a process number there may
 * have been reused.
 */
class Visited extends Set<string> {}

function visitOf({ directory: { key, status } }: OpenFolder): string {
  return `${key} ${status.birthtimeNs}`;
}

/**
 * Recovers a directory that this process has not used yet. This is for a power cut, in which locks may be lost: the
 * remains of a process that dies are found by its locks. Returns whether there was something.
 */
export function* recoverOnce(operation: Operation, folder: OpenFolder, recovery: Recovery): Steps<boolean> {
  const visit = visitOf(folder);
  const visited = operation.environment.state.of(Visited);
  if (visited.has(visit)) return false;
  visited.add(visit);
  try {
    const found = new Found(false);
    yield* recoverIn(operation, folder, recovery, found);
    const problem = found.kept.find(
      ({ reason, error }) =>
        error !== undefined && !harmless.has(reason) && ![...found.waiting.values()].includes(error),
    );
    if (problem !== undefined) throw problem.error;
    return found.done.size > 0;
  } catch (error) {
    visited.delete(visit);
    throw error;
  }
}

/** Reasons that do not matter: it is another user's, or of another directory. */
const harmless: ReadonlySet<KeptTransaction['reason']> = new Set(['foreign', 'copied']);
