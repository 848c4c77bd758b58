/**
 * Making the changes of a committed transaction.
 *
 * Promise: each change can be made again and again, by its owner or after a crash, and is made once. A staged file
 * keeps its name until the target has been synced: the target becomes a further link to it. (In a power cut a
 * filesystem without a journal of its own may lose both names of a file that is being renamed.) Only the file that was
 * there at the commit is replaced or removed. A file that somebody put there since stays, as if it had been written
 * after the transaction. The answers of the system are checked: whether the change was made, and whether a staged file
 * that is gone is in place.
 */
import { codeOf, refusal, join, type PathName } from '../contract/index.ts';
import { O_NOFOLLOW, O_RDONLY, uninterrupted, call, type FileStatus, type Steps } from '../system/index.ts';
import {
  whileBusy,
  type OpenFolder,
  lookAt,
  lookUntil,
  type Waiting,
  type Operation,
  isSameInode,
  lookIn,
  unlinkIn,
  versionOfFile,
  afterFailure,
  unlinkIfThere,
} from '../files/index.ts';
import { furtherName, isSameFile, type Change, type Identity, type Put, type Removal } from './format.ts';

/** A directory of a transaction. */
export interface Part extends OpenFolder {
  /** Whether its inode numbers can be compared with the recorded ones. */
  readonly numbered: boolean;
}

/**
 * The result of a change. Made: the change is made. Superseded: newer content came first. Missing: the staged file is
 * gone, and the previous content is still there. Unknown: the staged file is gone, and the filesystem cannot tell
 * whether it is the target.
 */
export type Made = 'made' | 'superseded' | 'missing' | 'unknown';

/** The path of the file of a change. */
export function pathOf(folders: readonly Pick<OpenFolder, 'directoryPath'>[], { directory, name }: Change): PathName {
  return join((folders[directory] as OpenFolder).directoryPath, name);
}

/** Fails if new content is gone and not in place. */
export function assertMade(made: readonly Made[]): void {
  if (made.some((one) => one === 'missing' || one === 'unknown'))
    throw refusal('ERR_UNTORN_MISSING', 'a file that it staged is gone');
}

/**
 * Makes all changes at once: readers see old beside new for as short as possible, and no write of this process comes
 * between. Where a filesystem reports a wrong state for a while, others continue meanwhile.
 */
export function* makeAll(
  operation: Operation,
  id: string,
  parts: readonly Part[],
  changes: readonly Change[],
): Steps<Made[]> {
  const isOwn = parts.every(({ directory }) => directory.own);
  return yield* isOwn
    ? uninterrupted(makeEach(operation, id, parts, changes))
    : makeEach(operation, id, parts, changes);
}

function* makeEach(
  operation: Operation,
  id: string,
  parts: readonly Part[],
  changes: readonly Change[],
): Steps<Made[]> {
  const made: Made[] = [];
  const waiting: Waiting = {};
  for (const change of changes) {
    const part = parts[change.directory] as Part;
    if (!part.directory.own) yield* lookRightly(part, change, waiting);
    // The staged file is the last copy if its further name is gone.
    if (change.kind === 'put') made.push(yield* uninterrupted(put(operation, id, part, change, waiting)));
    else if (isLost(made[changes.findIndex((one) => isLinkTo(parts, one, change))])) made.push('missing');
    else made.push(yield* uninterrupted(remove(operation, part, change, waiting)));
  }
  return made;
}

function isLost(made: Made | undefined): boolean {
  return made === 'missing' || made === 'unknown';
}

/** Whether a change gives another name to the file that loses one: it is a rename, or a backup. */
function isLinkTo(parts: readonly Part[], change: Change, { directory, was }: Removal): boolean {
  const device = (index: number): bigint | undefined => parts[index]?.directory.status.dev;
  return change.kind === 'put' && change.is.ino === was.ino && device(change.directory) === device(directory);
}

function* lookRightly(part: Part, change: Change, waiting: Waiting): Steps<FileStatus | undefined> {
  const { directory } = part;
  const known = change.kind === 'put' ? [change.over, change.is] : [change.was];
  return yield* lookUntil(
    { accessPath: join(directory.accessPath, change.name), directory },
    waiting,
    (found) => found?.ino !== known[0]?.ino || known.some((one) => isSameFile(found, one, part)),
  );
}

function* remove(operation: Operation, part: Part, change: Removal, waiting: Waiting): Steps<Made> {
  const { name, was } = change;
  const now = yield* lookRightly(part, change, waiting);
  if (now === undefined) return 'made';
  if (!isSameFile(now, was, part)) return 'superseded';
  yield* unlinkIn(operation, part, name);
  if (isSameInode(yield* lookIn(part, name), now))
    throw refusal('EIO', 'the filesystem reported success, but it was not removed');
  return 'made';
}

/** How often somebody else may come between. */
const patience = 100;

