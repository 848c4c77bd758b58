/**
 * Replacing a file: the whole sequence, top to bottom.
 *
 * Promise: whoever opens the target at any moment finds the whole old or the whole new content. After a crash, of the
 * process or the machine, that is so too with durability `'full'` and `'normal'`; and once it has returned with
 * `'full'`, the new content is there after a power cut. The order of the steps is what makes it safe: up to the rename
 * the target is untouched, and after it nothing is undone.
 * A crash before the rename leaves the old file and a temporary one, which `sweep` recognises. A crash after it leaves
 * the new file. What is not kept: the old inode, so other hard links to it keep the old content.
 * See rename(2), fsync(2); Pillai et al., OSDI '14.
 */
import type { Content } from '../contract/data.ts';
import { writeResult, type WriteResult } from '../contract/result.ts';
import { call, type Steps } from '../system/port.ts';
import { writeContent } from '../files/contents.ts';
import { forBytes, forSources, givePermit, whenDescriptorsAllow } from '../files/descriptors.ts';
import { asWriteError, isLocked, throwIfAborted, type Write } from '../files/operation.ts';
import { versionInPlace, versionOfFile } from '../files/snapshot.ts';
import { findPlace, leavePlace, letGo, lookAgain, refuseReadOnly, type Place } from '../files/target.ts';
import {
  discardTemporary,
  examineTemporary,
  moveTemporary,
  releaseTemporary,
  type TemporaryFile,
} from '../files/temporary.ts';
import { expectVersion, underLock } from '../journal/under-lock.ts';
import type { Placed } from '../order/committed.ts';
import type { Turn } from '../order/turn.ts';
import { makeBackup } from './backup.ts';
import { confirm } from './confirm.ts';
import { sizeOf, type AtHand, type LaterContent } from './deferred-content.ts';
import { mayOverwrite, overwriteInstead, renameInto } from './rename.ts';
import { abandon, createStaged, finishTemporary, leave, stage, type Staged } from './stage.ts';
import { supersede, supersededBy } from './superseded.ts';
import { skipUnchanged } from './unchanged.ts';

/** Content on its way, with the file that it goes to; or the result, where there is nothing to write. */
type Begun = { readonly staged: Staged; readonly content: Content } | { readonly result: WriteResult };

/** Replaces the target with content that the caller has, in the order of the calls. */
export function* replace(write: Write, turn: Turn, given: Content | LaterContent): Steps<WriteResult> {
  try {
    const begun = yield* given.kind === 'source' ? stageAhead(write, turn, given) : stageInTurn(write, turn, given);
    return 'result' in begun ? begun.result : yield* complete(write, begun.staged, turn, begun.content);
  } catch (cause) {
    throw asWriteError(write, cause);
  } finally {
    givePermit(write);
    if (given.kind === 'source') given.source.close();
    turn.leave();
  }
}

/** Commits a file that its caller has written: it takes its turn now. */
export function* commitStaged(write: Write, staged: Staged, turn: Turn): Steps<WriteResult> {
  try {
    return yield* complete(write, staged, turn, undefined);
  } finally {
    turn.leave();
  }
}

/** Steps 1 to 3 of content that is at hand: it waits for its turn before anything is opened. */
function* stageInTurn(write: Write, turn: Turn, content: AtHand): Steps<Begun> {
  throwIfAborted(write);
  // 1. Turn.
  const newer = yield* turn.enter();
  if (newer !== undefined) return { result: supersededBy(newer, sizeOf(content)) };
  const given = write.path;
  for (;;) {
    yield* forBytes.take(write);
    write.path = given;
    const begun = yield* whenDescriptorsAllow(write, () => openInTurn(write, turn, content));
    if (begun !== undefined) return begun;
  }
}

/** Undefined if it was not this call's turn yet: what was seen of the file may not be true any more. */
function* openInTurn(write: Write, turn: Turn, content: AtHand): Steps<Begun | undefined> {
  // 2. Target.
  const place = yield* findPlace(write);
  let hasLeft = false;
  let isStaged = false;
  try {
    const isTurn = yield* turn.claim(place, () => {
      hasLeft = true;
      leavePlace(write, place);
      givePermit(write);
    });
    if (!isTurn) return undefined;
    const newer = turn.newer(place) ?? (turn.standsFor === undefined ? undefined : yield* turn.finishStoodFor(place));
    if (newer !== undefined) return { result: yield* supersede(write, place, turn, newer, sizeOf(content)) };
    const bytes = content.kind === 'bytes' ? content.bytes : yield* content.make(write, place);
    const skipped = write.settings.ifUnchanged === 'skip' ? yield* skipUnchanged(write, place, turn, bytes) : undefined;
    if (skipped !== undefined) return { result: skipped };
    // 3. Temporary file.
    const staged = yield* createStaged(write, place, bytes);
    isStaged = true;
    return { staged, content: { kind: 'bytes', bytes } };
  } finally {
    if (!hasLeft && !isStaged) leavePlace(write, place);
  }
}

/** Steps 2 and 3 of a source: it is read at its own pace and holds nobody up, and takes its turn when it has ended. */
function* stageAhead(write: Write, turn: Turn, content: Content & { readonly kind: 'source' }): Steps<Begun> {
  if (content.source.atHand) yield* forSources.take(write);
  const staged = yield* stage(write);
  turn.settleOn(staged.place);
  return { staged, content };
}

