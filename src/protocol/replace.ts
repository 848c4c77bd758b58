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
import { codeOf, refusal } from '../errors.ts';
import type { Content } from '../data.ts';
import type { PathName } from '../path.ts';
import type { WriteResult } from '../result.ts';
import { atOnce, call, together, type Steps } from '../system/calls.ts';
import { listOld } from './attributes.ts';
import { makeBackup } from './backup.ts';
import { writeContent } from './contents.ts';
import { descriptorsClosed, givePermit, takePermit, whenDescriptorsAllow } from './descriptors.ts';
import { closeDirectory, syncDirectory, type Directory } from './directory.ts';
import { openStateFolder, writeInPlace } from './in-place.ts';
import { applyMetadata, startsPrivate } from './metadata.ts';
import { syncParents } from './parents.ts';
import { findPlace, holdOld, leavePlace, lookAgain, type Place } from './place.ts';
import { renameInto, type Renamed } from './rename.ts';
import { closeTemporary, createTemporary, discardTemporary, examineTemporary, keepTemporary, syncTemporary, type Folder, type TemporaryFile } from './temporary.ts';
import { Turn, type Placed } from './turns.ts';
import { confirmInPlace, isUnchanged } from './unchanged.ts';
import { asWriteError, reporting, throwIfAborted, type Write } from './write.ts';

/** A temporary file on its way to its place. */
export interface Staged {
  readonly place: Place;
  readonly temporary: TemporaryFile;
  /** Where the temporary file is: beside the target, or elsewhere if it can only be written in place. */
  readonly folder: Folder & { readonly directory: Directory };
}

/** Replaces the target with content that the caller has, in the order of the calls. */
export function* replaceFile(write: Write, turn: Turn, content: Content): Steps<WriteResult> {
  try {
    return yield* reporting(write, content.kind === 'bytes' ? replaceWithBytes(write, turn, content.bytes) : replaceFromSource(write, turn, content));
  } finally {
    if (content.kind === 'source') content.source.close();
    turn.leave();
  }
}

/** Data that is at hand waits for its turn before anything is opened. */
function* replaceWithBytes(write: Write, turn: Turn, bytes: Uint8Array): Steps<WriteResult> {
  throwIfAborted(write);
  const newer = yield* turn.enter(write.path);
  if (newer !== undefined) return supersededBy(newer, bytes.byteLength);
  try {
    const given = write.path;
    for (;;) {
      yield* takePermit(write);
      const prepared = yield* whenDescriptorsAllow(write, () => prepare(write, given, turn, bytes));
      if (prepared === 'again') continue;
      if (!('temporary' in prepared)) return prepared;
      return yield* finishing(write, prepared, fillAndCommit(write, prepared, turn, { kind: 'bytes', bytes }));
    }
  } finally {
    givePermit(write);
  }
}

/** Up to an open temporary file, unless it turns out that there is nothing to write, or that it is not yet our turn. */
function* prepare(write: Write, given: PathName, turn: Turn, bytes: Uint8Array): Steps<Staged | WriteResult | 'again'> {
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
    const newer = turn.newer(place);
    const done = newer !== undefined ? yield* supersede(write, place, turn, newer, bytes.byteLength) : yield* skipUnchanged(write, place, turn, bytes);
    if (done === undefined) return yield* createStaged(write, place);
    leavePlace(write, place);
    return done;
  } catch (error) {
    if (!left) leavePlace(write, place);
    throw error;
  }
}

/** A source is read at its own pace and holds nobody up; it takes its turn when it has ended. */
function* replaceFromSource(write: Write, turn: Turn, content: Content): Steps<WriteResult> {
  const staged = yield* stage(write);
  return yield* finishing(write, staged, fillAndCommit(write, staged, turn, content));
}

function* fillAndCommit(write: Write, staged: Staged, turn: Turn, content: Content): Steps<WriteResult> {
  const { place, temporary } = staged;
  if (content.kind === 'source') return yield* commitInTurn(write, staged, turn, yield* writeContent(write, temporary.fd, content));
  const [bytes] = yield* together(writeContent(write, temporary.fd, content), examineTemporary(write, place, temporary));
  return yield* commit(write, staged, turn, bytes);
}

