/**
 * Where a write goes: the real file at the end of the symbolic links, what is there now, and its directory, opened.
 *
 * Promise: nothing but a regular file (or a link, with `symlink: 'replace'`) is ever replaced. A rename over
 * `/dev/null` would succeed for root.
 */
import { codeOf, refusal } from '../contract/errors.ts';
import { asText, display, isAbsolute, join, split, type PathName } from '../contract/path-name.ts';
import { now } from '../system/clock.ts';
import { fileType, O_HOLD } from '../system/flags.ts';
import { atOnce, call, isAtOnce, nothing, together, type FileStatus, type Steps } from '../system/port.ts';
import { listOld, type Attributes } from './attribute-names.ts';
import {
  closeDirectory,
  forgetPath,
  isInMemory,
  isStill,
  looksOnSpot,
  noteLook,
  recallDirectory,
  pathNow,
  type Directory,
} from './directory.ts';
import { lookAt } from './look.ts';
import type { Write } from './operation.ts';
import { openOrMakeDirectory } from './parents.ts';
import { refuseReserved } from './windows-names.ts';

export { lookAt };

export interface Place {
  readonly directory: Directory;
  /** The directory's path, for messages and for what a descriptor cannot reach. */
  directoryPath: PathName;
  readonly name: PathName;
  /** The path by which the target is reached from the open directory. */
  readonly reach: PathName;
  /** The file, if there is one. */
  existing: FileStatus | undefined;
  /** Whether the rest of what matters of it has been looked at: see {@link examineOld}. */
  examined: boolean;
  /** The names of its extended attributes, where they are wanted. */
  attributes: Attributes | undefined;
  /** A descriptor that keeps it from being freed. */
  held: number | undefined;
}

/**
 * With the null at their end: what is longer would be there, since its directory is open, and nobody could open it by
 * its path.
 */
const longestPath: Readonly<Partial<Record<NodeJS.Platform, number>>> = { linux: 4096, android: 4096, darwin: 1024 };

/** Refuses a path that the system does not take (PATH_MAX), as given or after links were followed. */
export function refuseTooLong({ surroundings }: Write, path: PathName): void {
  if (Buffer.byteLength(path) >= (longestPath[surroundings.platform] ?? Infinity))
    throw refusal('ENAMETOOLONG', 'its path is too long');
}

/** As the kernel's own limit (path_resolution(7)). */
const maximumLinks = 40;

/** Follows the symbolic links in the last name of the path and opens the directory of what they lead to. */
export function* findPlace(write: Write): Steps<Place> {
  write.step = 'resolve';
  for (let links = 0; ;) {
    refuseTooLong(write, write.path);
    const { directory: directoryPath, name } = split(write.path);
    if (['', '.', '..'].includes(asText(name))) throw refusal('EISDIR', 'the path names a directory');
    refuseReserved(write.surroundings, write.path);
    const recalled = recallDirectory(write, directoryPath);
    const directory = recalled ?? (yield* openOrMakeDirectory(write, directoryPath));
    const place: Place = {
      directory,
      directoryPath,
      name,
      reach: join(directory.reach, name),
      existing: undefined,
      examined: false,
      attributes: undefined,
      held: undefined,
    };
    try {
      const isOnSpot = recalled !== undefined && looksOnSpot(directory, directoryPath);
      const began = isOnSpot ? now() : 0;
      const isNew = recalled === undefined;
      const sure = yield* isOnSpot ? atOnce(lookThrough(write, place, isNew)) : lookThrough(write, place, isNew);
      if (isOnSpot) noteLook(directory, began);
      const { existing } = place;
      if (
        sure &&
        (existing === undefined || fileType(existing.mode) !== 'link' || write.settings.symlink === 'replace')
      ) {
        refuseUnfit(write, existing);
        return place;
      }
      if (sure && existing !== undefined) write.path = yield* followLink(write, place, existing, links++);
      if (!sure) forgetPath(write, directoryPath);
    } catch (error) {
      leavePlace(write, place);
      throw error;
    }
    leavePlace(write, place);
  }
}

/**
 * Looks at what is there, and whether its directory is where it was. Beside that an asynchronous write that is alone
 * here learns what it needs of an existing file next: it is as fast as its trips to other threads are few.
 */
function* lookThrough(write: Write, place: Place, isSure: boolean): Steps<boolean> {
  const { directory, directoryPath } = place;
  const isAlone = !write.blocking && directory.users === 1;
  if (write.blocking || isAtOnce()) {
    place.existing = yield* lookAndHold(place);
    if (isAlone && place.existing !== undefined) yield* examineOld(write, place);
    return isSure || (yield* isStill(directory, directoryPath));
  }
  const [existing, isHere] = yield* together(
    lookAndHold(place),
    isSure ? yes() : isStill(directory, directoryPath),
    isAlone ? examineOld(write, place) : nothing(),
  );
  place.existing = existing;
  return isHere;
}

// oxlint-disable-next-line require-yield -- it stands where a system call would
function* yes(): Steps<true> {
  return true;
}

/** A place of its own for another part of the same write. */
export function sharePlace(place: Place): Place {
  place.directory.users++;
  return { ...place, held: undefined };
}

/** Ends the use of a place. The old file's blocks are freed only now, out of the way of the rename. */
export function leavePlace(write: Write, place: Place): void {
  letGo(write, place);
  closeDirectory(write, place.directory);
}

/** Learns what else matters of the old file, and holds it. */
export function* examineOld(write: Write, place: Place): Steps<void> {
  if (place.examined) return;
  place.examined = true;
  const { local, own } = place.directory;
  if (local || !own) place.attributes = yield* listOld(write, place);
  else [place.attributes] = yield* together(listOld(write, place), holdOld(place));
}

