/** Locks that this process holds no more, and could not remove: nothing of them is open. */
import type { PathName } from '../contract/index.ts';
import type { LockOwner, Guard, Steps } from '../system/index.ts';
import { type Operation, inFound, lookIn, rmdirIn, afterFailure } from '../files/index.ts';
import { removeEntry } from './entry.ts';
import type { LockHome } from './home.ts';
import { heldName } from './name.ts';

export interface LeftLock extends Pick<LockHome, 'target' | 'name'> {
  readonly ticket: { readonly token: string; readonly owner: LockOwner; readonly guards: readonly Guard[] };
}

/** Leaves a lock to be taken over by others of this thread. */
export function leaveLock(operation: Operation, { target, name }: LockHome, ticket: LeftLock['ticket']): LeftLock {
  operation.environment.locks.set(ticket.owner.random, 'given up');
  return { target, name, ticket };
}

/**
 * Frees a lock that nobody has taken over, for which others would wait as long as this process lives. False if it does
 * not exist: it was taken over or moved, or its filesystem is not mounted now.
 */
export function* freeLeft(
  operation: Operation,
  { target: { directoryPath }, name, ticket: { token, owner, guards } }: LeftLock,
  at: readonly PathName[] = [heldName],
): Steps<boolean> {
  const folder = { directory: { accessPath: directoryPath }, directoryPath };
  const freed = yield* inFound(operation, folder, name, function* (home) {
    for (const one of at) {
      const isThere = yield* inFound(operation, home, one, function* (held) {
        if ((yield* lookIn(held, token)) === undefined) return one !== heldName;
        yield* removeEntry(operation, held, token);
        return true;
      });
      if (isThere !== true) continue;
      yield* afterFailure(rmdirIn(operation, home, one));
      return true;
    }
    return false;
  });
  if (freed !== true) return false;
  operation.environment.locks.delete(owner.random);
  for (const guard of guards) guard.release();
  yield* afterFailure(rmdirIn(operation, folder, name));
  return true;
}
