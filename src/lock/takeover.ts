/**
 * Taking over the lock of an owner that is dead, or taken for dead.
 *
 * Promise: of several processes that try, one succeeds; and when the lock is free again, none of the old owner's files
 * can reach the target any more. The order of the steps ensures it. The entry is renamed first, so that an owner that
 * comes back finds nothing under the path by which it would rename its temporary file. Then the contents of the entry
 * are removed, and the entry itself last. The new name of the entry says whose transaction is to be resolved, in case
 * this process dies half way. Then the lock is free, for whoever comes first.
 */
import { codeOf, refusal, join, type PathName } from '../contract/index.ts';
import { resolvingName, type LockOwner, call, type Steps } from '../system/index.ts';
import {
  whileBusy,
  type Folder,
  type Operation,
  inFound,
  lookIn,
  readOwn,
  rmdirIn,
  type FoundDirectory,
  isExclusive,
  afterFailure,
} from '../files/index.ts';
import { removeEntry, removeTemporaries } from './entry.ts';
import { lookAtHolder, signOf, type Holder } from './holder.ts';
import type { Barred, FileIn } from './home.ts';
import { heldName, noteName } from './name.ts';
import type { Patience } from './wait.ts';

/** An owner whose lock was taken over. */
export interface Dead {
  /** The lock's own directory. */
  readonly lock: PathName;
  readonly owner: LockOwner;
  /** The random part of its lock's name. */
  readonly random: string;
  /** The note that it left for a takeover. It is given only if this user wrote it. */
  readonly note: Uint8Array;
  /** The directory that the lock is in. */
  readonly folder: Folder;
}

/**
 * Resolves the transaction of a dead owner that left a note. It may be called again for the same owner, also while
 * another process works on it. Afterwards the owner, if it is not dead after all, must not be able to change anything.
 */
export type Resolve = (dead: Dead) => Steps<void>;

/** The process that takes over. */
export interface TakeoverRequest {
  /** The name of its own entry, from `environment.lockToken()`. */
  readonly token: string;
  /** Resolves the transaction of a dead owner that left a note. */
  readonly resolve?: Resolve;
}

/** The lock: the target's directory, the lock's own, and the lock's own by its path from the target's. */
export interface LockAt {
  readonly folder: Folder;
  readonly home: Folder;
  readonly lock: PathName;
}

/** The largest note of ours, in bytes. */
const noteLimit = 1 << 16;

/** Takes over a lock, resolves its owner's transaction, and releases it. No effect if somebody else was faster. */
export function* takeOver(
  operation: Operation,
  at: LockAt,
  { name, owner }: Holder,
  request: TakeoverRequest,
): Steps<void> {
  if (owner === undefined) return;
  const taken = resolvingName(request.token, owner);
  yield* inFound(operation, at.home, heldName, (held) =>
    takeOverIn(operation, at, held, { name, owner, taken }, request),
  );
  yield* afterFailure(rmdirIn(operation, at.home, heldName));
}

interface Taken {
  readonly name: PathName;
  readonly owner: LockOwner;
  /** The new name of its entry. */
  readonly taken: PathName;
}

function* takeOverIn(
  operation: Operation,
  at: LockAt,
  held: FoundDirectory,
  dead: Taken,
  { resolve }: Pick<TakeoverRequest, 'resolve'>,
): Steps<void> {
  const from = join(held.directory.accessPath, dead.name);
  const to = join(held.directory.accessPath, dead.taken);
  try {
    yield* whileBusy(operation, () => call.rename(from, to));
  } catch (error) {
    // A network filesystem may report an error for a rename that took place. Then its entry would be ours for ever.
    if (!(yield* isThere(held, dead.taken))) {
      yield* afterFailure(call.rename(to, from));
      if (codeOf(error) === 'ENOENT') return;
      throw error;
    }
  }
  try {
    yield* resolveDead(operation, at, held, dead, resolve);
    yield* removeEntry(operation, held, dead.taken);
  } catch (error) {
    // Somebody has taken over from us in turn, and resolves it.
    if (codeOf(error) === 'ENOENT' && (yield* lookIn(held, dead.taken)) === undefined) return;
    // Renamed back for others to try: everything is still to be resolved.
    yield* afterFailure(call.rename(to, from));
    throw error;
  }
}

/** Whether a name is seen there. */
function* isThere(held: FoundDirectory, name: PathName): Steps<boolean> {
  try {
    return (yield* lookIn(held, name)) !== undefined;
  } catch {
    return false; // The error of the rename is the one to report.
  }
}

function* resolveDead(
  operation: Operation,
  { folder, lock }: LockAt,
  held: FoundDirectory,
  { owner, taken }: Taken,
  resolve: Resolve | undefined,
): Steps<void> {
  const read = yield* inFound(operation, held, taken, function* (entry) {
    yield* removeTemporaries(operation, entry);
    return yield* readOwn(operation, entry, noteName, noteLimit);
  });
  // A note of another user decides nothing: only that user may resolve it.
  if (read?.kind === 'refused') throw unresolved(`; its note ${read.why}`);
  const note = read?.bytes ?? new Uint8Array();
  // Also without a note: a power cut may have taken it.
  if (resolve !== undefined) yield* resolve({ lock, owner, random: owner.resolving ?? owner.random, note, folder });
  else if (note.byteLength > 0) throw unresolved('');
}

function unresolved(why: string): Error {
  const text = `its lock belongs to an interrupted transaction, which must be recovered first${why}`;
  return refusal('ERR_LOCK_UNRESOLVED', text);
}

/** Milliseconds between two looks. */
const pause = 10;

/**
 * Waits for a moment for a lock whose directory may not be used, since it is somebody else's in a sticky directory, or
 * is not writable: nothing is put into it. When its holder has died, it is removed if that is allowed, as for the
 * superuser.
 */
export function* waitOutside(
  operation: Operation,
  target: FileIn,
  { name, uid }: Barred,
  { request, patience }: { readonly request: TakeoverRequest; readonly patience: Patience },
): Steps<void> {
  const why = uid === undefined ? 'which this user may not write' : `which user ${uid} made in a sticky directory`;
  patience.holder = { name, owner: undefined, why };
  const remove = function* (home: FoundDirectory): Steps<void> {
    const holder = yield* lookAtHolder(home);
    if (holder !== undefined) {
      const sign = signOf(operation, holder, yield* isExclusive(target.directory));
      if (!patience.isOver(holder, sign)) return;
      const lock = join(target.directory.accessPath, name);
      yield* takeOver(operation, { folder: target, home, lock }, holder, request);
    }
    yield* rmdirIn(operation, home, heldName);
    yield* rmdirIn(operation, target, name);
  };
  try {
    yield* inFound(operation, target, name, remove);
  } catch (error) {
    if (!['EACCES', 'EPERM'].includes(codeOf(error) ?? '')) throw error;
  }
  yield* patience.wait(pause);
}
