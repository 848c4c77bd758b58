/**
 * Resolves the transaction of a lock's dead owner, before anybody who takes the lock over reads the file.
 *
 * Promise: the note of a lock decides only about its own transaction. The note is this user's (whoever takes over
 * checks that) and was written in this directory. Its transaction is of the process that the lock's entry names, and
 * the journal names that very lock. Without such a note only transactions count whose own owners are dead.
 */
import { codeOf, refusal, asText, display, join, type PathName } from '../contract/index.ts';
import { now, type LockOwner, parseToken, type Owner, lastChange, type Steps } from '../system/index.ts';
import {
  closeDirectory,
  isExclusive,
  type OpenFolder,
  newLockedOperation,
  type LockedOperation,
  type Operation,
  isOwn,
  lookIn,
  unlinkIn,
  afterFailure,
} from '../files/index.ts';
import { type FileIn, releaseLock, takeLock, type Lock, type Dead } from '../lock/index.ts';
import { isNumbered, notHome, openHome, readIfWhole, readPointer, unreachable, withRecord } from './find-record.ts';
import { decodeNote, type Pointer } from './format.ts';
import { recordName } from './record.ts';
import { hasRecord, lockOfRecord, nothingDone, resolveRecord, type Resolved, type Resolving } from './resolve.ts';
import { Leftovers, type Left } from './scan.ts';
import { freeAbandoned } from './unfinished.ts';

/** Receives what was resolved. */
export interface Tell extends Resolving {
  /** The resolved transactions: their other locks need nothing more. */
  readonly done: Set<string>;
  tell(id: string, resolved: Resolved): void;
}

/** For a caller that takes over a lock: it does not report the transaction's files. */
function nobody(): Tell {
  return { leftovers: new Leftovers(), isHeard: false, done: new Set(), tell: () => undefined };
}

/** The first step of whoever takes over a lock, in case it is a transaction's: see `lock/takeover.ts`. */
export function* resolveDead(operation: Operation, folder: OpenFolder, dead: Dead, tell: Tell = nobody()): Steps<void> {
  // The lock of a record never has a note: its holder is resolving that transaction.
  if (/\.untorn-j-[^/]*$/.test(asText(dead.lock))) return;
  const note = yield* noteOf(dead, folder);
  if (note === undefined) yield* resolveWithoutNote(operation, folder, dead.owner, tell);
  else yield* resolveNoted(operation, folder, dead, note, tell);
}

/** The code of a refusal that is not a failure. */
export const unresolved = 'ERR_UNTORN_UNRESOLVED';

/** Fails with {@link unresolved} unless a lock's transaction is resolved already. */
export function* refuseUnresolved(folder: OpenFolder, dead: Dead, { done }: Tell): Steps<void> {
  const note = yield* noteOf(dead, folder);
  if (note === undefined || !done.has(note.id)) throw refusal(unresolved, 'it is not resolved yet');
}

/**
 * Undefined for a note that is incomplete, was written elsewhere, or is of another process than the lock's entry says.
 */
function* noteOf({ note, owner }: Dead, folder: OpenFolder): Steps<Pointer | undefined> {
  if (note.byteLength === 0) return undefined;
  try {
    const decoded = decodeNote(note);
    yield* isNumbered(folder, decoded.directory, true);
    const of = parseToken(`untorn-x-${decoded.id}`);
    return of !== undefined && isSameThread(of, owner) ? decoded : undefined;
  } catch (error) {
    if (!['ERR_UNTORN_JOURNAL', 'ERR_UNTORN_COPIED'].includes(codeOf(error) ?? '')) throw error;
    return undefined;
  }
}

function isSameThread(one: Owner, other: Owner): boolean {
  const parts = ['host', 'boot', 'namespace', 'clock', 'pid', 'start', 'thread', 'threadStart'] as const;
  return parts.every((part) => one[part] === other[part]);
}

function* resolveNoted(
  operation: Operation,
  folder: OpenFolder,
  { random }: Dead,
  { id, home: site }: Pointer,
  tell: Tell,
): Steps<void> {
  if (tell.done.has(id)) return;
  const home = yield* homeFrom(operation, folder, id);
  if (home !== undefined) return yield* inHome(operation, home, () => resolveLock(operation, home, id, random, tell));
  // Nothing is to be changed in this directory: not yet, or not any more, or the lock is of a file that was only read.
  const other = yield* openHome(operation, folder.directoryPath, site, id);
  if (other !== undefined) yield* inHome(operation, other, () => resolveLock(operation, other, id, random, tell));
  if ((yield* homeFrom(operation, folder, id)) === undefined) yield* removeStrays(operation, folder, id, tell);
}

function* inHome(operation: Operation, { directory }: OpenFolder, steps: () => Steps<void>): Steps<void> {
  try {
    yield* steps();
  } finally {
    closeDirectory(operation, directory);
  }
}

/** Resolves a transaction if a lock is its own. */
function* resolveLock(operation: Operation, home: OpenFolder, id: string, random: string, tell: Tell): Steps<void> {
  const journal = yield* withRecord(operation, home, id, (record) => readIfWhole(operation, home, record, id));
  if (journal !== undefined && !journal.content.locks.includes(random)) return;
  tell.tell(id, yield* resolveUnderLock(operation, home, id, tell));
}

