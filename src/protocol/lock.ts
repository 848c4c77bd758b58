/**
 * The lock of a file between processes, made of renames.
 *
 * The lock of `NAME` is the directory `.NAME.untorn-lock` beside it. It is held while there is an entry in it, whose name
 * says whose it is. To take it, a directory with such an entry is prepared beside it and renamed to it: rename(2) puts a
 * directory in the place of an empty one or of none, never of one with an entry. So nobody waits inside of a system call.
 *
 * Promise: at most one holder; and a holder that others took for dead, whether it is or not, loses no update of theirs.
 * Who takes over renames the entry, from the very name that it saw: of several, one. Then it removes the temporary files
 * that have the old owner's random part in their names, and only then does anybody read the target (`takeover.ts`). The
 * owner, when its temporary file is there and before it renames that, looks whether its entry is. So a holder that comes
 * back late finds the entry gone, or its temporary file, or had renamed it before the other read. No clock decides that.
 *
 * Clocks decide only how long to wait for a holder that cannot be seen, as on another machine: it shows signs of life by
 * changing its entry's times, and who has seen no sign for the holder's whole lease, by its own clock, takes over.
 * Nothing of a lock is synced: after a crash its owners are dead anyway.
 */
import { codeOf, refusal } from '../errors.ts';
import { asText, join, type PathName } from '../path.ts';
import { call, lastChange, type FileStatus, type Guard, type Steps } from '../system/calls.ts';
import { O_NEW } from '../system/flags.ts';
import { parseLockToken, type LockOwner } from '../system/lock-owner.ts';
import type { Sign } from '../system/owner.ts';
import { whileBusy } from './busy.ts';
import { writeAll } from './contents.ts';
import { whenDescriptorsAllow } from './descriptors.ts';
import { closeDirectory, isExclusive } from './directory.ts';
import { lockNameOf } from './lock-name.ts';
import { openToTakers } from './lock-rights.ts';
import { Patience } from './patience.ts';
import { lookAt, type Place } from './place.ts';
import { takeOver, type Settle } from './takeover.ts';
import { afterFailure, unlinkIfThere } from './temporary.ts';
import type { Write } from './write.ts';

/** Where a lock is: a name in an open directory. */
export type LockPlace = Pick<Place, 'directory' | 'directoryPath' | 'name'>;

export interface LockRequest {
  /** The name of the entry, from `surroundings.lockToken()`. */
  readonly token: string;
  /** When to give up, by `now()`. */
  readonly deadline: number;
  /** What whoever takes over from us is to know: see {@link Settle}. Nothing, where removing temporary files is enough. */
  readonly note?: Uint8Array;
  /** Puts right what a dead owner that left a note was at. */
  readonly settle?: Settle;
}

/** A lock that was taken. */
export interface Lock {
  readonly place: LockPlace;
  /** Where its entry is reached. */
  readonly entry: PathName;
  readonly owner: LockOwner;
  readonly guards: readonly Guard[];
  stopShowingLife(): void;
}

/** Takes the lock of a place, waiting for its turn. The directory stays open until it is released. */
export function* takeLock(write: Write, place: LockPlace, request: LockRequest): Steps<Lock> {
  write.step = 'lock';
  const owner = parseLockToken(request.token) as LockOwner;
  const { locks } = write.surroundings;
  const directory = join(place.directory.reach, lockNameOf(place.name));
  const patience = new Patience(write, request.deadline);
  locks.set(owner.random, 'held');
  place.directory.users++;
  let prepared: Prepared | undefined;
  try {
    for (;;) {
      prepared ??= yield* prepare(write, place, request);
      const moved = yield* moveTo(write, prepared, directory, request.token);
      if (moved === 'there') return hold(write, place, prepared, join(directory, request.token), owner);
      if (moved === 'gone') {
        yield* dismantle(prepared);
        prepared = undefined;
      }
      const holder = yield* lookAtHolder(write, directory);
      if (holder === undefined) {
        yield* patience.tryAgain();
        continue;
      }
      // On Windows what this call itself removed as it took over is there until nobody has it open.
      const own = holder.owner?.random === owner.random;
      if (write.blocking && !own && locks.get(holder.owner?.random ?? '') === 'held') throw deadlock();
      if (patience.isOver(holder, signOf(write, holder, yield* isExclusive(place.directory)))) yield* takeOver(write, place, directory, holder, request);
      else yield* patience.wait(holder);
    }
  } catch (error) {
    if (prepared !== undefined) yield* dismantle(prepared);
    locks.delete(owner.random);
    closeDirectory(write, place.directory);
    throw error;
  }
}

/** Makes sure that a lock has not been taken over: to be asked when the temporary file is there, right before it is renamed. */
export function* assertHeld(lock: Lock): Steps<void> {
  if ((yield* lookAt({ reach: lock.entry })) === undefined) throw lockLost();
}

/** Gives the lock back. One that was lost meanwhile is another's, and is left alone. */
export function* releaseLock(write: Write, lock: Lock): Steps<void> {
  lock.stopShowingLife();
  try {
    // Twice, since others would have to wait for the end of this process.
    if (!(yield* afterFailure(call.unlink(lock.entry)))) yield* whileBusy(write, () => unlinkIfThere(lock.entry));
    write.surroundings.locks.delete(lock.owner.random);
    for (const guard of lock.guards) guard.release();
    // Where somebody else has taken it already it is not empty. Twice, as above.
    for (let tries = 0; tries < 2 && !(yield* afterFailure(call.rmdir(join(lock.place.directory.reach, lockNameOf(lock.place.name))))); tries++);
  } catch (error) {
    // Others of this thread may take it over; those of other processes can when this one has ended.
    write.surroundings.locks.set(lock.owner.random, 'given up');
    throw error;
  } finally {
    closeDirectory(write, lock.place.directory);
  }
}

