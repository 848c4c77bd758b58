/**
 * Taking over the lock of an owner that is dead, or taken for dead.
 *
 * Promise: of several that try, one succeeds; and when the lock is free again nothing of the old owner can reach the target
 * any more. The order of the steps makes it so: the entry is renamed first, so that an owner that looks afterwards finds it
 * gone; then the temporary files that the owner made before go. The new name of the entry says whose files are to be put
 * right, in case this one dies half way. Then the lock is free, for whoever comes first.
 */
import { codeOf, refusal } from '../errors.ts';
import { asText, join, type PathName } from '../path.ts';
import { call, type Steps } from '../system/calls.ts';
import { O_NOFOLLOW, O_RDONLY } from '../system/flags.ts';
import { settlingName, type LockOwner } from '../system/lock-owner.ts';
import { parseToken } from '../system/owner.ts';
import { whileBusy } from './busy.ts';
import { whenDescriptorsAllow } from './descriptors.ts';
import type { Holder, LockRequest } from './lock.ts';
import { lookAt } from './place.ts';
import { afterFailure, unlinkIfThere, type Folder } from './temporary.ts';
import type { Write } from './write.ts';

/** An owner whose lock was taken over. */
export interface Dead {
  /** The lock's own directory. */
  readonly lock: PathName;
  readonly owner: LockOwner;
  /** The random part of its lock's name, and of its temporary files' names. */
  readonly random: string;
  /** What it had left for this moment. */
  readonly note: Uint8Array;
  /** The directory that the lock is in. */
  readonly folder: Folder;
}

/**
 * Puts right what a dead owner that left a note was at. It may be called again for the same owner, also while another
 * process is at it; and afterwards the owner, if it is not dead after all, must not be able to change anything.
 */
export type Settle = (dead: Dead) => Steps<void>;

/** Takes over a lock, puts right what its owner left, and releases it. Without effect if somebody else was faster. */
export function* takeOver(write: Write, folder: Folder, directory: PathName, { name, owner }: Holder, { token, settle }: Pick<LockRequest, 'token' | 'settle'>): Steps<void> {
  if (owner === undefined) return;
  const found = join(directory, name);
  const taken = join(directory, settlingName(token, owner));
  try {
    yield* whileBusy(write, () => call.rename(found, taken));
  } catch (error) {
    // On a network filesystem an error may be reported of what was done.
    if (codeOf(error) !== 'ENOENT') throw error;
    if ((yield* lookAt({ reach: taken })) === undefined) return;
  }
  try {
    yield* settleDead(write, folder, { lock: directory, entry: taken, owner }, settle);
    yield* whileBusy(write, () => unlinkIfThere(taken));
  } catch (error) {
    // Somebody has taken over from us in turn, and puts it right.
    if (codeOf(error) === 'ENOENT' && (yield* lookAt({ reach: taken })) === undefined) return;
    // As it was, for others to try: whoever finds it finds everything to be put right.
    yield* afterFailure(call.rename(taken, found));
    throw error;
  }
}

function* settleDead(write: Write, folder: Folder, { lock, entry, owner }: { lock: PathName; entry: PathName; owner: LockOwner }, settle: Settle | undefined): Steps<void> {
  const random = owner.settling ?? owner.random;
  const note = yield* readNote(write, entry);
  if (note.byteLength === 0) yield* removeTemporaries(write, folder, random);
  // Also without a note: a power cut may have taken it.
  if (settle !== undefined) yield* settle({ lock, owner, random, note, folder });
  else if (note.byteLength > 0) throw refusal('ERR_LOCK_UNSETTLED', 'its lock is that of a transaction that was interrupted, which must be recovered first');
}

/** Removes the temporary files of one lock's owner. */
export function* removeTemporaries(write: Write, { directory }: Folder, random: string): Steps<void> {
  const names = yield* whenDescriptorsAllow(write, () => call.readdir(directory.reach));
  for (const name of names) {
    const text = asText(name);
    if (text.includes(random) && parseToken(text)?.kind === 'temporary') yield* whileBusy(write, () => unlinkIfThere(join(directory.reach, name)));
  }
}

function* readNote(write: Write, entry: PathName): Steps<Uint8Array> {
  const status = yield* lookAt({ reach: entry });
  if (status === undefined || status.size === 0) return new Uint8Array();
  const note = new Uint8Array(status.size);
  const fd = yield* whenDescriptorsAllow(write, () => call.open(entry, O_RDONLY | O_NOFOLLOW, 0));
  try {
    let filled = 0;
    for (let count; filled < note.byteLength && (count = yield* call.read(fd, note.subarray(filled), filled)) > 0; ) filled += count;
    return note.subarray(0, filled);
  } finally {
    yield* call.close(fd);
  }
}
