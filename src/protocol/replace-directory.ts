/**
 * A whole directory in the place of another, at once.
 *
 * Promise: at every moment, and after a crash at any, the path leads to the whole old directory or to the whole new one. The new one is
 * filled under a name that a sweep removes (`untorn-d`), synced with all that is in it, and named as a version (`untorn-v`),
 * which nothing removes unasked. Then one call puts it in place: a new symbolic link is renamed over the old one, or, where
 * the path is a real directory, both exchange their names. The old version is removed only when that is durable.
 *
 * The moment is under the path's lock. A holder that comes back late finds its link gone, as a late update its temporary file.
 * Not kept: what readers that are in the old directory have not opened yet, unless the old one is kept.
 */
import { codeOf, refusal } from '../errors.ts';
import { asText, display, isAbsolute, join, split, type PathName } from '../path.ts';
import { call, type FileStatus, type Steps } from '../system/calls.ts';
import { now } from '../system/clock.ts';
import { fileType } from '../system/flags.ts';
import { parseToken } from '../system/owner.ts';
import { closeDirectory, openDirectory, syncDirectory, type Directory } from './directory.ts';
import { assertHeld, lockLost, type Lock } from './lock.ts';
import { underLock } from './lock-held.ts';
import { create, discardNew, prepared, unfenced, type New, type Spot } from './new-directory.ts';
import { ifThere, lookAt } from './place.ts';
import { afterFailure, newName } from './temporary.ts';
import { removeTree, syncTree } from './tree.ts';
import { reporting, throwIfAborted, type LockedWrite } from './write.ts';

/** What goes into the place: a directory that is there, or one that the caller fills; an error of the caller's own is passed on. */
export type TreeSource = { readonly path: PathName } | { readonly fill: (directory: PathName) => Steps<{ error: unknown } | object> };

export interface ReplacedDirectory {
  readonly path: PathName;
  /** Where the new directory is: the path itself, or what the link there leads to. */
  readonly directory: PathName;
  readonly replaced: boolean;
  readonly durable: boolean | 'unsupported';
  /** Where the old directory is, if it is still there. */
  readonly oldPath: PathName | undefined;
}

/** What stands at the path. */
type Old =
  | { readonly kind: 'none' }
  | { readonly kind: 'directory'; readonly status: FileStatus }
  | { readonly kind: 'link'; readonly leadsTo: PathName; readonly link: FileStatus; readonly status: FileStatus | undefined };

/** How it ended. An error of the caller's own is passed on as it is. */
export type Outcome = { readonly result: ReplacedDirectory } | { readonly error: unknown };

export function* replaceTree(write: LockedWrite, source: TreeSource, keepOld: boolean): Steps<Outcome> {
  return yield* reporting(write, inFolder(write, function* (place) {
    throwIfAborted(write);
    const old = yield* look(place);
    const made = 'path' in source ? yield* prepared(source.path, statusOf(old)) : yield* create(write, place, statusOf(old));
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
      const durable = write.settings.durability === 'off' ? false : yield* syncTree(write, made.path);
      throwIfAborted(write);
      write.locking.deadline = now() + write.settings.lock.timeout;
      return { result: yield* underLock(write, place, (lock) => swap(write, place, lock, made, durable, keepOld)) };
    } catch (error) {
      if (write.outcome === 'old') yield* discardNew(write, made);
      throw error;
    }
  }));
}

function* inFolder<T>(write: LockedWrite, steps: (place: Spot) => Steps<T>): Steps<T> {
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
  if (end !== undefined && fileType(end.mode) !== 'directory') throw refusal('ENOTDIR', 'it is a symbolic link to something that is not a directory');
  return { kind: 'link', leadsTo: yield* call.readlink(place.reach), link: status, status: end };
}

function statusOf(old: Old): FileStatus | undefined {
  return old.kind === 'none' ? undefined : old.status;
}

/** Puts the new directory in place. */
function* swap(write: LockedWrite, place: Spot, lock: Lock, made: New, synced: boolean | 'unsupported', keepOld: boolean): Steps<ReplacedDirectory> {
  const { directory, directoryPath, name } = place;
  write.step = 'resolve';
  const old = yield* look(place);
  const plain = unfenced(write);
  const version = newName({ ...plain, settings: { ...plain.settings, suffix: '' } }, name, 'version');
  const reach = join(directory.reach, version);
  write.step = 'rename';
  yield* nameVersion(made, reach);
  try {
    // Its name must be durable before anything leads to it.
    if (synced !== false) yield* syncDirectory(write, directory);
    throwIfAborted(write);
    yield* assertHeld(lock);
    yield* putInPlace(write, place, old, version, made.status);
  } catch (error) {
    if (write.outcome === 'old') yield* putBack(write, made, { path: join(directoryPath, version), reach });
    throw error;
  }
  write.outcome = 'new';
  made.guard?.release();
  write.step = 'sync directory';
  const durable = synced === false ? false : both(synced, yield* syncDirectory(write, directory));
  const left = oldName(old, version);
  const mine = left !== undefined && (old.kind === 'directory' || (yield* isOurs(old, join(directory.reach, left), left, version)));
  const removed = mine && !keepOld && durable !== 'unsupported' && (yield* removeOld(write, directory, name, left, synced !== false));
  const oldPath = removed === true || statusOf(old) === undefined ? undefined : typeof removed === 'object' ? join(directoryPath, removed.left) : whereIs(old, directoryPath, left);
  return { path: write.path, directory: old.kind === 'directory' ? write.path : join(directoryPath, version), replaced: statusOf(old) !== undefined, durable, oldPath };
}

