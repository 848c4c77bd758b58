/**
 * A whole directory in the place of another, at once.
 *
 * Promise: at every moment, and after a crash at any, the path leads to the whole old directory or to the whole new
 * one. The new one is filled in an enclosure (`untorn-d`), which a sweep removes, synced with all that is in it, and
 * named as a version (`untorn-v`), which nothing removes unasked. Then one call puts it in place: a new symbolic link
 * is renamed over the old one, or, where the path is a real directory, both exchange their names. The old version is
 * removed only when that is durable, in an enclosure again. An end of the process at any moment but the naming and the
 * switch, which nothing interrupts, goes back or removes what is over.
 *
 * The moment is under the path's lock. A holder that comes back late finds its link gone, as a late update its
 * temporary file. Not kept: what readers that are in the old directory have not opened yet, unless the old one is kept.
 */
import { codeOf, refusal } from '../contract/errors.ts';
import { asText, join, split, type PathName } from '../contract/path-name.ts';
import { now } from '../system/clock.ts';
import { fileType } from '../system/flags.ts';
import { atOnce, call, nothing, type FileStatus, type Steps } from '../system/port.ts';
import { closeDirectory, openDirectory, syncDirectory, syncLinks } from '../files/directory.ts';
import { lookAt } from '../files/look.ts';
import { reporting, throwIfAborted, type LockedWrite } from '../files/operation.ts';
import { isSameInode, lookIn } from '../files/owned.ts';
import { refuseTooLong } from '../files/target.ts';
import { newName, stagingFolder } from '../files/temporary.ts';
import { ifThere, afterFailure } from '../files/tolerate.ts';
import { syncTree } from '../files/tree.ts';
import { lockLost } from '../lock/errors.ts';
import { assertHeld, type Lock } from '../lock/lock.ts';
import { underLock } from '../journal/under-lock.ts';
import {
  create,
  discardNew,
  isAnother,
  nameVersion,
  prepared,
  putBack,
  syncVersion,
  versionName,
  type New,
  type Spot,
} from './new-directory.ts';
import { removeOld, rightsOf, statusOf, whereIs, type Old } from './old-directory.ts';

/**
 * What goes into the place: a directory that is there, or one that the caller fills; an error of the caller's own is
 * passed on.
 */
export type TreeSource =
  { readonly path: PathName } | { readonly fill: (directory: PathName) => Steps<{ error: unknown } | object> };

export interface ReplacedDirectory {
  readonly path: PathName;
  /** Where the new directory is: the path itself, or what the link there leads to. */
  readonly directory: PathName;
  readonly replaced: boolean;
  readonly durable: boolean | 'unsupported';
  /** Where the old directory is, if it is still there. */
  readonly oldPath: PathName | undefined;
}

/** How it ended. An error of the caller's own is passed on as it is. */
export type Outcome = { readonly result: ReplacedDirectory } | { readonly error: unknown };

export function* replaceTree(write: LockedWrite, source: TreeSource, keepOld: boolean): Steps<Outcome> {
  return yield* reporting(
    write,
    inFolder(write, function* (place) {
      throwIfAborted(write);
      const old = yield* look(place);
      const made =
        'path' in source
          ? yield* prepared(write, source.path, statusOf(old))
          : yield* create(write, place, rightsOf(write, place, old));
      try {
        if ('fill' in source) {
          write.step = 'update';
          const filled = yield* source.fill(made.path);
          if ('error' in filled) {
            yield* discardNew(write, made);
            return filled;
          }
        }
        write.step = 'sync';
        const synced =
          write.settings.durability === 'off'
            ? false
            : yield* syncTree(write, join(made.folder.directory.reach, made.name), place.directory);
        throwIfAborted(write);
        write.locking.deadline = now() + write.settings.lock.timeout;
        return { result: yield* underLock(write, place, (lock) => swap(write, place, lock, made, synced, keepOld)) };
      } catch (error) {
        if (write.outcome === 'old') yield* discardNew(write, made);
        throw error;
      } finally {
        yield* made.leave(write);
      }
    }),
  );
}

