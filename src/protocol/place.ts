/**
 * Where a write goes: the real file at the end of the symbolic links, what is there now, and its directory, opened.
 *
 * Promise: nothing but a regular file (or a link, with `symlink: 'replace'`) is ever replaced. A rename over
 * `/dev/null` would succeed for root.
 */
import { codeOf, refusal } from '../errors.ts';
import { asText, display, isAbsolute, join, split, type PathName } from '../path.ts';
import { call, type FileStatus, type Steps } from '../system/calls.ts';
import { fileType } from '../system/flags.ts';
import { closeDirectory, type Directory } from './directory.ts';
import { openOrMakeDirectory } from './parents.ts';
import type { Write } from './write.ts';

export interface Place {
  readonly directory: Directory;
  /** The directory's path, for messages and for what a descriptor cannot reach. */
  readonly directoryPath: PathName;
  readonly name: PathName;
  /** The path by which the target is reached from the open directory. */
  readonly reach: PathName;
  /** The file, if there is one. */
  existing: FileStatus | undefined;
}

/** As the kernel's own limit (path_resolution(7)). */
const maximumLinks = 40;

/** Follows the symbolic links in the last name of the path and opens the directory of what they lead to. */
export function* findPlace(write: Write): Steps<Place> {
  write.step = 'resolve';
  for (let links = 0; ; links++) {
    const { directory: directoryPath, name } = split(write.path);
    if (['', '.', '..'].includes(asText(name))) throw refusal('EISDIR', 'the path names a directory');
    const directory = yield* openOrMakeDirectory(write, directoryPath);
    try {
      const place = { directory, directoryPath, name, reach: join(directory.reach, name), existing: undefined };
      const existing = yield* lookAt(place);
      if (existing === undefined || fileType(existing.mode) !== 'link' || write.settings.symlink === 'replace') {
        refuseUnfit(write, existing);
        return { ...place, existing };
      }
      if (write.settings.symlink === 'refuse') throw refusal('ELOOP', 'the path is a symbolic link');
      if (links === maximumLinks) throw refusal('ELOOP', 'too many symbolic links');
      const target = yield* readLink(write, place, existing);
      write.path = isAbsolute(target) ? target : join(directoryPath, target);
    } catch (error) {
      yield* closeDirectory(directory);
      throw error;
    }
    yield* closeDirectory(directory);
  }
}

/** Looks again at what is there: much may have happened while a pending file was written. */
export function* lookAgain(write: Write, place: Place): Steps<void> {
  write.step = 'resolve';
  const existing = yield* lookAt(place);
  refuseUnfit(write, existing);
  place.existing = existing;
}

export function* lookAt(place: Pick<Place, 'reach'>): Steps<FileStatus | undefined> {
  try {
    return yield* call.lstat(place.reach);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function refuseUnfit(write: Write, existing: FileStatus | undefined): void {
  if (existing === undefined) return;
  switch (fileType(existing.mode)) {
    case 'directory':
      throw refusal('EISDIR', 'it is a directory');
    case 'special':
      throw refusal('EINVAL', 'it is a FIFO, a socket or a device, which a rename would destroy; write to it with fs.writeFile()');
    case 'link':
    case 'file':
      if (!write.settings.overwrite) throw refusal('EEXIST', 'file already exists');
      if (existing.nlink > 1 && write.settings.hardLink === 'refuse') throw refusal('EMLINK', `it has ${existing.nlink} hard links`);
  }
}

function* readLink(write: Write, place: Place, link: FileStatus): Steps<PathName> {
  const { status } = place.directory;
  // As the kernel does with protected_symlinks (proc(5)): in a sticky directory that all may write, a link may be a trap.
  const shared = (status.mode & 0o1002) === 0o1002;
  if (shared && link.uid !== status.uid && link.uid !== write.surroundings.uid) {
    throw refusal('EACCES', "it is a symbolic link of another user's in a directory that all may write");
  }
  // A link in /proc/PID/fd leads to an open file, whatever its text says; there is no name to replace.
  if (/^\/(proc\/(self|thread-self|\d+)\/(task\/\d+\/)?|dev\/)fd\/*$/.test(asText(place.directoryPath))) {
    throw refusal('EINVAL', `"${display(write.path)}" is an open descriptor, not a file; write to it with fs.writeFile()`);
  }
  return yield* call.readlink(place.reach);
}
