/**
 * Read, change, replace, under the file's lock.
 *
 * Promise: of all who change the file in this way none is lost, in whatever processes and threads they run; and a change by
 * somebody who does not take the lock is noticed, not overwritten. A crash anywhere before the rename leaves the old file.
 * The turn in the process lasts from the call to the end, so that writes of this process do not come between either.
 */
import type { Content, Source } from '../data.ts';
import type { PathName } from '../path.ts';
import { writeResult, type UpdateResult } from '../result.ts';
import { together, type Steps } from '../system/calls.ts';
import { newHash, versionOf, type Version } from '../version.ts';
import { whenDescriptorsAllow } from './descriptors.ts';
import { assertHeld, releaseLock, takeLock, type Lock } from './lock.ts';
import { findPlace, leavePlace, lookAgain, type Place } from './place.ts';
import { fillAndCommit } from './replace.ts';
import { assertUnchanged, readTarget, type Seen } from './seen.ts';
import { createStaged, finishing } from './staged.ts';
import { afterFailure } from './temporary.ts';
import type { Turn } from './turns.ts';
import { confirmInPlace, skipUnchanged } from './unchanged.ts';
import { reporting, throwIfAborted, type Locking, type Write } from './write.ts';

/** A write under a lock. */
export type LockedWrite = Write & { readonly locking: Locking };

/** What the caller made of the old content: new content, nothing if the file is to stay, or an error of its own. */
export type Changed = { readonly content: Content | undefined } | { readonly error: unknown };

export type Change = (old: Buffer | undefined, version: Version) => Steps<Changed>;

/** How an update ended. An error of the caller's own is passed on as it is. */
export type Updated = { readonly result: UpdateResult } | { readonly error: unknown };

/** Gives the content of the target to `change`, and replaces it by what that makes of it. */
export function* updateTarget(write: LockedWrite, turn: Turn, change: Change): Steps<Updated> {
  try {
    return yield* reporting(write, updateInTurn(write, turn, change));
  } finally {
    turn.leave();
  }
}

function* updateInTurn(write: LockedWrite, turn: Turn, change: Change): Steps<Updated> {
  throwIfAborted(write);
  yield* turn.enter(write.path);
  const place = yield* claimPlace(write, turn, write.path);
  let lock: Lock;
  try {
    lock = yield* takeLock(write, place, write.locking);
  } catch (error) {
    leavePlace(write, place);
    throw error;
  }
  let updated;
  try {
    updated = yield* updateLocked(write, turn, place, lock, change);
  } catch (error) {
    yield* afterFailure(releaseLock(write, lock));
    throw error;
  }
  write.step = 'unlock';
  yield* releaseLock(write, lock);
  return updated;
}

/** Finds the target, as soon as it is this call's turn to change it. */
function* claimPlace(write: Write, turn: Turn, given: PathName): Steps<Place> {
  for (;;) {
    write.path = given;
    const place = yield* whenDescriptorsAllow(write, () => findPlace(write));
    let left = false;
    const leave = (): void => {
      left = true;
      leavePlace(write, place);
    };
    try {
      if (yield* turn.claim(place, leave)) return place;
    } catch (error) {
      if (!left) leavePlace(write, place);
      throw error;
    }
  }
}

/** Leaves the place, whatever happens. */
function* updateLocked(write: LockedWrite, turn: Turn, place: Place, lock: Lock, change: Change): Steps<Updated> {
  let staged;
  let content: Content | undefined;
  try {
    const prepared = yield* prepare(write, turn, place, lock, change);
    if ('error' in prepared || 'result' in prepared) {
      leavePlace(write, place);
      return prepared;
    }
    ({ content } = prepared);
    staged = yield* whenDescriptorsAllow(write, () => createStaged(write, place));
  } catch (error) {
    close(content);
    leavePlace(write, place);
    throw error;
  }
  const { hashed, version } = hashing(content);
  try {
    const result = yield* finishing(write, staged, fillAndCommit(write, staged, turn, hashed));
    return { result: { ...result, version: version() } };
  } finally {
    close(content);
  }
}

/** Up to content that is to be written, unless there is none. */
function* prepare(write: LockedWrite, turn: Turn, place: Place, lock: Lock, change: Change): Steps<Updated | { readonly content: Content }> {
  const seen = yield* readTarget(write, place);
  write.locking.check = () => together(assertHeld(lock), assertUnchanged(write, place, seen));
  write.step = 'update';
  const changed = yield* change(seen.content, seen.version);
  if ('error' in changed) return changed;
  const { content } = changed;
  try {
    throwIfAborted(write);
    // It may have taken long.
    yield* lookAgain(write, place);
    const result = yield* leftAsItIs(write, turn, place, seen, content);
    return content === undefined || result !== undefined ? { result: result as UpdateResult } : { content };
  } catch (error) {
    close(content);
    throw error;
  }
}

function close(content: Content | undefined): void {
  if (content?.kind === 'source') content.source.close();
}

/** The result where the file is to stay as it is, or is as it would be made. */
function* leftAsItIs(write: Write, turn: Turn, place: Place, seen: Seen, content: Content | undefined): Steps<UpdateResult | undefined> {
  if (content?.kind === 'source') return undefined;
  if (content !== undefined) {
    const skipped = yield* skipUnchanged(write, place, turn, content.bytes);
    return skipped && { ...skipped, version: versionOf(content.bytes) };
  }
  const durable = place.existing === undefined ? false : yield* confirmInPlace(write, place);
  return { ...writeResult({ path: write.path, bytes: seen.status?.size ?? 0, replaced: false, unchanged: true, durable }), version: seen.version };
}

/** Content that tells its version when it has been read. */
function hashing(content: Content): { hashed: Content; version: () => Version } {
  if (content.kind === 'bytes') return { hashed: content, version: () => versionOf(content.bytes) };
  const hash = newHash();
  const { source } = content;
  const bytes: Source['bytes'] = (chunk) => {
    const piece = source.bytes(chunk);
    hash.update(piece);
    return piece;
  };
  return { hashed: { kind: 'source', source: { async: source.async, next: () => source.next(), close: () => source.close(), bytes } }, version: () => hash.digest('hex') };
}
