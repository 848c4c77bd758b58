/**
 * From a temporary file to a new target.
 *
 * Promise: up to the rename the target is untouched, and after it nothing is undone; the order of the steps of `commit`
 * is what makes it safe. A crash before the rename leaves the old file and a temporary one, which `sweep` recognises. A
 * crash after it leaves the new file.
 */
import type { Content } from '../contract/data.ts';
import { codeOf } from '../contract/errors.ts';
import { writeResult, type NotKept, type WriteResult } from '../contract/result.ts';
import { atOnce, call, type Steps } from '../system/port.ts';
import { writeContent } from '../files/contents.ts';
import { givePermit, whenDescriptorsAllow } from '../files/descriptors.ts';
import { syncDirectory } from '../files/directory.ts';
import { applyMetadata } from '../files/metadata.ts';
import { isLocked, throwIfAborted, type Write } from '../files/operation.ts';
import { parentsMayBeUnsynced, syncParents } from '../files/parents.ts';
import { holdTemporary } from '../files/private-directory.ts';
import { othersRename } from '../files/shared.ts';
import { versionInPlace, versionOfFile } from '../files/snapshot.ts';
import { letGo, lookAgain, refuseReadOnly, type Place } from '../files/target.ts';
import {
  closeTemporary,
  discardTemporary,
  examineTemporary,
  moveTemporary,
  releaseTemporary,
  syncTemporary,
  type TemporaryFile,
} from '../files/temporary.ts';
import { expectVersion, underLock } from '../journal/under-lock.ts';
import type { Placed } from '../order/committed.ts';
import type { Turn } from '../order/turn.ts';
import { makeBackup } from './backup.ts';
import { writeInPlace } from './in-place.ts';
import { renameInto, type Renamed } from './rename.ts';
import { finishing, type Staged } from './stage.ts';
import { supersede } from './superseded.ts';
import { confirmInPlace, skipUnchanged } from './unchanged.ts';

/** Commits a file that its caller has written: it takes its turn now. */
export function* commitStaged(write: Write, staged: Staged, turn: Turn): Steps<WriteResult> {
  try {
    return yield* finishing(write, staged, commitWhole(write, staged, turn));
  } finally {
    turn.leave();
  }
}

function* commitWhole(write: Write, staged: Staged, turn: Turn): Steps<WriteResult> {
  throwIfAborted(write);
  write.step = 'sync';
  const { size } = yield* call.fstat(staged.temporary.fd);
  return yield* commitInTurn(write, staged, turn, size);
}

/** Writes the content into a staged file and commits it. */
export function* fillAndCommit(write: Write, staged: Staged, turn: Turn, content: Content): Steps<WriteResult> {
  const { place, temporary } = staged;
  if (content.kind === 'source')
    return yield* commitInTurn(write, staged, turn, yield* writeContent(write, temporary.fd, content));
  yield* examineTemporary(write, place, temporary);
  const bytes = yield* writeContent(write, temporary.fd, content);
  temporary.synced = temporary.syncedByWriting;
  return yield* commit(write, staged, turn, bytes);
}

/**
 * Commits a staged file whose content may have taken long: in its turn, under the target's lock if it takes one, and
 * after another look at the target.
 */
export function* commitInTurn(write: Write, staged: Staged, turn: Turn, bytes: number): Steps<WriteResult> {
  // What it has open is its own to keep while it waits.
  while (!(yield* turn.claim(staged.place, () => undefined)));
  if (!isLocked(write) || write.locking.check !== undefined) return yield* commitNow(write, staged, turn, bytes);
  return yield* underLock(write, staged.place, function* (lock) {
    yield* moveTemporary(write, staged.temporary, lock.folder);
    expectVersion(write, staged.place, yield* versionInPlace(write, staged.place));
    write.step = 'read source';
    const version = yield* versionOfFile(staged.temporary.fd);
    return { ...(yield* commitNow(write, staged, turn, bytes)), version };
  });
}

function* commitNow(write: Write, staged: Staged, turn: Turn, bytes: number): Steps<WriteResult> {
  const { place, temporary } = staged;
  yield* lookAgain(write, place);
  const skipped =
    write.settings.ifUnchanged === 'skip'
      ? yield* withOneMore(write, place, () => skipUnchanged(write, place, turn, { fd: temporary.fd, size: bytes }))
      : undefined;
  if (skipped === undefined) {
    yield* examineTemporary(write, place, temporary);
    return yield* commit(write, staged, turn, bytes);
  }
  yield* discardTemporary(temporary);
  return skipped;
}

