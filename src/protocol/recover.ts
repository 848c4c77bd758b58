/**
 * What transactions that were interrupted left in a directory, and what to do about each: see `settle.ts`.
 *
 * Promise: nothing of a transaction whose owner is alive is touched, nor of one whose owner cannot be judged and that
 * was at work not long ago.
 */
import { codeOf } from '../errors.ts';
import { join, type PathName } from '../path.ts';
import type { KeptTransaction, RecoverResult } from '../recover.ts';
import { call, lastChange, type FileStatus, type Steps } from '../system/calls.ts';
import type { LockOwner } from '../system/lock-owner.ts';
import { parseToken, type Owner, type Sign } from '../system/owner.ts';
import { abandoned } from './abandoned.ts';
import { removeStaged } from './changes.ts';
import { notHome, openHome, settleDead, settleUnderLock, underLocks, type Tell } from './dead.ts';
import { closeDirectory, isExclusive, openDirectory } from './directory.ts';
import { inOrder, type OpenFolder } from './files.ts';
import { signOf } from './lock.ts';
import { lookAt } from './place.ts';
import { leftovers, type Left } from './leftovers.ts';
import { hasRecord, readPointer } from './record.ts';
import { isFound, readIfWhole, withFolders, type Settled } from './settle.ts';
import { isLockName, sweepLock } from './sweep-locks.ts';
import type { Write } from './write.ts';

export interface Recovery {
  /** Age in milliseconds from which transactions of unknown owners are recovered. */
  readonly olderThan: number;
  judge(owner: Owner, lastChangeNs: bigint, exclusive: boolean): Sign;
  now(): number;
}

type Found = { [K in keyof RecoverResult]: RecoverResult[K] extends readonly (infer T)[] ? T[] : never };

export function* recoverDirectory(write: Write, recovery: Recovery): Steps<RecoverResult> {
  const here: OpenFolder = { directory: yield* openDirectory(write, write.path), directoryPath: write.path };
  try {
    return yield* recoverIn(write, here, recovery);
  } finally {
    closeDirectory(write, here.directory);
  }
}

function* recoverIn(write: Write, here: OpenFolder, recovery: Recovery): Steps<RecoverResult> {
  const found: Found = { completed: [], removed: [], kept: [] };
  const tell: Tell = ({ completed, removed }) => {
    found.completed.push(...completed);
    found.removed.push(...removed);
  };
  const exclusive = yield* isExclusive(here.directory);
  for (const [id, left] of leftovers(yield* call.readdir(here.directory.reach))) {
    const path = join(here.directoryPath, (left.record ?? left.pointer ?? left.staged) as PathName);
    try {
      const reason = yield* reasonToKeep(recovery, here, exclusive, left, id);
      if (reason !== undefined) {
        found.kept.push({ path, reason });
        continue;
      }
      tell(yield* recoverOne(write, here, left, id, tell));
      abandoned.delete(id);
    } catch (error) {
      // Somebody else may have been faster with all of it.
      if (yield* isThere(here, left)) found.kept.push(kept(write, path, error));
    }
  }
  found.kept.push(...(yield* freeLocks(write, here, tell)));
  return found;
}

/** Locks of owners that are seen to be dead: what their owners were at is put right first. Returns those that could not be freed. */
function* freeLocks(write: Write, folder: OpenFolder, tell: Tell): Steps<KeptTransaction[]> {
  const exclusive = yield* isExclusive(folder.directory);
  const keptBecause = (status: FileStatus, owner: LockOwner): 'alive' | undefined => (signOf(write, { owner, status }, exclusive) === 'dead' ? undefined : 'alive');
  const left: KeptTransaction[] = [];
  for (const name of yield* call.readdir(folder.directory.reach)) {
    if (!isLockName(name)) continue;
    try {
      yield* sweepLock({ write, dryRun: false, settle: (dead) => settleDead(write, dead, tell), keptBecause }, folder, name);
    } catch (error) {
      // Taken or given back meanwhile.
      if (codeOf(error) !== 'ENOENT') left.push(kept(write, join(folder.directoryPath, name), error));
    }
  }
  return left;
}

const reasons: Record<string, KeptTransaction['reason']> = { ERR_UNTORN_FOREIGN_JOURNAL: 'foreign', ELOOP: 'foreign', EISDIR: 'foreign', ERR_UNTORN_UNREACHABLE: 'unreachable', ERR_UNTORN_JOURNAL: 'damaged', ERR_UNTORN_JOURNAL_VERSION: 'damaged' };

