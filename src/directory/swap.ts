/**
 * A whole directory replaces another at once.
 *
 * Promise: at every moment, and after a crash at any moment, the path leads to the whole old directory or to the whole
 * new one. The new one is filled in an enclosure (`untorn-d`), which a sweep removes. It is synced with all its
 * contents, and renamed to a version (`untorn-v`), which nothing removes unasked. Then one call puts it in place: a new
 * symbolic link is renamed over the old one, or, if the path is a real directory, both exchange their names. The old
 * version is removed only when that is durable, again in an enclosure. Nothing interrupts the naming and the switch. If
 * the process ends at another moment, the directory is moved back, or the rest is removed.
 *
 * The switch happens under the path's lock. A holder that comes back late finds its link gone, as a late update finds
 * its temporary file gone. Readers in the old directory lose the files that they have not opened yet, unless the old
 * one is kept.
 */
import { refusal, asText, join, split, type PathName } from '../contract/index.ts';
import { now, fileType, uninterrupted, call, nothing, type Steps } from '../system/index.ts';
import {
  during,
  failedDuring,
  closeDirectory,
  openDirectory,
  syncDirectory,
  syncLinks,
  lookAt,
  reporting,
  throwIfAborted,
  type LockedOperation,
  refuseTooLong,
  ifThere,
  syncTree,
} from '../files/index.ts';
import type { Lock } from '../lock/index.ts';
import { underLock } from '../journal/index.ts';
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
 * The source of the new directory: a prepared directory, or one that the caller fills. The caller's own errors are
 * passed on.
 */
export type TreeSource =
  { readonly path: PathName } | { readonly fill: (directory: PathName) => Steps<{ error: unknown } | object> };

export interface ReplacedDirectory {
  readonly path: PathName;
  /** Where the new directory is: the path itself, or the target of its link. */
  readonly directory: PathName;
  readonly replaced: boolean;
  readonly durable: boolean | 'unsupported';
  /** Where the old directory is, if it still exists. */
  readonly oldPath: PathName | undefined;
}

/** The result. The caller's own errors are passed on unchanged. */
export type Outcome = { readonly result: ReplacedDirectory } | { readonly error: unknown };

export function* replaceTree(operation: LockedOperation, source: TreeSource, keepOld: boolean): Steps<Outcome> {
  return yield* reporting(
    operation,
    inFolder(operation, function* (place) {
      throwIfAborted(operation);
      const old = yield* look(place);
      const made =
        'path' in source
          ? yield* prepared(operation, source.path, statusOf(old))
          : yield* create(operation, place, rightsOf(operation, place, old));
      try {
        if ('fill' in source) {
          const filled = yield* during(operation, 'update', source.fill(made.path));
          if ('error' in filled) {
            yield* discardNew(operation, made);
            return filled;
          }
        }
        const tree = join(made.folder.directory.accessPath, made.name);
        const synced =
          operation.settings.durability === 'off'
            ? false
            : yield* during(operation, 'sync', syncTree(operation, tree, place.directory));
        throwIfAborted(operation, 'sync');
        operation.locking.deadline = now() + operation.settings.lock.timeout;
        return {
          result: yield* underLock(operation, place, (lock) => swap(operation, place, lock, made, synced, keepOld)),
        };
      } catch (error) {
        if (operation.outcome === 'old') yield* discardNew(operation, made);
        throw error;
      } finally {
        yield* made.leave(operation);
      }
    }),
  );
}

function* inFolder<T>(operation: LockedOperation, steps: (place: Spot) => Steps<T>): Steps<T> {
  refuseTooLong(operation, operation.path);
  const { directory: directoryPath, name } = split(operation.path);
  if (['', '.', '..'].includes(asText(name))) throw refusal('EINVAL', 'the path must end with a name');
  const directory = yield* openDirectory(operation, directoryPath);
  try {
    return yield* steps({ directory, directoryPath, name, accessPath: join(directory.accessPath, name) });
  } finally {
    closeDirectory(operation, directory);
  }
}

function* look(place: Spot): Steps<Old> {
  const status = yield* lookAt(place);
  if (status === undefined) return { kind: 'none' };
  const type = fileType(status.mode);
  if (type === 'directory') return { kind: 'directory', status };
  if (type !== 'link') throw refusal('ENOTDIR', 'it is not a directory');
  const end = yield* ifThere(call.stat(place.accessPath));
  if (end !== undefined && fileType(end.mode) !== 'directory')
    throw refusal('ENOTDIR', 'it is a symbolic link to something that is not a directory');
  return { kind: 'link', leadsTo: yield* call.readlink(place.accessPath), link: status, status: end };
}

/** Puts the new directory in place. */
function* swap(
  operation: LockedOperation,
  place: Spot,
  lock: Lock,
  made: New,
  synced: boolean | 'unsupported',
  keepOld: boolean,
): Steps<ReplacedDirectory> {
  const old = yield* look(place);
  const version = versionName(operation, place.name, made.status);
  try {
    yield* uninterrupted(nameVersion(operation, place, made, version));
    made.atEnd = (by) => goBack(by, place, made, version);
    // The version's name must be durable before anything leads to it.
    if (synced !== false) yield* syncVersion(operation, place, made);
    const atEnd: New['atEnd'] = (by) => finish(by, place, old, made, version, synced, keepOld);
    yield* withLink(operation, place, old, version, function* (link) {
      throwIfAborted(operation);
      yield* uninterrupted(switchTo(operation, place, lock, old, made, version, link, atEnd));
    });
  } catch (error) {
    if (operation.outcome === 'old') yield* putBack(operation, place, made, version);
    else if (operation.outcome === 'unknown') made.atEnd = nothing;
    throw failedDuring(operation, 'rename', error);
  }
  const { durable, oldPath } = yield* during(
    operation,
    'sync directory',
    finish(operation, place, old, made, version, synced, keepOld),
  );
  const directory = old.kind === 'directory' ? operation.path : join(place.directoryPath, version);
  return { path: operation.path, directory, replaced: statusOf(old) !== undefined, durable, oldPath };
}

function* goBack(operation: LockedOperation, place: Spot, made: New, version: PathName): Steps<void> {
  yield* putBack(operation, place, made, version);
  yield* discardNew(operation, made);
}

/** Makes the switch durable, and then removes the old directory. */
function* finish(
  operation: LockedOperation,
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
          old.kind === 'directory' || (yield* syncLinks(operation, place.directory)),
          both(synced, yield* syncDirectory(operation, place.directory)),
        );
  const stays = keepOld || durable === 'unsupported';
  const oldPath = stays
    ? whereIs(place, old, version)
    : yield* removeOld(operation, place, old, made, version, synced !== false);
  return { durable, oldPath };
}

function both(one: true | 'unsupported', other: true | 'unsupported'): true | 'unsupported' {
  return one === 'unsupported' ? one : other;
}