function* inFolder<T>(write: LockedWrite, steps: (place: Spot) => Steps<T>): Steps<T> {
  refuseTooLong(write, write.path);
  const { directory: directoryPath, name } = split(write.path);
  if (['', '.', '..'].includes(asText(name))) throw refusal('EINVAL', 'the path must end with a name');
  const directory = yield* openDirectory(write, directoryPath);
  try {
    return yield* steps({ directory, directoryPath, name, reach: join(directory.reach, name) });
  } finally {
    closeDirectory(write, directory);
  }
}

function* look(place: Spot): Steps<Old> {
  const status = yield* lookAt(place);
  if (status === undefined) return { kind: 'none' };
  const type = fileType(status.mode);
  if (type === 'directory') return { kind: 'directory', status };
  if (type !== 'link') throw refusal('ENOTDIR', 'it is not a directory');
  const end = yield* ifThere(call.stat(place.reach));
  if (end !== undefined && fileType(end.mode) !== 'directory')
    throw refusal('ENOTDIR', 'it is a symbolic link to something that is not a directory');
  return { kind: 'link', leadsTo: yield* call.readlink(place.reach), link: status, status: end };
}

/** Puts the new directory in place. */
function* swap(
  write: LockedWrite,
  place: Spot,
  lock: Lock,
  made: New,
  synced: boolean | 'unsupported',
  keepOld: boolean,
): Steps<ReplacedDirectory> {
  write.step = 'resolve';
  const old = yield* look(place);
  const version = versionName(write, place.name, made.status);
  write.step = 'rename';
  try {
    yield* atOnce(nameVersion(write, place, made, version));
    made.atEnd = (by) => goBack(by, place, made, version);
    // Its name must be durable before anything leads to it.
    if (synced !== false) yield* syncVersion(write, place, made);
    const atEnd: New['atEnd'] = (by) => finish(by, place, old, made, version, synced, keepOld);
    yield* withLink(write, place, old, version, function* (link) {
      throwIfAborted(write);
      yield* atOnce(switchTo(write, place, lock, old, made, version, link, atEnd));
    });
  } catch (error) {
    if (write.outcome === 'old') yield* putBack(write, place, made, version);
    else if (write.outcome === 'unknown') made.atEnd = nothing;
    throw error;
  }
  write.step = 'sync directory';
  const { durable, oldPath } = yield* finish(write, place, old, made, version, synced, keepOld);
  const directory = old.kind === 'directory' ? write.path : join(place.directoryPath, version);
  return { path: write.path, directory, replaced: statusOf(old) !== undefined, durable, oldPath };
}

function* goBack(write: LockedWrite, place: Spot, made: New, version: PathName): Steps<void> {
  yield* putBack(write, place, made, version);
  yield* discardNew(write, made);
}

/** Makes the switch durable, and then removes the old directory. */
function* finish(
  write: LockedWrite,
  place: Spot,
  old: Old,
  made: New,
  version: PathName,
  synced: boolean | 'unsupported',
  keepOld: boolean,
): Steps<Pick<ReplacedDirectory, 'durable' | 'oldPath'>> {
  const durable =
    synced === false
      ? false
      : both(
          old.kind === 'directory' || (yield* syncLinks(write, place.directory)),
          both(synced, yield* syncDirectory(write, place.directory)),
        );
  const stays = keepOld || durable === 'unsupported';
  const oldPath = stays
    ? whereIs(place, old, version)
    : yield* removeOld(write, place, old, made, version, synced !== false);
  return { durable, oldPath };
}

/** The moment. What is put in place is what was made, as far as looks right before it and right after it can tell. */
function* switchTo(
  write: LockedWrite,
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
  yield* putInPlace(write, place, old, version, link, made.status);
  const { atEnd: goBack } = made;
  write.outcome = 'new';
  made.atEnd = atEnd;
  if (old.kind === 'directory' ? yield* isExchanged(place, lock, made) : yield* leadsToNew(place, lock, made, version))
    return;
  if (!(yield* isStillOld(place, old))) {
    write.outcome = 'unknown';
    throw isAnother(join(place.directoryPath, version));
  }
  write.outcome = 'old';
  made.atEnd = goBack;
  throw refusal('EIO', 'the filesystem says that it was replaced, and it was not');
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
  // By its text, since the kernel takes a link for the new one that a program behind FUSE has not put in place.
  if (old.kind === 'link') return (yield* textOf(place)) === asText(old.leadsTo);
  const now = yield* lookIn(place, place.name);
  return old.kind === 'none' ? now === undefined : isSameInode(now, old.status);
}