/** Bytes of an old file up to which freeing them takes less than to hand it to another thread. */
const quickToFree = 1 << 20;

/**
 * Holds the old file no longer. To hand it to another thread takes long as well: an asynchronous write has settled by
 * then.
 */
export function letGo({ blocking, surroundings }: Write, place: Place): void {
  const { held } = place;
  place.held = undefined;
  if (held === undefined) return;
  if (blocking) surroundings.release(held, (place.existing?.size ?? 0) <= quickToFree ? 'here' : 'elsewhere');
  else surroundings.soon(() => surroundings.release(held, 'elsewhere'));
}

/**
 * Holds the old file open, so that a rename over it does not have to free its blocks (measured: ten times faster on
 * ext4). Only a matter of speed: where it fails, it is not done.
 */
function* holdOld(place: Place): Steps<void> {
  if (O_HOLD === 0 || place.held !== undefined) return;
  try {
    place.held = yield* call.open(place.reach, O_HOLD, 0);
  } catch {
    // Also where there are no descriptors left: nothing that comes needs one.
  }
}

/**
 * Looks at what is there. Where a look at an open file never waits for a disk, it is held first and then looked at on
 * the spot.
 */
function* lookAndHold(place: Place): Steps<FileStatus | undefined> {
  if (!place.directory.local) return yield* lookAt(place);
  try {
    place.held = yield* call.open(place.reach, O_HOLD, 0);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  return yield* atOnce(call.fstat(place.held));
}

/** Looks again at what is there: much may have happened while a pending file was written. */
export function* lookAgain(write: Write, place: Place): Steps<void> {
  write.step = 'resolve';
  const before = place.existing;
  place.existing = yield* lookAt(place);
  if (place.existing?.ino !== before?.ino || place.existing?.dev !== before?.dev) letGo(write, place);
  refuseUnfit(write, place.existing);
  place.examined = true;
  [place.attributes] =
    place.existing === undefined
      ? [undefined]
      : yield* together(listOld(write, place), place.directory.own ? holdOld(place) : nothing());
}

/**
 * Makes sure, right before the rename, that the path leads here still. A directory that has moved, so that its old path
 * leads nowhere, takes the file along, and the result has its new path. Where the path leads elsewhere by now, that is
 * an error.
 */
export function* assertStillThere(write: Write, place: Place): Steps<void> {
  const { directory, directoryPath, name } = place;
  const follows = write.settings.symlink !== 'replace';
  function* look(): Steps<[boolean, FileStatus | undefined]> {
    return [yield* isStill(directory, directoryPath), follows ? yield* lookAt(place) : undefined];
  }
  const [isHere, now] =
    write.blocking || isInMemory(directory, directoryPath)
      ? yield* atOnce(look())
      : yield* together(isStill(directory, directoryPath), follows ? lookAt(place) : nothing());
  if (!isHere) {
    place.directoryPath = yield* pathNow(write, directory, directoryPath);
    write.path = join(place.directoryPath, name);
  }
  if (now !== undefined && fileType(now.mode) === 'link')
    throw refusal(write.settings.symlink === 'refuse' ? 'ELOOP' : 'ERR_UNTORN_MOVED', 'it is a symbolic link by now');
}

function refuseUnfit(write: Write, existing: FileStatus | undefined): void {
  if (existing === undefined) return;
  switch (fileType(existing.mode)) {
    case 'directory':
      throw refusal('EISDIR', 'it is a directory');
    case 'special':
      throw refusal(
        'EINVAL',
        'it is a FIFO, a socket or a device, which a rename would destroy; write to it with fs.writeFile()',
      );
    case 'link':
    case 'file':
      if (!write.settings.overwrite) throw refusal('EEXIST', 'file already exists');
      if (existing.nlink > 1 && write.settings.hardLink === 'refuse')
        throw refusal('EMLINK', `it has ${existing.nlink} hard links`);
  }
}

/** Windows never replaces a file with the read-only attribute; a directory that one may not write is another matter. */
export function refuseReadOnly(write: Write, place: Place): void {
  if (isReadOnly(write, place)) throw refusal('EPERM', 'it is read-only');
}

/** Whether it has the read-only attribute of Windows. */
export function isReadOnly({ surroundings }: Write, { existing }: Place): boolean {
  return (
    surroundings.platform === 'win32' &&
    existing !== undefined &&
    fileType(existing.mode) === 'file' &&
    (existing.mode & 0o200) === 0
  );
}

function* followLink(write: Write, place: Place, link: FileStatus, before: number): Steps<PathName> {
  if (write.settings.symlink === 'refuse') throw refusal('ELOOP', 'the path is a symbolic link');
  if (before === maximumLinks) throw refusal('ELOOP', 'too many symbolic links');
  const { status } = place.directory;
  // As the kernel does with protected_symlinks (proc(5)): in a sticky directory that all may write, a link may be a
  // trap.
  const shared = (status.mode & 0o1002) === 0o1002;
  if (shared && link.uid !== status.uid && link.uid !== write.surroundings.uid) {
    throw refusal('EACCES', "it is a symbolic link of another user's in a directory that all may write");
  }
  // A link in /proc/PID/fd leads to an open file, whatever its text says; there is no name to replace.
  if (/^\/(proc\/(self|thread-self|\d+)\/(task\/\d+\/)?|dev\/)fd\/*$/.test(asText(place.directoryPath))) {
    throw refusal(
      'EINVAL',
      `"${display(write.path)}" is an open descriptor, not a file; write to it with fs.writeFile()`,
    );
  }
  const target = yield* call.readlink(place.reach);
  return isAbsolute(target) ? target : join(place.directoryPath, target);
}