/** From a temporary file with all of its content to a new target. The order of these steps is what makes it safe. */
export function* commit(write: Write, staged: Staged, turn: Turn, bytes: number): Steps<WriteResult> {
  const { place, temporary } = staged;
  const first = turn.newer(place);
  if (first !== undefined) return yield* giveWay(write, staged, turn, first, bytes);
  refuseReadOnly(write, place);
  // What is written in place keeps its own.
  const notKept = yield* finishTemporary(write, place, temporary, staged.folder === place);
  throwIfAborted(write);
  const backup =
    write.settings.backup === undefined || place.existing === undefined
      ? undefined
      : yield* withOneMore(write, place, () => makeBackup(write, place, turn));
  let renamed;
  try {
    throwIfAborted(write);
    renamed = yield* putIntoPlace(write, staged, turn);
    if (renamed.newer !== undefined) return yield* giveWay(write, staged, turn, renamed.newer, bytes);
  } catch (error) {
    if (write.outcome === 'old' && backup !== undefined) yield* backup.undo();
    throw error;
  }
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
  const replaced = place.existing !== undefined;
  return writeResult({
    path: write.path,
    bytes,
    replaced,
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

/**
 * The metadata, the sync and the close of a temporary file that has all of its content; returns what could not be kept.
 */
export function* finishTemporary(
  write: Write,
  place: Place,
  temporary: TemporaryFile,
  withMetadata = true,
): Steps<NotKept[]> {
  const notKept = withMetadata ? yield* applyMetadata(write, place, temporary) : [];
  throwIfAborted(write);
  if (write.settings.durability !== 'off') {
    write.step = 'sync';
    yield* syncTemporary(write, temporary);
  }
  write.step = 'close';
  if (!temporary.closesSilently) {
    if (withMetadata && othersRename(write, place.directory)) yield* holdTemporary(write, temporary);
    yield* closeTemporary(temporary);
  }
  return notKept;
}

function* putIntoPlace(write: Write, staged: Staged, turn: Turn): Steps<Renamed> {
  const { place, temporary, folder } = staged;
  write.step = 'rename';
  if (folder === place) {
    try {
      return yield* renameInto(write, place, temporary, turn);
    } catch (error) {
      const mayWriteInPlace =
        write.settings.fallback === 'in-place' && write.outcome === 'old' && place.existing !== undefined;
      if (!mayWriteInPlace || !cannotBeReplaced.has(codeOf(error) ?? '')) throw error;
    }
  }
  // At once: neither a signal nor another write of this process comes between.
  const notKept = yield* atOnce(writeInPlace(write, place, temporary, folder));
  yield* discardTemporary(temporary);
  return { record: turn.placed(place), atomic: false, notKept };
}

/**
 * What a rename says over a file that cannot be replaced: it is a mount point, another user's in a sticky directory, on
 * a server that only renames to new names, or on another filesystem below one that shows several as one.
 */
const cannotBeReplaced = new Set(['EBUSY', 'EPERM', 'EACCES', 'EXDEV', 'ENOTSUP', 'EOPNOTSUPP', 'EINVAL']);

/** After the commit: nothing is undone any more. A failure from here on says that the new content is in place. */
function* confirm(write: Write, place: Place, { record, atomic }: Renamed): Steps<boolean | 'unsupported'> {
  const { durability } = write.settings;
  try {
    // What replaced this meanwhile may have been written without any sync.
    if (record === undefined) return yield* confirmInPlace(write, place);
    let durable: boolean | 'unsupported' = false;
    if (durability === 'full') {
      write.step = 'sync directory';
      durable = atomic ? yield* syncDirectory(write, place.directory) : true;
      if (parentsMayBeUnsynced() && (yield* syncParents(write, place.directoryPath)) === 'unsupported')
        durable = 'unsupported';
    }
    if (write.unsynced === true && durable === true) durable = 'unsupported';
    record.confirm(durability, durable);
    return durable;
  } catch (error) {
    record?.fail(error);
    throw error;
  }
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