/** Whether the new one is at the path; or was, and somebody who has the lock by now has replaced it since. */
function* isExchanged(place: Spot, lock: Lock, made: New): Steps<boolean> {
  return isSameInode(yield* lookIn(place, place.name), made.status) || (yield* isLost(lock));
}

/**
 * Whether the link leads to the new one; or does so no more, since somebody has replaced it who has the lock by now.
 */
function* leadsToNew(place: Spot, lock: Lock, made: New, version: PathName): Steps<boolean> {
  const deadline = now() + patience;
  for (;;) {
    const text = yield* textOf(place);
    if (text === asText(version) && isSameInode(yield* lookIn(place, version), made.status)) return true;
    if (yield* isLost(lock)) return true;
    // A network may show late what has taken place.
    if (text === asText(version) || place.directory.own || now() >= deadline) return false;
    yield* call.sleep(pause);
  }
}

/** For how long a link is looked for that was put in place, and the time between two looks, in milliseconds. */
const [patience, pause] = [2000, 10];

/** The text of the link at the path, if there is one. */
function* textOf(place: Spot): Steps<string | undefined> {
  const link = yield* lookIn(place, place.name);
  return link !== undefined && fileType(link.mode) === 'link' ? asText(yield* call.readlink(place.reach)) : undefined;
}

/** The moment. After an error, as of a network filesystem, that was reported of what took place, it has taken place. */
function* putInPlace(
  write: LockedWrite,
  place: Spot,
  old: Old,
  version: PathName,
  link: PathName | undefined,
  made: FileStatus,
): Steps<void> {
  const { directory, reach } = place;
  try {
    // Nothing that somebody has put there meanwhile is replaced.
    if (old.kind === 'none') yield* call.symlink(version, reach);
    else if (old.kind === 'directory') yield* call.exchange(join(directory.reach, version), reach);
    else if (link !== undefined) yield* relink(link, reach);
  } catch (error) {
    if (!(yield* isInPlace(write, reach, made))) throw error;
  }
}

function* isInPlace(write: LockedWrite, reach: PathName, { ino, dev }: FileStatus): Steps<boolean> {
  try {
    const now = yield* ifThere(call.stat(reach));
    return now?.ino === ino && now.dev === dev;
  } catch {
    // The error of the switch is the one to report; but nobody knows what is there.
    write.outcome = 'unknown';
    return false;
  }
}

/** Makes the link that is to be renamed over the old one, and makes that durable: the path never leads to one that is not. */
function* withLink(
  write: LockedWrite,
  { directory, directoryPath, name }: Spot,
  old: Old,
  version: PathName,
  steps: (link: PathName | undefined) => Steps<void>,
): Steps<void> {
  if (old.kind !== 'link') return yield* steps(undefined);
  const chosen = newName(write, name, 'temporary');
  const folder = stagingFolder(write, { directory, directoryPath });
  const link = join(folder.way ?? folder.directory.reach, chosen);
  const guard = write.surroundings.guard('file', link, join(folder.directoryPath, chosen));
  try {
    yield* call.symlink(version, join(folder.directory.reach, chosen));
    guard.opened();
    yield* syncLinks(write, directory);
    yield* steps(link);
  } catch (error) {
    yield* afterFailure(call.unlink(link));
    throw error;
  } finally {
    guard.release();
  }
}

function* relink(link: PathName, reach: PathName): Steps<void> {
  try {
    yield* call.rename(link, reach);
  } catch (error) {
    // Who takes over a lock takes what is in it along.
    const isLost = codeOf(error) === 'ENOENT' && (yield* lookAt({ reach: link })) === undefined;
    throw isLost ? lockLost(error) : error;
  }
}

function both(one: true | 'unsupported', other: true | 'unsupported'): true | 'unsupported' {
  return one === 'unsupported' ? one : other;
}
