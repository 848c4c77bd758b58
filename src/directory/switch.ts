/**
 * The switch: the moment when a new directory takes the place of an old one, and whether it took place. See `swap.ts`.
 */
import { codeOf, refusal, asText, join, type PathName } from '../contract/index.ts';
import { now, fileType, call, type FileStatus, type Steps } from '../system/index.ts';
import {
  syncLinks,
  lookAt,
  type LockedOperation,
  isSameInode,
  lookIn,
  newName,
  stagingFolder,
  ifThere,
  afterFailure,
} from '../files/index.ts';
import { lockLost, assertHeld, type Lock } from '../lock/index.ts';
import { isAnother, type New, type Spot } from './new-directory.ts';
import { type Old } from './old-directory.ts';

/**
 * Performs the switch. Looks right before and right after it check that the directory in place is the one that was
 * made.
 */
export function* switchTo(
  operation: LockedOperation,
  place: Spot,
  lock: Lock,
  old: Old,
  made: New,
  version: PathName,
  link: PathName | undefined,
  atEnd: New['atEnd'],
): Steps<void> {
  yield* assertHeld(lock);
  if (!isSameInode(yield* lookIn(place, version), made.status)) throw isAnother(join(place.directoryPath, version));
  yield* putInPlace(operation, place, old, version, link, made.status);
  const { atEnd: goBack } = made;
  operation.outcome = 'new';
  made.atEnd = atEnd;
  if (old.kind === 'directory' ? yield* isExchanged(place, lock, made) : yield* leadsToNew(place, lock, made, version))
    return;
  if (!(yield* isStillOld(place, old))) {
    operation.outcome = 'unknown';
    throw isAnother(join(place.directoryPath, version));
  }
  operation.outcome = 'old';
  made.atEnd = goBack;
  throw refusal('EIO', 'the filesystem reported success, but it was not replaced');
}

/** Whether another process has the lock by now. */
function* isLost(lock: Lock): Steps<boolean> {
  try {
    yield* assertHeld(lock);
    return false;
  } catch (error) {
    return codeOf(error) === 'ERR_LOCK_LOST';
  }
}

function* isStillOld(place: Spot, old: Old): Steps<boolean> {
  // By its text: behind FUSE the kernel takes a link for the new one that the program has not put in place.
  if (old.kind === 'link') return (yield* textOf(place)) === asText(old.leadsTo);
  const now = yield* lookIn(place, place.name);
  return old.kind === 'none' ? now === undefined : isSameInode(now, old.status);
}

/** Whether the new directory is at the path; or was, and a later holder of the lock has replaced it. */
function* isExchanged(place: Spot, lock: Lock, made: New): Steps<boolean> {
  return isSameInode(yield* lookIn(place, place.name), made.status) || (yield* isLost(lock));
}

/** Whether the link leads to the new directory; or did, and a later holder of the lock has replaced it. */
function* leadsToNew(place: Spot, lock: Lock, made: New, version: PathName): Steps<boolean> {
  const deadline = now() + patience;
  for (;;) {
    const text = yield* textOf(place);
    if (text === asText(version) && isSameInode(yield* lookIn(place, version), made.status)) return true;
    if (yield* isLost(lock)) return true;
    // A network may show a change late.
    if (text === asText(version) || place.directory.own || now() >= deadline) return false;
    yield* call.sleep(pause);
  }
}

/** How long to look for a new link, and the time between two looks, in milliseconds. */
const [patience, pause] = [2000, 10];

/** The text of the link at the path, if there is one. */
function* textOf(place: Spot): Steps<string | undefined> {
  const link = yield* lookIn(place, place.name);
  return link !== undefined && fileType(link.mode) === 'link'
    ? asText(yield* call.readlink(place.accessPath))
    : undefined;
}

/**
 * Puts the directory in place. A network filesystem may report an error for a change that took place; it counts as
 * done.
 */
function* putInPlace(
  operation: LockedOperation,
  place: Spot,
  old: Old,
  version: PathName,
  link: PathName | undefined,
  made: FileStatus,
): Steps<void> {
  const { directory, accessPath } = place;
  try {
    // Anything that somebody has put there meanwhile is not replaced.
    if (old.kind === 'none') yield* call.symlink(version, accessPath);
    else if (old.kind === 'directory') yield* exchange(join(directory.accessPath, version), accessPath);
    else if (link !== undefined) yield* relink(link, accessPath);
  } catch (error) {
    if (!(yield* isInPlace(operation, accessPath, made))) throw error;
  }
}

function* exchange(one: PathName, other: PathName): Steps<void> {
  try {
    yield* call.exchange(one, other);
  } catch (error) {
    const code = codeOf(error) ?? '';
    throw ['ENOSYS', 'EINVAL', 'ENOTSUP', 'EOPNOTSUPP'].includes(code) ? cannotExchange(code, error) : error;
  }
}

function cannotExchange(code: string, cause: unknown): Error {
  const why =
    code === 'ENOSYS' ? 'which needs the native part of this package' : `which this filesystem does not have (${code})`;
  return Object.assign(
    refusal(
      'ENOTSUP',
      `two directories can be swapped only by renameat2(2), ${why}. Make the path a symbolic link to the directory instead (mv NAME NAME.1 && ln -s NAME.1 NAME)`,
    ),
    { cause },
  );
}

function* isInPlace(operation: LockedOperation, accessPath: PathName, { ino, dev }: FileStatus): Steps<boolean> {
  try {
    const now = yield* ifThere(call.stat(accessPath));
    return now?.ino === ino && now.dev === dev;
  } catch {
    // The error of the switch is the one to report; but nobody knows what is there.
    operation.outcome = 'unknown';
    return false;
  }
}

/**
 * Makes the link that is to be renamed over the old one, and makes it durable: the path never leads to a link that is
 * not.
 */
export function* withLink(
  operation: LockedOperation,
  { directory, directoryPath, name }: Spot,
  old: Old,
  version: PathName,
  steps: (link: PathName | undefined) => Steps<void>,
): Steps<void> {
  if (old.kind !== 'link') return yield* steps(undefined);
  const chosen = newName(operation, name, 'temporary');
  const folder = stagingFolder(operation, { directory, directoryPath });
  const link = join(folder.way ?? folder.directory.accessPath, chosen);
  const guard = operation.environment.guard('file', link, join(folder.directoryPath, chosen));
  try {
    yield* call.symlink(version, join(folder.directory.accessPath, chosen));
    guard.opened();
    yield* syncLinks(operation, directory);
    yield* steps(link);
  } catch (error) {
    yield* afterFailure(call.unlink(link));
    throw error;
  } finally {
    guard.release();
  }
}

function* relink(link: PathName, accessPath: PathName): Steps<void> {
  try {
    yield* call.rename(link, accessPath);
  } catch (error) {
    // Whoever takes over a lock takes its contents along.
    const isLost = codeOf(error) === 'ENOENT' && (yield* lookAt({ accessPath: link })) === undefined;
    throw isLost ? lockLost(error) : error;
  }
}
