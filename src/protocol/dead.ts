/** Putting right what a dead owner of a transaction's lock was at: before anybody who takes the lock over reads the file. */
import { codeOf } from '../errors.ts';
import { asText, display, join, type PathName } from '../path.ts';
import { call, lastChange, type Steps } from '../system/calls.ts';
import { now } from '../system/clock.ts';
import type { LockOwner } from '../system/lock-owner.ts';
import { parseToken, type Owner } from '../system/owner.ts';
import { freeAbandoned } from './abandoned.ts';
import { removeStaged } from './changes.ts';
import { closeDirectory, isExclusive } from './directory.ts';
import type { OpenFolder } from './files.ts';
import { decodeNote, whereabouts, type Pointer, type Whereabouts } from './journal.ts';
import { leftovers } from './leftovers.ts';
import { withLock, type LockPlace } from './lock.ts';
import { lookAt } from './place.ts';
import { hasRecord, readPointer } from './record.ts';
import { openWith, settleRecord, unreachable, type Settled } from './settle.ts';
import type { Dead } from './takeover.ts';
import type { Folder } from './temporary.ts';
import { newLockedWrite, type Write } from './write.ts';

/** A transaction, and where its journal is. */
type Transaction = Pick<Pointer, 'id' | 'home'>;

/** One of which a directory has the journal, or a pointer to it. */
interface LeftHere {
  readonly id: string;
  readonly pointer: PathName | undefined;
}

/** Hears what was put right. */
export type Tell = (settled: Settled) => void;

/** What whoever takes over a lock has to do first, in case it is that of a transaction: see `takeover.ts`. */
export function* settleDead(write: Write, dead: Dead, tell?: Tell): Steps<void> {
  const { note, folder } = dead;
  if (note.byteLength === 0) return yield* settleAtAGuess(write, dead, tell);
  const known = wholeNote(note);
  if (known !== undefined) return yield* settleIn(write, folder, known, tell);
  for (const left of yield* withoutNote(write, dead, isSameThread)) yield* settleLeft(write, folder, left, tell);
}

/** An update's lock, or one that lost its note: what is nobody's who can be seen to be dead, or cannot be settled, is left for `recover()` to tell. */
function* settleAtAGuess(write: Write, dead: Dead, tell?: Tell): Steps<void> {
  // That of a record never has a note: who has it is putting that transaction right.
  if (/\.untorn-j-[^/]*$/.test(asText(dead.lock))) return;
  for (const left of yield* withoutNote(write, dead, () => false)) {
    try {
      yield* settleLeft(write, dead.folder, left, tell);
    } catch (error) {
      if (!isOthers(error)) throw error;
    }
  }
}

function isOthers(error: unknown): boolean {
  const code = codeOf(error) ?? '';
  return code.startsWith('ERR_UNTORN_') || ['EACCES', 'EPERM'].includes(code);
}

/** Undefined for one that is not whole. */
function wholeNote(note: Uint8Array): Transaction | undefined {
  try {
    return decodeNote(note);
  } catch (error) {
    if (codeOf(error) === 'ERR_UNTORN_JOURNAL') return undefined;
    throw error;
  }
}

/**
 * Nothing of a lock is synced: in a power cut it may keep its name and lose its note. What was committed has a record in this
 * directory, which was synced; so all that dead processes left here is put right, and what the lock's own left.
 */
function* withoutNote(write: Write, { owner, folder }: Dead, isIts: (of: Owner, owner: Owner) => boolean): Steps<LeftHere[]> {
  const found: LeftHere[] = [];
  for (const [id, { record, pointer }] of leftovers(yield* call.readdir(folder.directory.reach))) {
    const of = parseToken(`untorn-x-${id}`);
    const name = record ?? pointer;
    if (of !== undefined && name !== undefined && (isIts(of, owner) || (yield* isDead(write, folder, name, of, owner)))) found.push({ id, pointer });
  }
  return found;
}

function* settleLeft(write: Write, folder: Folder, { id, pointer }: LeftHere, tell?: Tell): Steps<void> {
  const read = pointer === undefined ? undefined : yield* readPointer(write, join(folder.directory.reach, pointer), join(folder.directoryPath, pointer), id);
  yield* settleIn(write, folder, { id, home: read?.content.home ?? whereabouts(folder.directoryPath, folder.directoryPath) }, tell);
}

function isSameThread(one: Owner, other: Owner): boolean {
  return one.host === other.host && one.boot === other.boot && one.namespace === other.namespace && one.clock === other.clock && one.pid === other.pid && one.start === other.start && one.thread === other.thread && one.threadStart === other.threadStart;
}

/** Whoever put a lock right may have been cut off in turn: then the lock is that one's. */
function* isDead(write: Write, { directory }: Folder, name: PathName, one: Owner, owner: LockOwner): Steps<boolean> {
  const status = yield* lookAt({ reach: join(directory.reach, name) });
  return status !== undefined && write.surroundings.judge({ ...owner, ...one, kind: 'lock' }, lastChange(status), yield* isExclusive(directory)) === 'dead';
}

function* settleIn(write: Write, folder: Folder, { id, home: where }: Transaction, tell?: Tell): Steps<void> {
  const home = yield* openHome(write, folder.directoryPath, where, id);
  try {
    // On its own: with nobody to tell, an optional call would not do what stands in its argument.
    const settled = yield* settleUnderLock(write, home, id);
    tell?.(settled);
    if (yield* hasRecord(write, home, id, 'journal')) return;
    const removed = yield* removeStaged(write, folder.directory, id);
    tell?.({ completed: [], removed: removed.map((name) => join(folder.directoryPath, name)) });
  } finally {
    closeDirectory(write, home.directory);
  }
}

export function* openHome(write: Write, from: PathName, where: Whereabouts, id: string): Steps<OpenFolder> {
  const home = yield* openWith(write, from, where, id, 'journal');
  if (home === undefined) throw notHome(where);
  return home;
}

export function notHome({ path }: Whereabouts): Error {
  return unreachable(`"${display(path)}", where the journal of a transaction is, cannot be found: it is not mounted, or was moved or replaced`);
}

/** Under the lock of the record: one at a time. */
export function* settleUnderLock(write: Write, home: OpenFolder, id: string): Steps<Settled> {
  const settled = yield* underLocks(write, [{ ...home, name: `untorn-j-${id}` }], () => settleRecord(write, home, id));
  yield* freeAbandoned(write, id);
  return settled;
}

/** Performs steps under the locks of some files, taken in their order. */
export function* underLocks<T>(write: Write, [first, ...rest]: readonly LockPlace[], steps: () => Steps<T>, tell?: Tell): Steps<T> {
  if (first === undefined) return yield* steps();
  const { settings, surroundings, blocking } = write;
  const locked = newLockedWrite(join(first.directoryPath, first.name), settings, surroundings, blocking);
  locked.locking.deadline = now() + settings.lock.timeout;
  const request = { ...locked.locking, settle: (dead: Dead) => settleDead(write, dead, tell) };
  return yield* withLock(locked, first, request, () => underLocks(write, rest, steps, tell));
}