function kept({ surroundings: { platform } }: Write, path: PathName, error: unknown): KeptTransaction {
  const code = codeOf(error) ?? '';
  // As another user's files in a directory like /tmp. Windows says the same of files that are in use.
  const isForeign = platform !== 'win32' && ['EACCES', 'EPERM'].includes(code);
  return { path, reason: isForeign ? 'foreign' : (reasons[code] ?? 'failed'), error: error as Error };
}

function* isThere({ directory }: OpenFolder, left: Left): Steps<boolean> {
  for (const name of [left.record, left.pointer, left.staged]) {
    if (name !== undefined && (yield* lookAt({ reach: join(directory.reach, name) })) !== undefined) return true;
  }
  return false;
}

function* reasonToKeep(recovery: Recovery, { directory }: OpenFolder, exclusive: boolean, left: Left, id: string): Steps<'alive' | 'young' | undefined> {
  const owner = parseToken(`untorn-x-${id}`);
  if (owner === undefined || abandoned.has(id)) return undefined;
  let last = 0n;
  for (const name of [left.record, left.pointer, left.staged]) {
    const status = name === undefined ? undefined : yield* lookAt({ reach: join(directory.reach, name) });
    if (status !== undefined) last = lastChange(status) > last ? lastChange(status) : last;
  }
  switch (recovery.judge(owner, last, exclusive)) {
    case 'dead':
      return undefined;
    case 'alive':
      return 'alive';
    case 'unknown':
      return recovery.now() - Number(last / 1_000_000n) < recovery.olderThan ? 'young' : undefined;
  }
}

function* recoverOne(write: Write, here: OpenFolder, left: Left, id: string, tell: Tell): Steps<Settled> {
  if (left.record !== undefined) return yield* recoverFromHome(write, here, id, tell);
  if (left.pointer === undefined) {
    // It comes before any pointer and any record that leads here: it was not committed.
    const removed = yield* removeStaged(write, here.directory, id);
    return { completed: [], removed: removed.map((name) => join(here.directoryPath, name)) };
  }
  const name = left.pointer;
  const { content } = yield* readPointer(write, join(here.directory.reach, name), join(here.directoryPath, name), id);
  const home = yield* openHome(write, here.directoryPath, content.home, id);
  try {
    if (!(yield* hasRecord(write, home, id, 'journal')) && (yield* hasRecord(write, here, id, 'pointer'))) throw notHome(content.home);
    return yield* recoverFromHome(write, home, id, tell);
  } finally {
    closeDirectory(write, home.directory);
  }
}

/**
 * Under the locks of all of its files, so that nobody reads one in the middle who took its lock when that was free; and under
 * the lock of the record, so that only one is at it. To take over the first of these locks is to put all of it right already,
 * which `tell` hears of.
 */
function* recoverFromHome(write: Write, home: OpenFolder, id: string, tell: Tell): Steps<Settled> {
  const committed = yield* hasRecord(write, home, id, 'committed');
  const journal = yield* readIfWhole(write, home, id, committed);
  return yield* withFolders(write, home, journal, function* (folders) {
    const files = (journal?.content.changes ?? []).flatMap(({ directory, name }) => {
      const folder = folders[directory];
      return folder !== undefined && isFound(folder) ? [{ ...folder, name }] : [];
    });
    return yield* underLocks(write, files.toSorted(inOrder), () => settleUnderLock(write, home, id), tell);
  });
}

/** Directories of which this process knows that no crash of the system has left anything in them. */
const visited = new Set<string>();

/**
 * Recovers a directory that this process has not used yet. That is for a power cut, in which locks may be lost: what a
 * process leaves that dies is found by its locks. Returns whether there was something.
 */
export function* recoverOnce(write: Write, folder: OpenFolder, recovery: Recovery): Steps<boolean> {
  if (visited.has(folder.directory.key)) return false;
  visited.add(folder.directory.key);
  try {
    const { completed, removed, kept } = yield* recoverIn(write, folder, recovery);
    const problem = kept.find(({ reason, error }) => error !== undefined && reason !== 'foreign');
    if (problem !== undefined) throw problem.error;
    return completed.length + removed.length > 0;
  } catch (error) {
    visited.delete(folder.directory.key);
    throw error;
  }
}
