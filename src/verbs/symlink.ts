/**
 * Making a symbolic link, or replacing what has its name.
 *
 * Promise: whoever follows the name at any moment gets to the old file or to the new link's target; the name is never
 * absent. The link is made under a temporary name and renamed. See symlink(2), rename(2).
 */
import {
  codeOf,
  describe,
  fromBytes,
  isUrl,
  join,
  key,
  misuse,
  type PathLike,
  type PathName,
  type WriteOptions,
} from '../contract/index.ts';
import {
  absolutePath,
  call,
  environment,
  runAsync,
  runSync,
  targetPath,
  uninterrupted,
  type Steps,
} from '../system/index.ts';
import {
  afterFailure,
  during,
  lookAt,
  newName,
  newOperation,
  refuseReadOnly,
  syncLinks,
  throwIfAborted,
  unlinkIfThere,
  whileBusy,
  type Operation,
  type Target,
} from '../files/index.ts';
import { Turn, type Committed } from '../order/index.ts';
import { commitName, confirmDone, giveWay, onName } from './on-name.ts';
import { readNameOptions } from './options.ts';

/** Options of a symbolic link. */
export type SymlinkOptions = Pick<
  WriteOptions,
  'durability' | 'signal' | 'overwrite' | 'makeParents' | 'lock' | 'retry' | 'linger'
>;

/** What making a symbolic link did. */
export interface SymlinkResult {
  /** The link. */
  readonly path: PathName;
  /** What it leads to, as given. */
  readonly target: PathName;
  /** Whether there was a file or a link of that name before. */
  readonly replaced: boolean;
  /** Whether a newer call of this process has put a file there already, which stays. */
  readonly superseded: boolean;
  /** Whether the link survives a power cut: confirmed, not asked for, or impossible on this filesystem. */
  readonly durable: boolean | 'unsupported';
}

/**
 * Makes `path` a symbolic link to `target`, and replaces a file or a link of that name at once: readers are led to the
 * old one or to the new one. (`ln -sf` removes the old one first.)
 *
 * `target` is stored as it is given: a relative one starts at the directory of the link, and need not exist. A link to a
 * directory is replaced itself, as by `ln -n`; a directory is refused. Once the promise has resolved with `durability:
 * 'full'`, the default, the link survives a power cut; with `'normal'` and `'off'` nothing is synced. `overwrite: false`
 * fails with EEXIST if the name exists. What the link leads to is not synced. On Windows links need a privilege (EPERM).
 * See symlink(2), rename(2).
 *
 * @throws {WriteError} by rejecting, with the codes `EISDIR`, `EEXIST` or those of the system; `outcome` is `'old'` if
 * the name is as it was, and `'new'` if the link is in place.
 * @throws {TypeError | RangeError} by rejecting, for wrong arguments, before anything is touched.
 * @example Switch to a new version
 * ```ts
 * await writeFile('settings-2.json', '{}\n');
 * await symlink('settings-2.json', 'settings.json');
 * ```
 */
export function symlink(target: PathLike, path: PathLike, options?: SymlinkOptions | null): Promise<SymlinkResult> {
  try {
    return runAsync(linking(target, path, options, false));
  } catch (error) {
    return Promise.reject(error as Error);
  }
}

/**
 * Makes `path` a symbolic link to `target`, like {@link symlink}, and blocks until it is done.
 *
 * @throws as {@link symlink}; `ERR_LOCK_DEADLOCK` if an earlier call for `path` is still under way: it would follow the
 * link.
 * @example Switch to a new version
 * ```ts
 * symlinkSync('settings-2.json', 'settings.json');
 * ```
 */
export function symlinkSync(target: PathLike, path: PathLike, options?: SymlinkOptions | null): SymlinkResult {
  return runSync(linking(target, path, options, true));
}

/** The steps of a new link. */
export function linking(
  target: PathLike,
  path: PathLike,
  options: SymlinkOptions | null | undefined,
  blocking: boolean,
): Steps<SymlinkResult> {
  const { settings } = readNameOptions(options, [
    'durability',
    'signal',
    'overwrite',
    'makeParents',
    'lock',
    'retry',
    'linger',
  ]);
  const text = linkText(target);
  const operation: Operation = {
    ...newOperation(targetPath(path), settings, environment, blocking),
    operation: 'link',
  };
  const turn = new Turn(operation);
  return onName(operation, turn, (place) => linkAt(operation, turn, place, text));
}