/** The home of a transaction that has its record, or a pointer to it, in a directory; undefined if it has neither. */
export function* homeFrom(operation: Operation, folder: OpenFolder, id: string): Steps<OpenFolder | undefined> {
  if (yield* hasRecord(operation, folder, id)) {
    folder.directory.users++;
    return folder;
  }
  const pointer = yield* readPointer(operation, folder, id);
  if (pointer === undefined) return undefined;
  const home = yield* openHome(operation, folder.directoryPath, pointer.content.home, id);
  // The pointer is removed before the journal: if it still exists, the home is not at the recorded place.
  if (home === undefined && (yield* lookIn(folder, recordName(id, 'pointer'))) !== undefined)
    throw notHome(pointer.content.home);
  return home;
}

/**
 * Removes the staged files of a transaction in a directory in which it has neither its record nor a pointer: it was not
 * committed, or is done.
 */
export function* removeStrays(operation: Operation, folder: OpenFolder, id: string, tell: Tell): Steps<void> {
  const removed: PathName[] = [];
  const left = (yield* tell.leftovers.in(folder)).get(id);
  // A look may miss something that exists: a list of names is another look.
  if (isRecorded(left) && isRecorded((yield* new Leftovers().in(folder)).get(id))) {
    throw unreachable(
      `the record of a transaction in "${display(folder.directoryPath)}" is listed, but cannot be found`,
    );
  }
  for (const name of left?.staged ?? []) {
    if ((yield* lookIn(folder, name)) === undefined) continue;
    yield* unlinkIn(operation, folder, name);
    removed.push(join(folder.directoryPath, name));
  }
  tell.tell(id, { ...nothingDone, removed });
}

/**
 * An update's lock, or one that lost its note in a power cut: nothing of a lock is synced. A committed transaction has
 * a record in this directory, which was synced. So everything that dead processes left here is resolved. What cannot be
 * resolved is left for `recover()` to report.
 */
function* resolveWithoutNote(operation: Operation, folder: OpenFolder, owner: LockOwner, tell: Tell): Steps<void> {
  for (const [id, left] of yield* tell.leftovers.in(folder)) {
    const of = parseToken(`untorn-x-${id}`);
    if (of === undefined || !isRecorded(left) || !(yield* isDead(operation, folder, left, of, owner))) continue;
    try {
      const home = yield* homeFrom(operation, folder, id);
      if (home === undefined) yield* removeStrays(operation, folder, id, tell);
      else
        yield* inHome(operation, home, function* () {
          tell.tell(id, yield* resolveUnderLock(operation, home, id, tell));
        });
    } catch (error) {
      if (!isOthers(error)) throw error;
    }
  }
}

function isRecorded(left: Left | undefined): boolean {
  return (left?.record ?? left?.pointer) !== undefined;
}

function isOthers(error: unknown): boolean {
  const code = codeOf(error) ?? '';
  return code.startsWith('ERR_UNTORN_') || ['EACCES', 'EPERM'].includes(code);
}

function* isDead(
  operation: Operation,
  folder: OpenFolder,
  { record, pointer }: Left,
  one: Owner,
  owner: LockOwner,
): Steps<boolean> {
  const status = yield* lookIn(folder, (record ?? pointer) as PathName);
  if (status === undefined || !isOwn(operation, status)) return false;
  const exclusive = yield* isExclusive(folder.directory);
  return operation.environment.judge({ ...owner, ...one, kind: 'lock' }, lastChange(status), exclusive) === 'dead';
}

/** Under the lock of the record: one at a time. Durably, whatever the caller asks for its own files. */
export function* resolveUnderLock(
  operation: Operation,
  home: OpenFolder,
  id: string,
  resolving: Resolving,
): Steps<Resolved> {
  const durable = { ...operation, settings: { ...operation.settings, durability: 'full' as const } };
  const resolved = yield* underLocks(operation, [{ ...home, name: lockOfRecord(id) }], undefined, () =>
    resolveRecord(durable, home, id, resolving),
  );
  yield* freeAbandoned(operation, id);
  return resolved;
}

/** Performs steps under the locks of some files, taken in their order; only locks that are still needed are taken. */
export function* underLocks<T>(
  operation: Operation,
  places: readonly FileIn[],
  tell: Tell | undefined,
  steps: () => Steps<T>,
  isNeeded: (target: FileIn) => boolean = () => true,
): Steps<T> {
  const taken: { locked: LockedOperation; lock: Lock }[] = [];
  let result: T;
  try {
    for (const target of places) {
      if (!isNeeded(target)) continue;
      const { settings, environment, blocking } = operation;
      const path = join(target.directoryPath, target.name);
      const locked = newLockedOperation({ path, given: path }, settings, environment, blocking);
      locked.locking.deadline = now() + settings.lock.timeout;
      taken.push({
        locked,
        lock: yield* takeLock(locked, target, {
          ...locked.locking,
          resolve: (dead) => resolveDead(operation, target, dead, tell),
        }),
      });
    }
    result = yield* steps();
  } catch (error) {
    for (const { locked, lock } of taken.toReversed()) yield* afterFailure(releaseLock(locked, lock));
    throw error;
  }
  yield* releaseAll(taken);
  return result;
}

/** All are released before the first failure is reported. */
function* releaseAll(taken: readonly { locked: LockedOperation; lock: Lock }[]): Steps<void> {
  const failures: unknown[] = [];
  for (const { locked, lock } of taken.toReversed()) {
    try {
      yield* releaseLock(locked, lock);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