/** Opens the target's directory and an empty temporary file in it. */
export function* stage(write: Write): Steps<Staged> {
  const given = write.path;
  return yield* whenDescriptorsAllow(write, function* () {
    throwIfAborted(write);
    write.path = given;
    const place = yield* findPlace(write);
    try {
      return yield* createStaged(write, place);
    } catch (error) {
      leavePlace(write, place);
      throw error;
    }
  });
}

function* createStaged(write: Write, place: Place): Steps<Staged> {
  write.step = 'create temporary file';
  try {
    return yield* createIn(write, place, place);
  } catch (error) {
    const mayWriteInPlace = write.settings.fallback === 'in-place' && place.existing !== undefined;
    if (!mayWriteInPlace || !['EACCES', 'EPERM', 'EROFS'].includes(codeOf(error) ?? '')) throw error;
  }
  const folder = yield* openStateFolder(write);
  try {
    return yield* createIn(write, place, folder);
  } catch (error) {
    closeDirectory(write, folder.directory);
    throw error;
  }
}

function* createIn(write: Write, place: Place, folder: Staged['folder']): Steps<Staged> {
  let temporary: TemporaryFile | undefined;
  function* create(): Steps<TemporaryFile> {
    return (temporary = yield* createTemporary(write, folder, place.name, startsPrivate(write, place.existing) || folder !== place));
  }
  try {
    const [created] = yield* together(create(), holdOld(place), listOld(write, place));
    return { place, folder, temporary: created };
  } catch (error) {
    if (temporary !== undefined) yield* discardTemporary(temporary);
    throw error;
  }
}

/** Commits a staged file whose content may have taken long: in its turn, and after another look at the target. */
function* commitInTurn(write: Write, staged: Staged, turn: Turn, bytes: number): Steps<WriteResult> {
  const { place, temporary } = staged;
  // What it has open is its own to keep while it waits.
  while (!(yield* turn.claim(place, () => undefined)));
  yield* lookAgain(write, place);
  const skipped = yield* skipUnchanged(write, place, turn, { fd: temporary.fd, size: bytes });
  if (skipped === undefined) {
    yield* examineTemporary(write, place, temporary);
    return yield* commit(write, staged, turn, bytes);
  }
  yield* discardTemporary(temporary);
  return skipped;
}

/** From a temporary file with all of its content to a new target. The order of these steps is what makes it safe. */
function* commit(write: Write, staged: Staged, turn: Turn, bytes: number): Steps<WriteResult> {
  const { settings } = write;
  const { place, temporary } = staged;
  const first = turn.newer(place);
  if (first !== undefined) return yield* giveWay(write, staged, turn, first, bytes);
  // What is written in place keeps its own.
  const notKept = staged.folder === place ? yield* applyMetadata(write, place, temporary) : [];
  throwIfAborted(write);
  if (settings.durability !== 'off') {
    write.step = 'sync';
    yield* syncTemporary(write, temporary);
  }
  write.step = 'close';
  yield* closeTemporary(temporary);
  // Others hold the directory open anyway: nothing of ours is left that counts.
  if (place.directory.users > 1) givePermit(write);
  throwIfAborted(write);
  const backupPath = yield* makeBackup(write, place);
  throwIfAborted(write);
  const renamed = yield* putIntoPlace(write, staged, turn);
  if (renamed.newer !== undefined) return yield* giveWay(write, staged, turn, renamed.newer, bytes);
  const durable = yield* confirm(write, place, renamed);
  const { record, atomic } = renamed;
  const replaced = place.existing !== undefined;
  return result({ path: write.path, bytes, replaced, superseded: record === undefined, atomic, durable, backupPath, notKept: atomic ? notKept : [] });
}

function* giveWay(write: Write, { place, temporary }: Staged, turn: Turn, newer: Placed, bytes: number): Steps<WriteResult> {
  yield* discardTemporary(temporary);
  return yield* supersede(write, place, turn, newer, bytes);
}

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
      if ((yield* syncParents(write, place.directoryPath)) === 'unsupported') durable = 'unsupported';
    }
    record.confirm(durability, durable);
    return durable;
  } catch (error) {
    record?.fail(error);
    throw error;
  }
}

