/**
 * A temporary file on its way to its place: opened, given up, or left when it is done.
 */
import { codeOf } from '../contract/errors.ts';
import type { PathName } from '../contract/path-name.ts';
import type { NotKept } from '../contract/result.ts';
import type { Steps } from '../system/port.ts';
import { descriptorsClosed, whenDescriptorsAllow } from '../files/descriptors.ts';
import { closeDirectory, type Directory } from '../files/directory.ts';
import type { Folder } from '../files/folder.ts';
import { applyMetadata, assertPrivate, privateMode, safeMode } from '../files/metadata.ts';
import { throwIfAborted, type Write } from '../files/operation.ts';
import { holdTemporary } from '../files/private-directory.ts';
import { othersRename } from '../files/shared.ts';
import { examineOld, findPlace, leavePlace, type Place } from '../files/target.ts';
import {
  closeTemporary,
  createTemporary,
  discardTemporary,
  keepTemporary,
  stagingFolder,
  syncTemporary,
  type Creation,
  type TemporaryFile,
} from '../files/temporary.ts';
import { openStateFolder } from './in-place.ts';

/** A temporary file on its way to its place. */
export interface Staged {
  readonly place: Place;
  readonly temporary: TemporaryFile;
  /** Where the temporary file is: beside the target, or elsewhere if it can only be written in place. */
  readonly folder: Folder & { readonly directory: Directory };
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

/** Opens an empty temporary file: beside the target, or where that may not be, elsewhere. */
export function* createStaged(write: Write, place: Place, bytes?: Uint8Array): Steps<Staged> {
  write.step = 'create temporary file';
  let temporary;
  try {
    if (place.existing !== undefined) yield* examineOld(write, place);
    temporary = yield* createTemporary(
      write,
      stagingFolder(write, place),
      place.name,
      bytes === undefined ? { mode: privateMode(write, place) } : creationOf(write, place, bytes),
    );
  } catch (error) {
    const mayWriteInPlace = write.settings.fallback === 'in-place' && place.existing !== undefined;
    if (!mayWriteInPlace || !['EACCES', 'EPERM', 'EROFS'].includes(codeOf(error) ?? '')) throw error;
    return yield* createElsewhere(write, place);
  }
  try {
    yield* assertPrivate(write, place, temporary);
  } catch (error) {
    yield* discardTemporary(temporary);
    throw error;
  }
  return { place, folder: place, temporary };
}

function* createElsewhere(write: Write, place: Place): Steps<Staged> {
  const folder = yield* openStateFolder(write);
  try {
    return { place, folder, temporary: yield* createTemporary(write, folder, place.name, { mode: 0o600 }) };
  } catch (error) {
    closeDirectory(write, folder.directory);
    throw error;
  }
}

/** Bytes up to which a content is written and synced in one call. */
const small = 1 << 20;

/**
 * How to create a file that gets all of its content at once. One trip to another thread less: a small content goes
 * through O_SYNC, if nothing is to be changed after it. Not while others write here, since syncs after all of their
 * writes share more.
 */
function creationOf(write: Write, place: Place, bytes: Uint8Array): Creation {
  const { users } = place.directory;
  // What a blocking call has open it closes itself: nobody else would come to it before the next call.
  const local = place.directory.local && !write.blocking;
  const { durability, preserve } = write.settings;
  const final = safeMode(write, place);
  const mode = final ?? privateMode(write, place);
  const complete = mode === final && (place.existing === undefined || preserve.times === 'off');
  const syncedByWriting =
    local && users === 1 && durability !== 'off' && complete && bytes.byteLength > 0 && bytes.byteLength <= small;
  return { mode, syncedByWriting, closesSilently: local };
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

/** Discards the temporary file after a failure, or keeps it: if asked to, or if the target may be damaged. */
export function* abandon(write: Write, staged: Staged): Steps<void> {
  const { temporary, folder, place } = staged;
  const keep = write.outcome === 'unknown' || (write.outcome === 'old' && write.settings.keepOnError);
  if (keep && temporary.linked) write.temporaryPath = yield* keepTemporary(write, temporary, folder, place.name);
  else yield* discardTemporary(temporary);
  if (temporary.linked) write.temporaryPath = temporary.path;
}

/** Gives a staged file up. After a failure it is kept if that was asked for; returns where. */
export function* giveUp(write: Write, staged: Staged, failed: boolean): Steps<PathName | undefined> {
  if (failed) yield* abandon(write, staged);
  else yield* discardTemporary(staged.temporary);
  leave(write, staged);
  return write.temporaryPath;
}

/** Closes what a staged file had open. */
export function leave(write: Write, { place, folder }: Staged): void {
  leavePlace(write, place);
  if (folder !== place) closeDirectory(write, folder.directory);
  descriptorsClosed();
}
