/**
 * A ticket: a directory with an entry in it, ready to become the one that is held.
 *
 * Promise: at most one ticket at a time is the directory `held` of a lock. rename(2) replaces an empty directory or
 * creates the name, and never replaces a directory with an entry. On a filesystem that does otherwise, the second
 * holder sees that it is not alone.
 */
import { codeOf, refusal, asText, display, join, type PathName } from '../contract/index.ts';
import { O_NEW, parseLockToken, call, type Guard, type Steps } from '../system/index.ts';
import { writeAll, type Folder, type Operation, namesIn, rmdirIn, afterFailure } from '../files/index.ts';
import { removeEntry } from './entry.ts';
import { lockUnsupported } from './errors.ts';
import type { LockHome } from './home.ts';
import { heldName, noteName, type TicketName } from './name.ts';
import { freeLeft, leaveLock } from './left.ts';
import { letGoOf, makeOpen, type LockDirectory } from './rights.ts';

export interface Ticket extends TicketName {
  /** The folder in which its owner creates files. */
  readonly entry: LockDirectory;
  readonly guards: readonly Guard[];
  readonly hasNote: boolean;
}

/** Makes a ticket; undefined if the lock's directory has been removed. */
export function* drawTicket(
  operation: Operation,
  home: LockHome,
  named: TicketName,
  note?: Uint8Array,
): Steps<Ticket | undefined> {
  const { name, token } = named;
  const guards = guardsOf(operation, home, named);
  const [inner, outer] = guards;
  let entry: LockDirectory | undefined;
  function* make(folder: Folder, made: string, guarded: Guard): Steps<LockDirectory> {
    const directory = yield* makeOpen(operation, folder, made, home.parent);
    if (directory === undefined) throw refusal('ENOENT', `somebody removed "${made}", which was just made`);
    guarded.opened();
    return directory;
  }
  try {
    const directory = yield* make(home, name, outer);
    try {
      entry = yield* make(directory, token, inner);
    } finally {
      letGoOf(operation, directory);
    }
    if (note !== undefined) yield* writeNote(operation, entry, note);
    return { ...named, entry, guards, hasNote: note !== undefined };
  } catch (error) {
    yield* dismantle(operation, home, [name], { ...named, entry, guards });
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** What removes a ticket's entry and the ticket if the process ends, under the names that they may have then. */
export function guardsOf(
  { environment: { guard } }: Operation,
  { directory, directoryPath }: Folder,
  { name, token }: TicketName,
): [inner: Guard, outer: Guard] {
  // Its rename may be under way.
  const places = [name, heldName].flatMap((one) => [join(directory.accessPath, one), join(directoryPath, one)]);
  const outer = guard('directory', ...places);
  return [guard('lock entry', ...places.map((one) => join(one, token))), outer];
}

function* writeNote(operation: Operation, entry: Folder, note: Uint8Array): Steps<void> {
  const accessPath = join(entry.directory.accessPath, noteName);
  const fd = yield* call.open(accessPath, O_NEW, 0o644);
  try {
    yield* writeAll(operation, fd, note);
  } finally {
    yield* call.close(fd);
  }
}

/**
 * Removes a ticket that was made, under each name that it may have. What cannot be removed now is removed as soon as
 * possible.
 */
export function* dismantle(
  operation: Operation,
  home: LockHome,
  names: readonly PathName[],
  {
    token,
    owner,
    entry,
    guards,
  }: Pick<Ticket, 'token' | 'owner' | 'guards'> & { readonly entry: LockDirectory | undefined },
): Steps<void> {
  let isGone = true;
  for (const name of names) {
    const emptied = yield* afterFailure(removeEntry(operation, folderIn(home, name), token));
    // If it was held, somebody else may hold the lock by now: then it is not empty, and that is not a failure.
    let isRemoved = false;
    const isRight = yield* afterFailure(
      (function* () {
        isRemoved = yield* rmdirIn(operation, home, name);
      })(),
    );
    isGone &&= isRight && (emptied || isRemoved);
  }
  if (isGone) for (const guard of guards) guard.release();
  else {
    const left = leaveLock(operation, home, { token, owner, guards });
    operation.environment.insist(() => freeLeft(operation, left, names));
  }
  if (entry !== undefined) letGoOf(operation, entry);
}

/** A name in a folder, as a folder of its own. */
export function folderIn({ directory, directoryPath }: Folder, name: PathName): Folder {
  return { directory: { accessPath: join(directory.accessPath, name) }, directoryPath: join(directoryPath, name) };
}

/** The state of a ticket after a try: it is held; another is held; or it is gone. */
export type Moved = 'there' | 'held' | 'gone';

const isHeld = new Set(['ENOTEMPTY', 'EEXIST']);
/**
 * How often a rename is repeated that found nothing in its way, or only an empty directory: the last holder has just
 * released the lock.
 */
const attempts = 10;

/** Tries to make a ticket the one that is held. */
export function* present(operation: Operation, home: LockHome, ticket: Ticket): Steps<Moved> {
  for (let attempt = 0; ; attempt++) {
    try {
      yield* call.rename(join(home.directory.accessPath, ticket.name), join(home.directory.accessPath, heldName));
      return 'there';
    } catch (error) {
      if (isHeld.has(codeOf(error) ?? '')) return 'held';
      // Each filesystem has its own error for a held directory, and a network filesystem may report one for a rename
      // that took place.
      const found = yield* entriesOf(home);
      if (isIn(found, ticket.token)) return 'there';
      if (found !== undefined && found.length > 0) return 'held';
      if (codeOf(error) === 'ENOENT') return 'gone';
      if (codeOf(error) === 'EXDEV') throw lockUnsupported('a directory cannot be renamed within its directory');
      // Windows, and some servers, never replace a directory, empty or not.
      if (attempt === attempts) throw error;
      if (found !== undefined) yield* afterFailure(rmdirIn(operation, home, heldName));
    }
  }
}

/** Checks that a ticket that was moved is the one that is held, and alone. */
export function* isAlone(home: LockHome, { token }: Ticket): Steps<boolean> {
  const found = yield* entriesOf({ directory: { accessPath: home.way } });
  // It was removed meanwhile, or the whole lock was moved away.
  if (found === undefined || !isIn(found, token)) return false;
  const other = found.find((name) => asText(name) !== token);
  if (other === undefined) return true;
  const isOwner = parseLockToken(asText(other)) !== undefined;
  throw lockUnsupported(isOwner ? 'two processes got one lock' : `"${display(other)}" appeared in it`);
}

function isIn(names: readonly PathName[] | undefined, token: string): boolean {
  return names?.some((name) => asText(name) === token) === true;
}

/** The names of the holders' entries; undefined if there is no such directory. */
export function* entriesOf({ directory }: Pick<Folder, 'directory'>): Steps<PathName[] | undefined> {
  try {
    return yield* namesIn({ directory: { accessPath: join(directory.accessPath, heldName) } });
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
