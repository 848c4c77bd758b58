/** The directory of a lock, from before the lock is taken until it has been given back. */
import { codeOf, refusal } from '../errors.ts';
import { display, join, type PathName } from '../path.ts';
import type { FileStatus, Guard, Steps } from '../system/calls.ts';
import { fileType } from '../system/flags.ts';
import { whenDescriptorsAllow } from './descriptors.ts';
import { isExclusive } from './directory.ts';
import { lockNameOf } from './lock-name.ts';
import { isExposed, letGoOf, makeOpen, type LockDirectory } from './lock-rights.ts';
import { lookIn, openFound, rmdirIn } from './owned.ts';
import type { Place } from './place.ts';
import { afterFailure } from './temporary.ts';
import type { Write } from './write.ts';

/** Where a lock is: a name in an open directory. */
export type LockPlace = Pick<Place, 'directory' | 'directoryPath' | 'name'>;

export interface LockHome extends LockDirectory {
  readonly place: LockPlace;
  readonly name: PathName;
  /** What the target's directory was like when it was opened. */
  readonly parent: FileStatus;
  /** By which it is reached from the target's directory, where the descriptor leads to it wherever it is. */
  readonly way: PathName;
  readonly guard: Guard;
  /** Whether it was made for this call, so that nobody can have been before it. */
  readonly isNew: boolean;
  /** Whether only this machine's kernel can have the filesystem mounted. */
  readonly exclusive: boolean;
}

/** Makes the directory of a lock, or opens the one that is there. Undefined if it was there and has gone: then again. */
export function* enterHome(write: Write, place: LockPlace): Steps<LockHome | undefined> {
  const { directory, directoryPath } = place;
  const name = lockNameOf(place.name);
  const way = join(directory.reach, name);
  const path = join(directoryPath, name);
  const guard = write.surroundings.guard('lock', way, path);
  const parent = directory.status;
  try {
    const made = yield* whenDescriptorsAllow(write, () => makeOrFind(write, place, name, parent));
    guard.opened();
    if (made !== undefined) {
      return { ...made, place, name, parent, way, guard, exclusive: yield* isExclusive(directory) };
    }
  } catch (error) {
    guard.release();
    throw error;
  }
  guard.release();
  return undefined;
}

function* makeOrFind(
  write: Write,
  place: LockPlace,
  name: PathName,
  parent: FileStatus,
): Steps<(LockDirectory & Pick<LockHome, 'isNew'>) | undefined> {
  try {
    const made = yield* makeOpen(write, place, name, parent);
    return made && { ...made, isNew: true };
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
  const directoryPath = join(place.directoryPath, name);
  const found = isExposed(write, parent)
    ? yield* openFound(write, place, name)
    : { directory: { reach: join(place.directory.reach, name) }, directoryPath, fd: undefined };
  if (found !== undefined) return { ...found, isNew: false };
  const status = yield* lookIn(place, name);
  if (status === undefined || fileType(status.mode) === 'directory') return undefined;
  throw refusal('ENOTDIR', `"${display(directoryPath)}", which is to be the directory of its lock, is something else`);
}

/** Leaves it, and removes it if nobody else is in it. */
export function* leaveHome(write: Write, home: LockHome): Steps<void> {
  yield* afterFailure(rmdirIn(write, home.place, home.name));
  home.guard.release();
  letGoOf(write, home);
}