/**
 * Steps 4 to 8. Afterwards nothing of the staged file is open, and no temporary file is left unless that was asked for.
 * There is no content where the caller has written it.
 */
export function* complete(write: Write, staged: Staged, turn: Turn, content: Content | undefined): Steps<WriteResult> {
  const { place, temporary } = staged;
  try {
    if (content?.kind !== 'bytes') return yield* completeLate(write, staged, turn, content);
    yield* examineTemporary(write, place, temporary);
    // 4. Contents.
    const bytes = yield* writeContent(write, temporary.fd, content);
    temporary.synced = temporary.syncedByWriting;
    return yield* commit(write, staged, turn, bytes);
  } catch (error) {
    yield* abandon(write, staged);
    throw asWriteError(write, error);
  } finally {
    leave(write, staged);
  }
}

/**
 * Content that may take long to come: its turn, the target's lock if it takes one, and another look at the target come
 * after it.
 */
function* completeLate(write: Write, staged: Staged, turn: Turn, content: Content | undefined): Steps<WriteResult> {
  const { place, temporary } = staged;
  const bytes =
    content === undefined ? yield* sizeWritten(write, temporary) : yield* writeContent(write, temporary.fd, content);
  // What it has open is its own to keep while it waits.
  while (!(yield* turn.claim(place, () => undefined)));
  if (!isLocked(write) || write.locking.check !== undefined) return yield* commitLate(write, staged, turn, bytes);
  return yield* underLock(write, place, function* (lock) {
    yield* moveTemporary(write, temporary, lock.folder);
    expectVersion(write, place, yield* versionInPlace(write, place));
    write.step = 'read source';
    const version = yield* versionOfFile(temporary.fd);
    return { ...(yield* commitLate(write, staged, turn, bytes)), version };
  });
}

function* sizeWritten(write: Write, temporary: TemporaryFile): Steps<number> {
  throwIfAborted(write);
  write.step = 'sync';
  return (yield* call.fstat(temporary.fd)).size;
}

function* commitLate(write: Write, staged: Staged, turn: Turn, bytes: number): Steps<WriteResult> {
  const { place, temporary } = staged;
  yield* lookAgain(write, place);
  if (write.settings.ifUnchanged === 'skip') {
    const content = { fd: temporary.fd, size: bytes };
    const skipped = yield* withOneMore(write, place, () => skipUnchanged(write, place, turn, content));
    if (skipped !== undefined) {
      yield* discardTemporary(temporary);
      return skipped;
    }
  }
  yield* examineTemporary(write, place, temporary);
  return yield* commit(write, staged, turn, bytes);
}

/** Steps 5 to 8, of a temporary file with all of its content. */
function* commit(write: Write, staged: Staged, turn: Turn, bytes: number): Steps<WriteResult> {
  const { place, temporary, folder } = staged;
  const first = turn.newer(place);
  if (first !== undefined) return yield* giveWay(write, staged, turn, first, bytes);
  refuseReadOnly(write, place);
  // 5. Metadata; what is written in place keeps its own. 6. Sync and close.
  const notKept = yield* finishTemporary(write, place, temporary, folder === place);
  throwIfAborted(write);
  // 7. Backup, then rename.
  const backup =
    write.settings.backup === undefined || place.existing === undefined
      ? undefined
      : yield* withOneMore(write, place, () => makeBackup(write, place, turn));
  let renamed;
  try {
    throwIfAborted(write);
    renamed = yield* mayOverwrite(write, staged)
      ? overwriteInstead(write, staged, turn)
      : renameInto(write, place, temporary, turn);
    if (renamed.newer !== undefined) return yield* giveWay(write, staged, turn, renamed.newer, bytes);
  } catch (error) {
    if (write.outcome === 'old' && backup !== undefined) yield* backup.undo();
    throw error;
  }
  // 8. Committed. Nothing is undone from here on.
  const isAlone = place.directory.users === 1;
  releaseTemporary(write, temporary, isAlone);
  // Others hold the directory open anyway: nothing of ours is left that counts.
  if (!isAlone) givePermit(write);
  const durable = yield* confirm(write, place, renamed);
  if (backup !== undefined) {
    write.step = 'back up';
    yield* backup.finish();
  }
  const { record, atomic } = renamed;
  return writeResult({
    path: write.path,
    bytes,
    replaced: place.existing !== undefined,
    superseded: record === undefined,
    atomic,
    durable,
    backupPath: backup?.path,
    notKept: renamed.notKept ?? notKept,
  });
}

/** Steps that need another descriptor: where there are none left, the one that only saves time is given up. */
function* withOneMore<T>(write: Write, place: Place, steps: () => Steps<T>): Steps<T> {
  return yield* whenDescriptorsAllow(write, function* () {
    try {
      return yield* steps();
    } catch (error) {
      letGo(write, place);
      throw error;
    }
  });
}

function* giveWay(
  write: Write,
  { place, temporary }: Staged,
  turn: Turn,
  newer: Placed,
  bytes: number,
): Steps<WriteResult> {
  yield* discardTemporary(temporary);
  return yield* supersede(write, place, turn, newer, bytes);
}