function* put(operation: Operation, id: string, part: Part, change: Put, waiting: Waiting): Steps<Made> {
  const { directory } = part;
  const target = join(directory.accessPath, change.name);
  const source = join(directory.accessPath, change.staged);
  for (let tries = 1; ; tries++) {
    const staged = yield* lookAt({ accessPath: source });
    const now = yield* lookRightly(part, change, waiting);
    if (staged === undefined || !isStaged(staged, change, part)) return whatBecame(now, change, part);
    if (isSameInode(now, staged)) return 'made';
    if (!isSameFile(now, change.over, part)) {
      if (yield* isLike(now, staged, target, source)) return 'made';
      // Somebody may have made the change meanwhile, and cleaned up.
      return (yield* lookAt({ accessPath: source })) === undefined ? whatBecame(now, change, part) : 'superseded';
    }
    try {
      yield* putIntoPlace(operation, source, join(directory.accessPath, furtherName(change.staged, id)), target);
    } catch (error) {
      // Another process may have made the same change faster, or only this step; or an error was reported for a step
      // that took place.
      const code = codeOf(error) ?? '';
      if (isSameInode(yield* lookAt({ accessPath: target }), staged)) return 'made';
      if (!['ENOENT', 'EEXIST'].includes(code) || tries === patience) throw error;
      continue;
    }
    return yield* confirm(now, staged, target, source);
  }
}

/**
 * Whether it is the staged file: where others can rename files, another file may have its name. A linked file may
 * change.
 */
function isStaged(found: FileStatus, { is }: Put, part: Part): boolean {
  return part.numbered ? found.ino === is.ino : isSameFile(found, is, part);
}

/** The result of a change whose staged file is gone: before the target is durable only others remove it. */
function whatBecame(now: FileStatus | undefined, { is, over }: Put, part: Part): Made {
  const isOld = isSameFile(now, over, part);
  if (!isSameFile(now, is, part)) return isOld || now === undefined ? 'missing' : 'superseded';
  return isOld ? 'unknown' : 'made';
}

/** Checks that a rename took place. On a filesystem whose inode numbers follow the names the content decides. */
function* confirm(before: FileStatus | undefined, staged: FileStatus, target: PathName, source: PathName): Steps<Made> {
  const now = yield* lookAt({ accessPath: target });
  if (isSameInode(now, staged)) return 'made';
  // Without hard links the staged file has the target's name now, and no other.
  const isGone = (yield* lookAt({ accessPath: source })) === undefined;
  if (isGone && now?.size === staged.size && now.mtimeNs === staged.mtimeNs) return 'made';
  if (yield* isLike(now, staged, target, source)) return 'made';
  const isAsBefore =
    now === undefined || (isSameInode(now, before) && now.size === before?.size && now.mtimeNs === before.mtimeNs);
  if (isAsBefore) throw refusal('EIO', 'the filesystem reported success, but it was not replaced');
  return 'superseded';
}

/** Whether a file has the size, time and content of a staged one, as far as that still exists. */
function* isLike(now: FileStatus | undefined, staged: FileStatus, target: PathName, source: PathName): Steps<boolean> {
  if (now === undefined || now.size !== staged.size || now.mtimeNs !== staged.mtimeNs) return false;
  try {
    return (yield* contentOf(target)) === (yield* contentOf(source));
  } catch {
    return false; // No answer is possible for links, files that may not be read, and files that are gone by now.
  }
}

function* contentOf(accessPath: PathName): Steps<string> {
  const fd = yield* call.open(accessPath, O_RDONLY | O_NOFOLLOW, 0);
  try {
    return yield* versionOfFile(fd);
  } finally {
    yield* call.close(fd);
  }
}

function* putIntoPlace(operation: Operation, staged: PathName, further: PathName, target: PathName): Steps<void> {
  yield* unlinkIfThere(further);
  const from = (yield* linked(staged, further)) ? further : staged;
  yield* whileBusy(operation, () => call.rename(from, target));
}

/** Without hard links (FAT) the staged file itself is renamed. */
function* linked(from: PathName, to: PathName): Steps<boolean> {
  try {
    yield* call.link(from, to);
    return true;
  } catch (error) {
    if (['ENOENT', 'EEXIST'].includes(codeOf(error) ?? '')) throw error;
    // An error may be reported for a change that took place.
    yield* afterFailure(call.unlink(to));
    return false;
  }
}

/** The content of a file of a transaction that could not be completed. */
export type Holds = 'old' | 'new' | 'unknown';

/** Examines how far a change has come. */
export function* whatItHolds(part: Part, change: Change): Steps<Holds> {
  try {
    const now = yield* lookAt({ accessPath: join(part.directory.accessPath, change.name) });
    const [old, fresh]: (Identity | undefined)[] =
      change.kind === 'put' ? [change.over, change.is] : [change.was, undefined];
    if (isSameFile(now, old, part)) return 'old';
    return isSameFile(now, fresh, part) ? 'new' : 'unknown';
  } catch {
    return 'unknown';
  }
}

/**
 * When all changes are made and synced: removes the staged files, so that another process that works on the transaction
 * cannot put them into place any more.
 */
export function* clearStaged(
  operation: Operation,
  id: string,
  parts: readonly (OpenFolder | undefined)[],
  changes: readonly Change[],
): Steps<void> {
  for (const change of changes) {
    const part = parts[change.directory];
    if (change.kind !== 'put' || part === undefined) continue;
    for (const name of [change.staged, furtherName(change.staged, id)]) yield* unlinkIn(operation, part, name);
  }
}
