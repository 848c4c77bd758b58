/**
 * Replacing a file.
 *
 * Promise: whoever opens the target at any moment finds the whole old or the whole new content. After a crash, of the
 * process or the machine, that is so too with durability `'full'` and `'normal'`; and once `commit` has returned with
 * `'full'`, the new content is there after a power cut.
 * A crash before the rename leaves the old file and a temporary one, which `sweep` recognises. A crash after it leaves
 * the new file. What was not kept: the old inode, so other hard links to it keep the old content.
 * See rename(2), fsync(2); Pillai et al., OSDI '14.
 */
import type { Content } from '../contract/data.ts';
import type { PathName } from '../contract/path-name.ts';
import type { WriteResult } from '../contract/result.ts';
import type { Source } from '../contract/source.ts';
import type { Steps } from '../system/port.ts';
import { forBytes, forSources, givePermit, whenDescriptorsAllow } from '../files/descriptors.ts';
import { asWriteError, isLocked, throwIfAborted, type Write } from '../files/operation.ts';
import { findPlace, leavePlace } from '../files/target.ts';
import type { Turn } from '../order/turn.ts';
import { fillAndCommit } from './commit.ts';
import { sizeOf, type AtHand, type LaterContent } from './deferred-content.ts';
import { replaceMatching } from './locked.ts';
import { createStaged, finishing, stage, type Staged } from './stage.ts';
import { supersede, supersededBy } from './superseded.ts';
import { skipUnchanged } from './unchanged.ts';

/** Replaces the target with content that the caller has, in the order of the calls. */
export function* replaceFile(write: Write, turn: Turn, content: Content | LaterContent): Steps<WriteResult> {
  try {
    if (content.kind === 'source') return yield* replaceFromSource(write, turn, content.source);
    if (isLocked(write)) return yield* replaceMatching(write, turn, content);
    return yield* replaceWithBytes(write, turn, content);
  } catch (cause) {
    throw asWriteError(write, cause);
  } finally {
    if (content.kind === 'source') content.source.close();
    turn.leave();
  }
}

/** Data that is at hand waits for its turn before anything is opened. */
function* replaceWithBytes(write: Write, turn: Turn, content: AtHand): Steps<WriteResult> {
  throwIfAborted(write);
  const newer = yield* turn.enter();
  if (newer !== undefined) return supersededBy(newer, sizeOf(content));
  try {
    const given = write.path;
    for (;;) {
      yield* forBytes.take(write);
      const prepared = yield* whenDescriptorsAllow(write, () => prepare(write, given, turn, content));
      if (prepared === 'again') continue;
      if (!('staged' in prepared)) return prepared;
      return yield* finishing(write, prepared.staged, fillAndCommit(write, prepared.staged, turn, prepared));
    }
  } finally {
    givePermit(write);
  }
}

/** Up to an open temporary file, unless it turns out that there is nothing to write, or that it is not yet our turn. */
function* prepare(
  write: Write,
  given: PathName,
  turn: Turn,
  content: AtHand,
): Steps<{ kind: 'bytes'; bytes: Uint8Array; staged: Staged } | WriteResult | 'again'> {
  write.path = given;
  const place = yield* findPlace(write);
  let left = false;
  try {
    const isTurn = yield* turn.claim(place, () => {
      left = true;
      leavePlace(write, place);
      givePermit(write);
    });
    if (!isTurn) return 'again';
    const newer = turn.newer(place) ?? (turn.standsFor === undefined ? undefined : yield* turn.finishStoodFor(place));
    if (newer !== undefined) {
      const superseded = yield* supersede(write, place, turn, newer, sizeOf(content));
      leavePlace(write, place);
      return superseded;
    }
    const bytes = content.kind === 'bytes' ? content.bytes : yield* content.make(write, place);
    const skipped = write.settings.ifUnchanged === 'skip' ? yield* skipUnchanged(write, place, turn, bytes) : undefined;
    if (skipped === undefined) return { kind: 'bytes', bytes, staged: yield* createStaged(write, place, bytes) };
    leavePlace(write, place);
    return skipped;
  } catch (error) {
    if (!left) leavePlace(write, place);
    throw error;
  }
}

/** A source is read at its own pace and holds nobody up; it takes its turn when it has ended. */
function* replaceFromSource(write: Write, turn: Turn, source: Source): Steps<WriteResult> {
  if (source.atHand) yield* forSources.take(write);
  try {
    const staged = yield* stage(write);
    turn.settleOn(staged.place);
    return yield* finishing(write, staged, fillAndCommit(write, staged, turn, { kind: 'source', source }));
  } finally {
    givePermit(write);
  }
}
