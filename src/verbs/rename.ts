/**
 * Renaming a file.
 *
 * Promise: whoever opens the new name at any moment finds the whole old or the whole renamed file; the renamed file has
 * one of its names at every moment. The content is synced before the rename, so that no crash shows the new name
 * without it. After the rename the directory of the new name is synced first, and then that of the old one: no order of
 * writes to the disk loses both names. A crash leaves the old name or the new one. See rename(2), renameat2(2), fsync(2).
 */
import { codeOf, refusal, type PathLike, type PathName, type WriteOptions } from '../contract/index.ts';
import {
  call,
  fileType,
  runAsync,
  runSync,
  targetPath,
  uninterrupted,
  whenDescriptorsAllow,
  type FileStatus,
  type Steps,
} from '../system/index.ts';
import {
  afterFailure,
  closeTarget,
  during,
  fileKey,
  isSame,
  isSameInode,
  lookAgain,
  lookAt,
  openTarget,
  refuseReadOnly,
  reporting,
  syncInPlace,
  syncLinks,
  throwIfAborted,
  whileBusy,
  type Operation,
  type Target,
} from '../files/index.ts';
import { linkOnly, renameNew } from '../replace/index.ts';
import { commitName, confirmDone, newCall, onName, readNameOptions, type Call, type Name } from './name.ts';

/** Options of a rename. */
export type RenameOptions = Pick<
  WriteOptions,
  'durability' | 'sync' | 'signal' | 'overwrite' | 'makeParents' | 'lock' | 'retry' | 'linger'
>;

/** What a rename did. */
export interface RenameResult {
  /** The new name. */
  readonly path: PathName;
  /** The old name. */
  readonly from: PathName;
  /** Whether there was a file of the new name before. */
  readonly replaced: boolean;
  /** Whether the new name survives a power cut: confirmed, not asked for, or impossible on this filesystem. */
  readonly durable: boolean | 'unsupported';
}

/**
 * Renames the file `from` to `to`, and replaces a file of that name at once; a symbolic link is renamed itself.
 *
 * Once the promise has resolved with `durability: 'full'`, the default, the new name survives a power cut, with the
 * content: the file is synced before the rename, and both directories after it. With `'normal'` a power cut leaves the
 * old name or the new one, and the content is synced too; with `'off'` nothing is. `overwrite: false` fails with EEXIST
 * if the new name exists; without the native part the file then has both names for a moment.
 *
 * Both names have to be on one filesystem: otherwise the error is EXDEV, and nothing has changed. For that there are
 * {@link copyFile} and {@link remove}, which are two steps. Directories are refused, and so are two names of one file.
 * It takes no lock and has no `ifMatch`; a `transaction` has both. A rename comes after all earlier calls of this process
 * for `from`, except for renames to that name, and writes by another path or of data that is still being read: await
 * those. A filesystem without a journal (ext2) may lose both names in a power cut right at the rename, and fsck(8) then
 * finds the file.
 *
 * @see docs/verbs.md
 * @throws {WriteError} by rejecting, with the codes `ENOENT`, `EEXIST`, `EXDEV`, `EISDIR`, `EINVAL` or those of the
 * system, `ERR_UNTORN_OVERTAKEN` if a later call of this process for one of the names came first; `path` is the old name
 * and `dest` the new one, `outcome` is `'old'` if nothing has changed, and `'new'` if it is renamed.
 * @throws {TypeError | RangeError} by rejecting, for wrong arguments, before anything is touched.
 * @example Keep the previous log
 * ```ts
 * await writeFile('app.log', 'started\n');
 * await rename('app.log', 'app.log.1');
 * ```
 */
export async function rename(from: PathLike, to: PathLike, options?: RenameOptions | null): Promise<RenameResult> {
  return runAsync(renaming(from, to, options, false));
}

