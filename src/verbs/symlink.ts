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
import { absolutePath, call, runAsync, runSync, targetPath, uninterrupted, type Steps } from '../system/index.ts';
import {
  afterFailure,
  during,
  lookAt,
  newName,
  refuseReadOnly,
  syncLinks,
  throwIfAborted,
  unlinkIfThere,
  whileBusy,
  type Operation,
  type Target,
} from '../files/index.ts';
import { commitName, confirmDone, giveWay, newCall, onName, readNameOptions, type Name, type Newer } from './name.ts';

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
 * @see docs/verbs.md
 * @throws {WriteError} by rejecting, with the codes `EISDIR`, `EEXIST` or those of the system; `outcome` is `'old'` if
 * the name is as it was, and `'new'` if the link is in place.
 * @throws {TypeError | RangeError} by rejecting, for wrong arguments, before anything is touched.
 * @example Switch to a new version
 * ```ts
 * await writeFile('settings-2.json', '{}\n');
 * await symlink('settings-2.json', 'settings.json');
 * ```
 */
export async function symlink(
  target: PathLike,
  path: PathLike,
  options?: SymlinkOptions | null,
): Promise<SymlinkResult> {
  return runAsync(linking(target, path, options, false));
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
  const started = newCall(targetPath(path), settings, { operation: 'link' }, blocking);
  return onName(started, (name) => linkAt(name, text));
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

function* linkAt(name: Name, text: PathName): Steps<SymlinkResult> {
  const { operation, target } = name;
  refuseReadOnly(operation, target);
  const newer = yield* operation.settings.overwrite
    ? replaceByLink(name, text)
    : during(operation, 'rename', uninterrupted(makeNew(name, text)));
  const common = { path: operation.path, target: text, replaced: target.existing !== undefined };
  if (newer !== undefined) return { ...common, superseded: true, durable: yield* giveWay(name, newer) };
  return { ...common, superseded: false, durable: yield* confirmDone(name, true) };
}

function* makeNew(name: Name, text: PathName): Steps<undefined> {
  const { operation, turn, target } = name;
  throwIfAborted(operation);
  turn.throwIfOvertaken(target);
  yield* turn.finishOther(target);
  try {
    yield* call.symlink(text, target.accessPath);
  } catch (error) {
    if (codeOf(error) === 'EEXIST' || !(yield* leadsTo(operation, target, text))) throw error;
  }
  commitName(name);
}

/** Whether the name is this link by now: an error may be reported for a call that took place. */
function* leadsTo(operation: Operation, { accessPath }: Target, text: PathName): Steps<boolean> {
  try {
    return key(yield* call.readlink(accessPath)) === key(text);
  } catch (error) {
    // Nothing is there, or no link.
    if (!['ENOENT', 'EINVAL'].includes(codeOf(error) ?? '')) operation.outcome = 'unknown';
    return false;
  }
}

/** Makes the link under a temporary name, and renames it. Returns newer content of this process, if there is any. */
function* replaceByLink(name: Name, text: PathName): Steps<Newer | undefined> {
  const { operation, target } = name;
  const temporary = newName(operation, target.name, 'temporary');
  const link = join(target.directory.accessPath, temporary);
  const guard = operation.environment.guard('file', link, join(target.directoryPath, temporary));
  guard.opened();
  let isInPlace = false;
  try {
    yield* during(operation, 'create temporary file', call.symlink(text, link));
    if (operation.settings.durability !== 'off')
      yield* during(operation, 'sync directory', syncLinks(operation, target.directory));
    throwIfAborted(operation, 'create temporary file');
    const newer = yield* during(
      operation,
      'rename',
      whileBusy(operation, () => uninterrupted(renameLink(name, link, text)), target.directory),
    );
    isInPlace = newer === undefined;
    return newer;
  } finally {
    if (isInPlace || (yield* afterFailure(unlinkIfThere(link)))) guard.release();
  }
}

function* renameLink(name: Name, link: PathName, text: PathName): Steps<Newer | undefined> {
  const { operation, turn, target } = name;
  const newer = turn.newer(target);
  if (newer !== undefined) return newer;
  yield* turn.finishOther(target);
  try {
    yield* call.rename(link, target.accessPath);
  } catch (error) {
    if ((yield* lookAt({ accessPath: link })) !== undefined || !(yield* leadsTo(operation, target, text))) throw error;
  }
  commitName(name);
  return undefined;
}
