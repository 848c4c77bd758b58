/**
 * Transactions of this process that are committed and could not be completed: nobody works on them any more, but their
 * locks are there.
 */
import type { Steps } from '../system/port.ts';
import { closeDirectory } from '../files/directory.ts';
import type { Write } from '../files/operation.ts';
import { afterFailure } from '../files/tolerate.ts';
import { freeLeft, leaveLock, type LeftLock } from '../lock/left.ts';
import type { Lock } from '../lock/lock.ts';
import { letGoOf } from '../lock/rights.ts';

/** Their locks, by the transaction. */
export class Abandoned extends Map<string, readonly LeftLock[]> {}

/**
 * Leaves a lock to be taken over: by others of this thread at once, by those of other processes when this one has
 * ended.
 */
export function giveUpLock(write: Write, { home, ticket, guards, stopShowingLife }: Lock): LeftLock {
  stopShowingLife();
  letGoOf(write, home);
  letGoOf(write, ticket.entry);
  closeDirectory(write, home.place.directory);
  return leaveLock(write, home, { ...ticket, guards });
}

/**
 * When one has been completed after all: frees those of its locks that nobody has taken over. What cannot be removed
 * stays given up, so that whoever of this thread comes upon it takes it over.
 */
export function* freeAbandoned(write: Write, id: string): Steps<void> {
  const abandoned = write.surroundings.state.of(Abandoned);
  for (const left of abandoned.get(id) ?? []) yield* afterFailure(freeLeft(write, left));
  abandoned.delete(id);
}