/** Takes a lock, runs steps, and gives it back, whatever happens in them. */
export function* withLock<T>(write: Write, place: LockPlace, request: LockRequest, steps: (lock: Lock) => Steps<T>): Steps<T> {
  const lock = yield* takeLock(write, place, request);
  let result;
  try {
    result = yield* steps(lock);
  } catch (error) {
    yield* afterFailure(releaseLock(write, lock));
    throw error;
  }
  write.step = 'unlock';
  yield* releaseLock(write, lock);
  return result;
}

/** The error of a holder whose lock was taken over. */
export function lockLost(cause?: unknown): Error {
  const lost = 'its lock was taken over by another process, since this one was stopped, or showed no sign of life, for longer than its lease';
  return Object.assign(refusal('ERR_LOCK_LOST', lost), { cause });
}

/** The error of a synchronous call that would wait for something that its own thread is at. */
export function deadlock(): Error {
  return refusal('ERR_LOCK_DEADLOCK', 'a call of this thread that has not ended is at it, and a synchronous call cannot wait for that; await that call first, or use the asynchronous function');
}

/** A lock's directory that is not yet in its place. */
interface Prepared {
  readonly reach: PathName;
  readonly entry: PathName;
  readonly guards: Guard[];
}

function* prepare(write: Write, place: LockPlace, { token, note }: LockRequest): Steps<Prepared> {
  const { surroundings } = write;
  const reach = join(place.directory.reach, `.${token}`);
  const path = join(place.directoryPath, `.${token}`);
  const name = lockNameOf(place.name);
  const made = surroundings.guard('directory', reach, path);
  const prepared: Prepared = { reach, entry: join(reach, token), guards: [made] };
  try {
    yield* call.mkdir(reach, place.directory.status.mode & 0o777);
    made.opened();
    // The rename to there may be under way when the process ends.
    const emptied = surroundings.guard('directory', join(place.directory.reach, name), join(place.directoryPath, name));
    emptied.opened();
    prepared.guards.push(emptied);
    yield* openToTakers(write, reach, place.directory.status);
    const directories = [reach, path, join(place.directory.reach, name), join(place.directoryPath, name)];
    const entry = surroundings.guard('lock entry', ...directories.map((directory) => join(directory, token)));
    prepared.guards.push(entry);
    const fd = yield* whenDescriptorsAllow(write, () => call.open(prepared.entry, O_NEW, 0o644));
    entry.opened();
    try {
      if (note !== undefined) yield* writeAll(write, fd, note);
    } finally {
      yield* call.close(fd);
    }
    return prepared;
  } catch (error) {
    yield* dismantle(prepared);
    throw error;
  }
}

/** Removes what was prepared. */
function* dismantle({ reach, entry, guards }: Prepared): Steps<void> {
  const removed = yield* afterFailure(call.unlink(entry));
  if ((yield* afterFailure(call.rmdir(reach))) && removed) for (const guard of guards) guard.release();
}

const held = new Set(['ENOTEMPTY', 'EEXIST']);
/** What Windows says of a directory in whose place there is one. */
const heldOnWindows = new Set(['EPERM', 'EACCES', 'EBUSY']);

function* moveTo(write: Write, prepared: Prepared, directory: PathName, token: string): Steps<'there' | 'held' | 'gone'> {
  try {
    yield* call.rename(prepared.reach, directory);
    return 'there';
  } catch (error) {
    const code = codeOf(error) ?? '';
    if (held.has(code) || (write.surroundings.platform === 'win32' && heldOnWindows.has(code))) return 'held';
    // On a network filesystem an error may be reported of what was done.
    if ((yield* lookAt({ reach: join(directory, token) })) !== undefined) return 'there';
    if (code === 'ENOENT') return 'gone';
    throw error;
  }
}

function hold(write: Write, place: LockPlace, { guards }: Prepared, entry: PathName, owner: LockOwner): Lock {
  const stop = write.blocking ? (): void => undefined : write.surroundings.showLife(entry, owner.lease / 4);
  return { place, entry, owner, guards, stopShowingLife: stop };
}

/** Who holds a lock. */
export interface Holder {
  /** The name of its entry. */
  readonly name: PathName;
  /** Undefined if something else is in the way. */
  readonly owner: LockOwner | undefined;
  readonly status: FileStatus;
}

/** Whether who holds a lock gives signs of life; a lock that this thread could not give back is nobody's. */
export function signOf(write: Write, { owner, status }: Pick<Holder, 'owner' | 'status'>, exclusive: boolean): Sign {
  // What is none of ours is not ours to move.
  if (owner === undefined) return 'alive';
  const { locks, judge } = write.surroundings;
  return locks.get(owner.random) === 'given up' ? 'dead' : judge(owner, lastChange(status), exclusive);
}

/** Who holds a lock; undefined if nobody does. */
export function* lookAtHolder(write: Write, directory: PathName): Steps<Holder | undefined> {
  let names: PathName[];
  try {
    names = yield* whenDescriptorsAllow(write, () => call.readdir(directory));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  // Windows puts no directory in the place of another, empty or not.
  if (names.length === 0 && write.surroundings.platform === 'win32') yield* afterFailure(call.rmdir(directory));
  const name = names.find((one) => parseLockToken(asText(one)) !== undefined) ?? names[0];
  const status = name === undefined ? undefined : yield* lookAt({ reach: join(directory, name) });
  return name === undefined || status === undefined ? undefined : { name, owner: parseLockToken(asText(name)), status };
}