/**
 * Renames the file `from` to `to`, like {@link rename}, and blocks until it is done.
 *
 * @throws as {@link rename}; `ERR_LOCK_DEADLOCK` if an earlier call for `from` is still under way: its content would be
 * lost.
 * @example Keep the previous log
 * ```ts
 * writeFileSync('app.log', 'started\n');
 * renameSync('app.log', 'app.log.1', { overwrite: false });
 * ```
 */
export function renameSync(from: PathLike, to: PathLike, options?: RenameOptions | null): RenameResult {
  return runSync(renaming(from, to, options, true));
}

/** The steps of a rename. */
export function renaming(
  from: PathLike,
  to: PathLike,
  options: RenameOptions | null | undefined,
  blocking: boolean,
): Steps<RenameResult> {
  const { settings } = readNameOptions(options, [
    'durability',
    'sync',
    'signal',
    'overwrite',
    'makeParents',
    'lock',
    'retry',
    'linger',
  ]);
  const [old, added] = [targetPath(from, 'from'), targetPath(to, 'to')];
  const names = { operation: 'rename', given: old.given, dest: added.given } as const;
  // Nothing is made for the old name, and it may exist.
  const given = { ...settings, overwrite: true, makeParents: false };
  const leaving = newCall(old, given, names, blocking);
  // In no queue: what it needs of other calls for the new name is decided at the rename.
  const entering = newCall(added, settings, names, blocking);
  return ended(
    entering,
    onName(leaving, (source) => reporting(entering.operation, renameTo(source, entering))),
  );
}

function* ended<T>({ turn }: Call, steps: Steps<T>): Steps<T> {
  try {
    return yield* steps;
  } finally {
    turn.leave();
  }
}

function* renameTo(source: Name, entering: Call): Steps<RenameResult> {
  const { operation } = entering;
  if (source.target.existing === undefined) throw missing();
  const target = yield* whenDescriptorsAllow(operation, () => openTarget(operation));
  try {
    const { isSynced, replaced } = yield* syncAndRename(source, { ...entering, target });
    const durable = yield* during(operation, 'sync directory', confirmBoth(source, { ...entering, target }));
    return {
      path: operation.path,
      from: source.operation.path,
      replaced,
      durable: durable === true && !isSynced ? 'unsupported' : durable,
    };
  } finally {
    closeTarget(operation, target);
  }
}

/** How often somebody else may replace the file meanwhile: what is renamed is what was synced. */
const patience = 10;

function* syncAndRename(source: Name, to: Name): Steps<{ readonly isSynced: boolean; readonly replaced: boolean }> {
  const { operation, target } = to;
  for (let tries = 1; ; tries++) {
    refuseReadOnly(source.operation, source.target);
    refuseReadOnly(operation, target);
    refuseAlike(source.target, target);
    const isSynced = yield* during(operation, 'sync', syncContent(source.operation, source.target));
    throwIfAborted(operation, 'sync');
    const replaced = yield* during(
      operation,
      'rename',
      whileBusy(operation, () => uninterrupted(renameNow(source, to)), target.directory),
    );
    if (replaced !== undefined) return { isSynced, replaced };
    if (tries === patience) throw refusal('ERR_VERSION_CONFLICT', 'somebody replaces it again and again');
    yield* lookAgain(source.operation, source.target);
    yield* lookAgain(operation, target);
    if (source.target.existing === undefined) throw missing();
  }
}

function missing(): Error {
  return refusal('ENOENT', 'there is no such file');
}

function refuseAlike(source: Target, target: Target): void {
  if (fileKey(source) === fileKey(target)) throw refusal('EINVAL', 'it would be renamed to itself');
  if (source.directory.status.dev !== target.directory.status.dev) throw elsewhere();
  // rename(2) does nothing then, and says that it has succeeded.
  if (isSameInode(source.existing, target.existing) && (target.existing?.nlink ?? 1) > 1)
    throw refusal('EINVAL', 'both are names of one file already (hard links); remove one of them');
}

