/**
 * Transactions of this process that are committed and could not be completed: nobody works on them any more, but their
 * locks are there.
 */
import type { PathName } from '../contract/path-name.ts';
import { call, type Steps } from '../system/port.ts';
import { closeDirectory } from '../files/directory.ts';
import type { Write } from '../files/operation.ts';
import { lookIn, rmdirIn } from '../files/owned.ts';
import { afterFailure } from '../files/tolerate.ts';
import { removeEntry } from '../lock/entry.ts';
import type { Lock } from '../lock/lock.ts';
import { heldName } from '../lock/name.ts';
import { letGoOf } from '../lock/rights.ts';
import { folderIn } from '../lock/ticket.ts';

/** A lock's directory, by its path, and the name of its entry and its random part. */
interface LeftLock {
  readonly directory: PathName;
  readonly entry: PathName;
  readonly random: string;
}

/** Their locks, by the transaction. */
export class Abandoned extends Map<string, readonly LeftLock[]> {}

/**
 * Leaves a lock to be taken over: by others of this thread at once, by those of other processes when this one has
 * ended.
 */
export function giveUpLock(write: Write, { home, ticket, owner: { random }, stopShowingLife }: Lock): LeftLock {
  stopShowingLife();
  write.surroundings.locks.set(random, 'given up');
  letGoOf(write, home);
  letGoOf(write, ticket.entry);
  closeDirectory(write, home.place.directory);
  return { directory: home.directoryPath, entry: ticket.token, random };
}

/**
 * When one has been completed after all: frees those of its locks that nobody has taken over, for which others would
 * wait as long as this process lives.
 */
export function* freeAbandoned(write: Write, id: string): Steps<void> {
  const abandoned = write.surroundings.state.of(Abandoned);
  for (const { directory, entry, random } of abandoned.get(id) ?? []) {
    const home = { directory: { reach: directory }, directoryPath: directory };
    const folder = folderIn(home, heldName);
    try {
      // Taken over, moved, or not removable: it stays given up, so that whoever of this thread comes upon it takes it
      // over.
      if ((yield* lookIn(folder, entry)) === undefined) continue;
      yield* removeEntry(write, folder, entry);
      write.surroundings.locks.delete(random);
    } catch {
      continue;
    }
    yield* afterFailure(rmdirIn(write, home, heldName));
    yield* afterFailure(call.rmdir(directory));
  }
  abandoned.delete(id);
}
