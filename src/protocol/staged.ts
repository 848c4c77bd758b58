/**
 * A temporary file on its way to its place: opened, given up, or left when it is done.
 */
import { codeOf } from '../errors.ts';
import type { PathName } from '../path.ts';
import { together, type Steps } from '../system/calls.ts';
import { listOld } from './attributes.ts';
import { descriptorsClosed, whenDescriptorsAllow } from './descriptors.ts';
import { closeDirectory, type Directory } from './directory.ts';
import { openStateFolder } from './in-place.ts';
import { startsPrivate } from './metadata.ts';
import { findPlace, holdOld, leavePlace, type Place } from './place.ts';
import { createTemporary, discardTemporary, keepTemporary, type Folder, type TemporaryFile } from './temporary.ts';
import { asWriteError, throwIfAborted, type Write } from './write.ts';

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
export function* createStaged(write: Write, place: Place): Steps<Staged> {
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

/** Runs the last steps of a staged file; afterwards nothing of it is open, and no temporary file is left unless asked for. */
export function* finishing<T>(write: Write, staged: Staged, steps: Steps<T>): Steps<T> {
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

/** Gives a staged file up. After a failure it is kept if that was asked for; returns where. */
export function* giveUp(write: Write, staged: Staged, failed: boolean): Steps<PathName | undefined> {
  if (failed) yield* abandon(write, staged);
  else yield* discardTemporary(staged.temporary);
  leave(write, staged);
  return write.temporaryPath;
}

function leave(write: Write, { place, folder }: Staged): void {
  leavePlace(write, place);
  if (folder !== place) closeDirectory(write, folder.directory);
  descriptorsClosed();
}