function elsewhere(cause?: unknown): Error {
  const why = 'the new name is on another filesystem, and a rename cannot move it there; copy it and then remove it';
  return Object.assign(refusal('EXDEV', why), { cause });
}

/** Whoever wrote the file may not have synced it. False if this filesystem cannot sync it. */
function* syncContent(operation: Operation, target: Target): Steps<boolean> {
  if (operation.settings.durability === 'off') return true;
  return isLink(target)
    ? (yield* syncLinks(operation, target.directory)) === true
    : yield* syncInPlace(operation, target);
}

function isLink({ existing }: Target): boolean {
  return existing !== undefined && fileType(existing.mode) === 'link';
}

/**
 * Renames it, unless a later call of this process has come first. Returns whether a file was replaced; undefined if it is
 * another file by now.
 */
function* renameNow(source: Name, to: Name): Steps<boolean | undefined> {
  source.turn.throwIfOvertaken(source.target);
  yield* to.turn.finishOrYield(to.target);
  const [now, before] = [yield* lookAt(source.target), yield* lookAt(to.target)];
  const examined = source.target.existing;
  if (examined === undefined || !isSameInode(now, examined)) return undefined;
  try {
    if (to.operation.settings.overwrite) yield* call.rename(source.target.accessPath, to.target.accessPath);
    else yield* renameOnly(source.target, to);
  } catch (error) {
    if (!(yield* happened(source, to, { examined, before })))
      throw codeOf(error) === 'EXDEV' ? elsewhere(error) : error;
  }
  source.operation.outcome = 'new';
  // No entry for the old name: an earlier call that comes late, by another path, is not undone but makes it anew.
  commitName(to);
  return before !== undefined;
}

/** Renames it unless the new name exists: at once if the system can, and otherwise by a second name. */
function* renameOnly(source: Target, { operation, target }: Name): Steps<void> {
  if (target.directory.own && (yield* renameNew(source.accessPath, target))) return;
  yield* linkOnly(source.accessPath, target);
  try {
    yield* call.unlink(source.accessPath);
  } catch (error) {
    operation.outcome = 'unknown';
    if (yield* afterFailure(unlinkSecond(source, target))) operation.outcome = 'old';
    throw error;
  }
}

/**
 * Takes the new name back. A server may have removed the old one and report an error: then the new name is the only one,
 * and stays.
 */
function* unlinkSecond(source: Target, target: Target): Steps<void> {
  for (const one of [source, target])
    if (!isSameInode(yield* lookAt(one), source.existing)) throw refusal('ERR_VERSION_CONFLICT', 'it has changed');
  yield* call.unlink(target.accessPath);
}

interface Before {
  readonly examined: FileStatus;
  readonly before: FileStatus | undefined;
}

/** Whether a rename that reported a failure took place all the same, as it can on a network filesystem. */
function* happened(source: Name, { operation, target }: Name, { examined, before }: Before): Steps<boolean> {
  let left, now;
  try {
    [left, now] = [yield* lookAt(source.target), yield* lookAt(target)];
  } catch {
    operation.outcome = 'unknown';
    return false;
  }
  if (left === undefined && isSameInode(now, examined)) return true;
  // The new name may be a second one of the file.
  const isFree = isSame(now, before) || (target.directory.own && !isSameInode(now, examined));
  const isUndone = isSameInode(left, examined) && isFree;
  if (!isUndone && !(left === undefined && isSame(now, before))) operation.outcome = 'unknown';
  return false;
}

/** Makes the new name durable, and then that the old one is gone. */
function* confirmBoth(source: Name, to: Name): Steps<boolean | 'unsupported'> {
  const durable = yield* confirmDone(to, isLink(source.target));
  if (source.target.directory.key === to.target.directory.key) return durable;
  const left = yield* confirmDone(source);
  return durable === true ? left : durable;
}
