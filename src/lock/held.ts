/** A lock that is held, and its release. */
import { join, type PathName } from '../contract/index.ts';
import { call, type Guard, type LockOwner, type Steps } from '../system/index.ts';
import {
  afterFailure,
  closeDirectory,
  type Folder,
  inFound,
  lookAt,
  type Operation,
  rmdirIn,
  twice,
  unlinkIn,
} from '../files/index.ts';
import { releaseAtOnce } from './at-once.ts';
import { removeEntry } from './entry.ts';
import { lockLost } from './errors.ts';
import { leaveHome, letGoOfHome, type LockHome } from './home.ts';
import { freeLeft, leaveLock } from './left.ts';
import { heldName, noteName } from './name.ts';
import { noteReleased } from './retake.ts';
import { letGoOf } from './rights.ts';
import { folderIn, type Ticket } from './ticket.ts';

/** A lock that was taken. */
export interface Lock {
  readonly home: LockHome;
  /** Its entry, by the whole path from the target's directory. */
  readonly entry: PathName;
  /** The folder for files that are to be renamed to the target. */
  readonly folder: Folder;
  readonly ticket: Ticket;
  readonly owner: LockOwner;
  readonly guards: readonly Guard[];
  stopShowingLife(): void;
}

/** The lock of a ticket that is held by now; its entry shows signs of life. */
export function hold(operation: Operation, home: LockHome, ticket: Ticket): Lock {
  const entry = join(join(home.way, heldName), ticket.token);
  const directoryPath = join(join(home.directoryPath, heldName), ticket.token);
  const { fd } = ticket.entry;
  const accessPath = fd === undefined ? entry : operation.environment.accessPath(fd, entry);
  const folder = { directory: { accessPath }, directoryPath, way: entry };
  const { owner } = ticket;
  const stop = operation.blocking ? (): void => undefined : operation.environment.showLife(entry, owner.lease / 4);
  return { home, entry, folder, ticket, owner, guards: [...ticket.guards, home.guard], stopShowingLife: stop };
}

/** Fails if a lock has been taken over: called before a step that nothing else keeps a late holder from. */
export function* assertHeld(lock: Lock): Steps<void> {
  if ((yield* lookAt({ accessPath: lock.entry, directory: lock.home.target.directory })) === undefined)
    throw lockLost();
}

/** Releases the lock. A lock that was lost meanwhile is another's, and is left alone. */
export function* releaseLock(operation: Operation, lock: Lock): Steps<void> {
  const { home, ticket, owner } = lock;
  const { locks } = operation.environment;
  lock.stopShowingLife();
  const held = folderIn(home, heldName);
  try {
    if (ticket.hasNote) yield* afterFailure(removeNote(operation, held, ticket));
    const left = yield* releaseAtOnce(home, ticket);
    // Twice, since others would have to wait for the end of this process.
    if (left === 'all' && !(yield* afterFailure(removeEntry(operation, held, ticket.token))))
      yield* removeEntry(operation, held, ticket.token);
    locks.delete(owner.random);
    noteReleased(operation, home.target);
    // If somebody else has taken it already it is not empty.
    if (left === 'all' || left === 'held') yield* twice(() => rmdirIn(operation, home, heldName));
    for (const guard of ticket.guards) guard.release();
    if (left !== 'nothing') yield* leaveHome(operation, home);
    else letGoOfHome(operation, home);
  } catch (error) {
    // Other calls of this thread may take it over. Other processes can when this one has ended, or has removed it after
    // all. A note says what is to be resolved before.
    const left = leaveLock(operation, home, { token: ticket.token, owner, guards: lock.guards });
    if (!ticket.hasNote) operation.environment.insist(() => freeLeft(operation, left));
    letGoOf(operation, home);
    throw error;
  } finally {
    letGoOf(operation, ticket.entry);
    closeDirectory(operation, home.target.directory);
  }
}

function* removeNote(operation: Operation, held: Folder, { token, entry }: Ticket): Steps<void> {
  // Where others could exchange the entry it is opened, so that no link leads to another file of that name.
  if (entry.fd === undefined) yield* call.unlink(join(join(held.directory.accessPath, token), noteName));
  else yield* inFound(operation, held, token, (opened) => unlinkIn(operation, opened, noteName));
}
