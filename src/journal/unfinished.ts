/**
 * Transactions of this process that are committed and could not be completed: nobody works on them any more, but their
 * locks remain.
 */
import type { Steps } from '../system/index.ts';
import { closeDirectory, type Operation, afterFailure } from '../files/index.ts';
import { freeLeft, leaveLock, type LeftLock, type Lock, letGoOf } from '../lock/index.ts';

/** Their locks, by the transaction. */
export class Abandoned extends Map<string, readonly LeftLock[]> {}

/** Leaves a lock to be taken over: by others of this thread at once, by other processes when this one has ended. */
export function giveUpLock(operation: Operation, { home, ticket, guards, stopShowingLife }: Lock): LeftLock {
  stopShowingLife();
  letGoOf(operation, home);
  letGoOf(operation, ticket.entry);
  closeDirectory(operation, home.target.directory);
  return leaveLock(operation, home, { ...ticket, guards });
}

/**
 * After a transaction has been completed after all: frees those of its locks that nobody has taken over. A lock that
 * cannot be removed stays abandoned, so that the next call of this thread takes it over.
 */
export function* freeAbandoned(operation: Operation, id: string): Steps<void> {
  const abandoned = operation.environment.state.of(Abandoned);
  for (const left of abandoned.get(id) ?? []) yield* afterFailure(freeLeft(operation, left));
  abandoned.delete(id);
}