function* nameVersion({ path: from, status }: New, to: PathName): Steps<void> {
  try {
    yield* call.rename(from, to);
  } catch (error) {
    // On a network filesystem an error may be reported of what was done.
    if ((yield* lookAt({ reach: to }))?.ino === status.ino) return;
    if (codeOf(error) === 'EXDEV') throw refusal('EXDEV', `"${display(from)}" is on another filesystem; make the new directory beside the old one`);
    throw error;
  }
}

/** Where it cannot go back, as into a directory that is gone, the error says where it is. */
function* putBack(write: LockedWrite, made: New, { path, reach }: { readonly path: PathName; readonly reach: PathName }): Steps<void> {
  yield* afterFailure(call.rename(reach, made.path));
  try {
    if ((yield* lookAt({ reach })) !== undefined) write.temporaryPath = path;
  } catch {
    write.temporaryPath = path;
  }
}

/** The moment. After an error, as of a network filesystem, that was reported of what took place, it has taken place. */
function* putInPlace(write: LockedWrite, place: Spot, old: Old, version: PathName, made: FileStatus): Steps<void> {
  const { directory, directoryPath, name, reach } = place;
  try {
    // Nothing that somebody has put there meanwhile is replaced.
    if (old.kind === 'none') yield* call.symlink(version, reach);
    else if (old.kind === 'directory') yield* call.exchange(join(directoryPath, version), join(directoryPath, name));
    else yield* relink(write, directory, name, reach, version);
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

function* relink(write: LockedWrite, directory: Directory, name: PathName, reach: PathName, version: PathName): Steps<void> {
  const chosen = newName(write, name, 'temporary');
  const link = join(directory.reach, chosen);
  const guard = write.surroundings.guard('file', link);
  try {
    yield* call.symlink(version, link);
    guard.opened();
    yield* call.rename(link, reach);
  } catch (error) {
    // Who takes over a lock removes its owner's temporary files.
    const lost = codeOf(error) === 'ENOENT' && (yield* lookAt({ reach: link })) === undefined;
    yield* afterFailure(call.unlink(link));
    throw lost ? lockLost(error) : error;
  } finally {
    guard.release();
  }
}

function both(one: true | 'unsupported', other: true | 'unsupported'): true | 'unsupported' {
  return one === 'unsupported' ? one : other;
}

/** The name in the same directory that the old one has now. */
function oldName(old: Old, version: PathName): PathName | undefined {
  if (old.kind === 'directory') return version;
  return old.kind === 'link' && !/[/\\]/.test(asText(old.leadsTo)) ? old.leadsTo : undefined;
}

/** Whether what the link led to is a version of this very path, made by the one who made the link. */
function* isOurs(old: Old, reach: PathName, name: PathName, version: PathName): Steps<boolean> {
  if (old.kind !== 'link' || parseToken(asText(name))?.kind !== 'version' || beforeToken(name) !== beforeToken(version)) return false;
  const status = yield* ifThere(call.lstat(reach));
  return status !== undefined && fileType(status.mode) === 'directory';
}

function beforeToken(name: PathName): string {
  return asText(name).split('untorn-v-')[0] ?? '';
}

/** Removes the old directory; what could not be removed has a name that a sweep removes. */
function* removeOld(write: LockedWrite, directory: Directory, name: PathName, left: PathName, synced: boolean): Steps<true | { readonly left: PathName }> {
  const chosen = newName(unfenced(write), name, 'tree');
  const reach = join(directory.reach, chosen);
  const renamed = yield* afterFailure(call.rename(join(directory.reach, left), reach));
  if (!renamed && (yield* lookAt({ reach })) === undefined) return { left };
  // What has the name of a version is whole, also after a crash.
  if (synced && !(yield* afterFailure(syncDirectory(write, directory)))) return { left: chosen };
  return (yield* afterFailure(removeTree(write, reach))) ? true : { left: chosen };
}

function whereIs(old: Old, directoryPath: PathName, left: PathName | undefined): PathName | undefined {
  if (left !== undefined) return join(directoryPath, left);
  if (old.kind !== 'link') return undefined;
  return isAbsolute(old.leadsTo) ? old.leadsTo : join(directoryPath, old.leadsTo);
}
