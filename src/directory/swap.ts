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
import { refusal } from '../contract/errors.ts';
import { asText, join, split, type PathName } from '../contract/path-name.ts';
import { now } from '../system/clock.ts';
import { fileType } from '../system/flags.ts';
import { atOnce, call, nothing, type Steps } from '../system/port.ts';
import { closeDirectory, openDirectory, syncDirectory, syncLinks } from '../files/directory.ts';
import { lookAt } from '../files/look.ts';
import { reporting, throwIfAborted, type LockedWrite } from '../files/operation.ts';
import { refuseTooLong } from '../files/target.ts';
import { ifThere } from '../files/tolerate.ts';
import { syncTree } from '../files/tree.ts';
import { type Lock } from '../lock/lock.ts';
import { underLock } from '../journal/under-lock.ts';
import {
  create,
  discardNew,
  nameVersion,
  prepared,
  putBack,
  syncVersion,
  versionName,
  type New,
  type Spot,
} from './new-directory.ts';
import { removeOld, rightsOf, statusOf, whereIs, type Old } from './old-directory.ts';
import { switchTo, withLink } from './switch.ts';

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

function both(one: true | 'unsupported', other: true | 'unsupported'): true | 'unsupported' {
  return one === 'unsupported' ? one : other;
}
