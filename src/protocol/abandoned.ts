/** Transactions of this process that are committed and could not be completed: nobody works on them any more, but their locks are there. */
import { join, split, type PathName } from '../path.ts';
import { call, type Steps } from '../system/calls.ts';
import { whileBusy } from './busy.ts';
import { closeDirectory } from './directory.ts';
import { lockNameOf } from './lock-name.ts';
import type { Lock } from './lock.ts';
import { afterFailure } from './temporary.ts';
import type { Write } from './write.ts';

/** A lock's directory, by its path, and the name and random part of its entry. */
interface LeftLock {
  readonly directory: PathName;
  readonly entry: PathName;
  readonly random: string;
}

export const abandoned: Map<string, readonly LeftLock[]> = new Map();

/** Leaves a lock to be taken over: by others of this thread at once, by those of other processes when this one has ended. */
export function giveUpLock(write: Write, { place, entry, owner: { random }, stopShowingLife }: Lock): LeftLock {
  stopShowingLife();
  write.surroundings.locks.set(random, 'given up');
  closeDirectory(write, place.directory);
  return { directory: join(place.directoryPath, lockNameOf(place.name)), entry: split(entry).name, random };
}

/** When one has been completed after all: frees those of its locks that nobody has taken over, for which others would wait as long as this process lives. */
export function* freeAbandoned(write: Write, id: string): Steps<void> {
  for (const { directory, entry, random } of abandoned.get(id) ?? []) {
    try {
      yield* whileBusy(write, () => call.unlink(join(directory, entry)));
      write.surroundings.locks.delete(random);
    } catch {
      // Taken over, moved, or not removable: it stays given up, so that whoever of this thread comes upon it takes it over.
    }
    yield* afterFailure(call.rmdir(directory));
  }
  abandoned.delete(id);
}