/** What a link leads to: it is not made absolute, since it may be meant to be relative. */
function linkText(target: PathLike): PathName {
  if (isUrl(target)) return absolutePath(target, 'target');
  if (typeof target !== 'string' && !Buffer.isBuffer(target))
    throw misuse('ERR_INVALID_ARG_TYPE', `"target" must be a string, a Buffer or a file: URL, not ${describe(target)}`);
  if (target.length === 0) throw misuse('ERR_INVALID_ARG_VALUE', '"target" is empty');
  if (target.includes('\0')) throw misuse('ERR_INVALID_ARG_VALUE', '"target" contains a null byte');
  return typeof target === 'string' ? target : fromBytes(Buffer.from(target));
}

function* linkAt(operation: Operation, turn: Turn, place: Target, text: PathName): Steps<SymlinkResult> {
  refuseReadOnly(operation, place);
  const { path, settings } = operation;
  const newer = yield* settings.overwrite
    ? replaceByLink(operation, turn, place, text)
    : during(operation, 'rename', uninterrupted(makeNew(operation, turn, place, text)));
  const common = { path, target: text, replaced: place.existing !== undefined };
  if (newer !== undefined) return { ...common, superseded: true, durable: yield* giveWay(operation, newer) };
  return { ...common, superseded: false, durable: yield* confirmDone(operation, turn, place, true) };
}

function* makeNew(operation: Operation, turn: Turn, place: Target, text: PathName): Steps<undefined> {
  throwIfAborted(operation);
  turn.throwIfOvertaken(place);
  yield* turn.finishOther(place);
  try {
    yield* call.symlink(text, place.accessPath);
  } catch (error) {
    if (codeOf(error) === 'EEXIST' || !(yield* leadsTo(operation, place, text))) throw error;
  }
  commitName(operation, turn, place);
}

/** Whether the name is this link by now: an error may be reported for a call that took place. */
function* leadsTo(operation: Operation, place: Target, text: PathName): Steps<boolean> {
  try {
    return key(yield* call.readlink(place.accessPath)) === key(text);
  } catch (error) {
    // Nothing is there, or no link.
    if (!['ENOENT', 'EINVAL'].includes(codeOf(error) ?? '')) operation.outcome = 'unknown';
    return false;
  }
}

/** Makes the link under a temporary name, and renames it. Returns newer content of this process, if there is any. */
function* replaceByLink(operation: Operation, turn: Turn, place: Target, text: PathName): Steps<Committed | undefined> {
  const name = newName(operation, place.name, 'temporary');
  const link = join(place.directory.accessPath, name);
  const guard = operation.environment.guard('file', link, join(place.directoryPath, name));
  guard.opened();
  let newer;
  try {
    yield* during(operation, 'create temporary file', call.symlink(text, link));
    if (operation.settings.durability !== 'off')
      yield* during(operation, 'sync directory', syncLinks(operation, place.directory));
    throwIfAborted(operation, 'create temporary file');
    newer = yield* during(
      operation,
      'rename',
      whileBusy(operation, () => uninterrupted(renameLink(operation, turn, place, link, text)), place.directory),
    );
    if (newer === undefined) guard.release();
    return newer;
  } finally {
    const isInPlace = operation.outcome === 'new' && newer === undefined;
    if (!isInPlace && (yield* afterFailure(unlinkIfThere(link)))) guard.release();
  }
}

function* renameLink(
  operation: Operation,
  turn: Turn,
  place: Target,
  link: PathName,
  text: PathName,
): Steps<Committed | undefined> {
  const newer = turn.newer(place);
  if (newer !== undefined) return newer;
  yield* turn.finishOther(place);
  try {
    yield* call.rename(link, place.accessPath);
  } catch (error) {
    if ((yield* lookAt({ accessPath: link })) !== undefined || !(yield* leadsTo(operation, place, text))) throw error;
  }
  commitName(operation, turn, place);
  return undefined;
}