function* putIntoPlace(write: Write, staged: Staged, turn: Turn): Steps<Renamed> {
  const { place, temporary, folder } = staged;
  write.step = 'rename';
  if (folder === place) {
    try {
      return yield* renameInto(write, place, temporary, turn);
    } catch (error) {
      if (codeOf(error) !== 'EBUSY' || write.settings.fallback !== 'in-place' || place.existing === undefined) throw error;
    }
  }
  // At once: neither a signal nor another write of this process comes between.
  yield* atOnce(writeInPlace(write, place, temporary, folder));
  yield* discardTemporary(temporary);
  return { record: turn.placed(place), atomic: false };
}

/** Newer content took the place of this: wait until it is as durable as this was to be. */
function* supersede(write: Write, place: Place, turn: Turn, newer: Placed, bytes: number): Steps<WriteResult> {
  if (!turn.supersedable) throw refusal('ERR_UNTORN_OVERTAKEN', 'a later synchronous write of this file came first');
  yield* newer.settled();
  write.outcome = 'new';
  write.step = 'sync directory';
  if (newer.error !== undefined) throw newer.error;
  if (newer.covers(write.settings.durability)) return supersededBy(newer, bytes);
  const durable = yield* confirmInPlace(write, place);
  return result({ path: newer.path, bytes, superseded: true, durable });
}

function supersededBy(newer: Placed, bytes: number): WriteResult {
  return result({ path: newer.path, bytes, superseded: true, durable: newer.confirmed?.durable ?? false });
}

/** Content that is in place already takes its place in the order all the same: older calls do not come after it. */
function* skipUnchanged(write: Write, place: Place, turn: Turn, content: Uint8Array | { fd: number; size: number }): Steps<WriteResult | undefined> {
  if (!(yield* isUnchanged(write, place, content))) return undefined;
  if (yield* turn.finishOlder(place)) {
    yield* lookAgain(write, place);
    if (!(yield* isUnchanged(write, place, content))) return undefined;
  }
  const record = turn.placed(place);
  const durable = yield* confirmUnchanged(write, place, record);
  return result({ path: write.path, bytes: content instanceof Uint8Array ? content.byteLength : content.size, unchanged: true, durable });
}

function* confirmUnchanged(write: Write, place: Place, record: Placed | undefined): Steps<boolean | 'unsupported'> {
  try {
    const durable = yield* confirmInPlace(write, place);
    record?.confirm(write.settings.durability, durable);
    return durable;
  } catch (error) {
    record?.fail(error);
    throw error;
  }
}

function result(given: Pick<WriteResult, 'path' | 'bytes' | 'durable'> & Partial<WriteResult>): WriteResult {
  const { path, bytes, durable, replaced = true, unchanged = false, superseded = false, atomic = true, backupPath, notKept = [] } = given;
  return { path, bytes, replaced, unchanged, superseded, atomic, durable, backupPath, notKept };
}

/** Runs the last steps of a staged file; afterwards nothing of it is open, and no temporary file is left unless asked for. */
function* finishing<T>(write: Write, staged: Staged, steps: Steps<T>): Steps<T> {
  try {
    return yield* steps;
  } catch (error) {
    yield* abandon(write, staged);
    throw asWriteError(write, error);
  } finally {
    leave(write, staged);
  }
}

/** Discards the temporary file after a failure, or keeps it: if asked to, or if the target may be damaged. */
function* abandon(write: Write, staged: Staged): Steps<void> {
  const { temporary, folder, place } = staged;
  const keep = write.outcome === 'unknown' || (write.outcome === 'old' && write.settings.keepOnError);
  if (keep && temporary.linked) write.temporaryPath = yield* keepTemporary(write, temporary, folder, place.name);
  else yield* discardTemporary(temporary);
  if (temporary.linked) write.temporaryPath = temporary.path;
}

function leave(write: Write, { place, folder }: Staged): void {
  leavePlace(write, place);
  if (folder !== place) closeDirectory(write, folder.directory);
  descriptorsClosed();
}

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

/** Gives a staged file up. After a failure it is kept if that was asked for; returns where. */
export function* giveUp(write: Write, staged: Staged, failed: boolean): Steps<PathName | undefined> {
  if (failed) yield* abandon(write, staged);
  else yield* discardTemporary(staged.temporary);
  leave(write, staged);
  return write.temporaryPath;
}
