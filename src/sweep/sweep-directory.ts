/**
 * Removing what a `kill -9` or a power cut left.
 *
 * Promise: a sweep removes only temporary files of this package (regular, of this user, with no other name but one
 * beside it), and directories and links of `replaceDirectory`, whose writer is dead. If that cannot be seen, as across
 * containers and machines, it removes only those that nobody has written for long, by the filesystem's own clock. Where
 * it has none, the caller has to say how long.
 * Recovery files and versions of directories are never removed: they may be the only copy of something.
 *
 * Each directory is reached through its descriptor, and nothing in it by a path of several names: see `files/owned.ts`.
 * A name is removed after a look at its file. Somebody could put another file there in between, but could have removed
 * that file anyway, since renaming a file takes the right to remove its name. So nothing is gained by it. For the same
 * reason the superuser may remove a file of another user here; it may be one that it had given to its final owner
 * already. None of this holds for directories, which may be renamed by users who could not remove their contents: they
 * are removed only by the proof in them (`files/enclosure.ts`).
 */
import {
  codeOf,
  refusal,
  asText,
  join,
  type PathName,
  type KeptFile,
  type SweepResult,
  withoutDescriptors,
} from '../contract/index.ts';
import {
  fileType,
  parseToken,
  type Owner,
  type Sign,
  lastChange,
  type FileStatus,
  type Steps,
} from '../system/index.ts';
import {
  isExclusive,
  lookInside,
  removeEnclosure,
  removeInEnclosure,
  tokenOf,
  type Operation,
  closeFound,
  inFound,
  isOwn,
  isTrusted,
  lookIn,
  namesIn,
  openFound,
  openGiven,
  unlinkIn,
  type FoundDirectory,
  afterFailure,
} from '../files/index.ts';
import { isLockName, sweepLock } from '../lock/index.ts';
import { readPromise } from './kept-version.ts';
import { SweptFolder } from './swept-folder.ts';

export interface Sweep {
  readonly directory: PathName;
  /** Age in milliseconds from which files of unknown owners are removed, if the caller gave one. */
  readonly olderThan: number | undefined;
  readonly recursive: boolean;
  readonly dryRun: boolean;
  judge(owner: Owner, lastChangeNs: bigint, exclusive: boolean): Sign;
  /** How to take over locks. */
  readonly operation: Operation;
}

type Found = { [K in keyof SweepResult]: SweepResult[K] extends readonly (infer T)[] ? T[] : never };
type Reason = KeptFile['reason'];

/** How many directories deep a sweep goes: each is held open meanwhile. */
const deepest = 256;

export function* sweepDirectory(sweep: Sweep): Steps<SweepResult> {
  const found: Found = { removed: [], kept: [], recoverable: [] };
  const open: { readonly folder: FoundDirectory; readonly below: PathName[] }[] = [];
  try {
    const first = yield* openGiven(sweep.operation, sweep.directory);
    for (let next: FoundDirectory | undefined = first; next !== undefined || open.length > 0;) {
      if (next !== undefined) {
        const below: PathName[] = [];
        open.push({ folder: next, below });
        below.push(...(yield* sweepFolder(sweep, next, next === first, found)));
      }
      next = yield* nextBelow(sweep, open, found);
    }
  } finally {
    for (const { folder } of open) yield* afterFailure(closeFound(folder));
  }
  return found;
}

/** Opens a directory below the innermost one, or closes that one when there is none left. */
function* nextBelow(
  sweep: Sweep,
  open: { readonly folder: FoundDirectory; readonly below: PathName[] }[],
  found: Found,
): Steps<FoundDirectory | undefined> {
  const last = open.at(-1);
  if (last === undefined) return undefined;
  const name = last.below.pop();
  if (name === undefined) {
    open.pop();
    yield* closeFound(last.folder);
    return undefined;
  }
  const path = join(last.folder.directoryPath, name);
  try {
    const folder = yield* openFound(sweep.operation, last.folder, name);
    if (folder === undefined || open.length < deepest) return folder;
    yield* closeFound(folder);
    throw refusal('ENAMETOOLONG', 'it is too deep below the first directory');
  } catch (error) {
    found.kept.push({ path, reason: 'failed', error: withoutDescriptors(error) as Error });
    return undefined;
  }
}

/**
 * Sweeps one directory; returns the names of possible directories below. One below that cannot be read does not end the
 * sweep.
 */
function* sweepFolder(sweep: Sweep, at: FoundDirectory, first: boolean, found: Found): Steps<PathName[]> {
  let names;
  try {
    names = yield* namesIn(at);
  } catch (error) {
    if (first) throw error;
    found.kept.push({ path: at.directoryPath, reason: 'failed', error: withoutDescriptors(error) as Error });
    return [];
  }
  const [left, below] = sort(names, sweep.recursive);
  if (left.length === 0) return below;
  const folder = new SweptFolder(sweep.operation, at, names, yield* isExclusive(at.directory));
  for (const { name, owner } of left) {
    const path = join(at.directoryPath, name);
    try {
      const became = yield* owner === undefined
        ? sweepLockIn(sweep, folder, name)
        : sweepEntry(sweep, folder, name, owner);
      if (became === 'removed' || became === 'recoverable') found[became].push(path);
      else if (became !== undefined) found.kept.push({ path, reason: became });
    } catch (error) {
      // Gone meanwhile: renamed into place by its writer, or removed by another sweep.
      if (codeOf(error) !== 'ENOENT')
        found.kept.push({ path, reason: 'failed', error: withoutDescriptors(error) as Error });
    }
  }
  return below;
}

/**
 * Names that may be this package's, with their owners if they are not locks; and names of possible directories below.
 */
function sort(
  names: readonly PathName[],
  recursive: boolean,
): [{ readonly name: PathName; readonly owner: Owner | undefined }[], PathName[]] {
  const left: { readonly name: PathName; readonly owner: Owner | undefined }[] = [];
  const below: PathName[] = [];
  for (const name of names) {
    const owner = parseToken(asText(name));
    if (owner !== undefined || isLockName(name)) left.push({ name, owner });
    if (recursive && (owner === undefined ? !isLockName(name) : owner.kind === 'version')) below.push(name);
  }
  // Things whose removal may remove a version too come before the versions.
  return [
    [...left.filter(({ owner }) => owner?.kind === 'tree'), ...left.filter(({ owner }) => owner?.kind !== 'tree')],
    below,
  ];
}

/** The result for a name, or what is to be reported of it. */
type Became = 'removed' | 'recoverable' | Reason | undefined;

function* sweepEntry(sweep: Sweep, folder: SweptFolder, name: PathName, owner: Owner): Steps<Became> {
  const status = yield* lookIn(folder.found, name);
  if (status === undefined) return undefined;
  switch (owner.kind) {
    case 'recovery':
      if (!isTrusted(sweep.operation, folder.found.status, status)) return 'foreign';
      return fileType(status.mode) === 'file' ? 'recoverable' : 'special';
    case 'version':
      return yield* sweepVersion(sweep, folder, name, status, owner);
    case 'tree':
      return yield* fileType(status.mode) === 'link'
        ? sweepPromised(sweep, folder, name, status)
        : sweepTree(sweep, folder, name);
    case 'temporary':
      return yield* sweepFile(sweep, folder, name, status, owner);
    default:
      return isForeign(sweep, status) ? 'foreign' : 'transaction';
  }
}

function* sweepFile(
  sweep: Sweep,
  folder: SweptFolder,
  name: PathName,
  status: FileStatus,
  owner: Owner,
): Steps<Became> {
  if (fileType(status.mode) !== 'file' && !isNewLink(sweep, folder, status)) return 'special';
  const reason = yield* reasonToLeave(sweep, folder, status, owner);
  if (reason !== undefined) return reason;
  if (status.nlink > 1 && !(yield* folder.hasOtherName(status))) return 'linked';
  if (sweep.dryRun) return 'removed';
  yield* unlinkIn(sweep.operation, folder.found, name);
  folder.forget(status);
  return 'removed';
}

/**
 * Whether it is a symbolic link before its rename. Others can give no link of this user such a name where they cannot
 * rename files.
 */
function isNewLink({ operation }: Sweep, { found }: SweptFolder, status: FileStatus): boolean {
  return fileType(status.mode) === 'link' && isTrusted(operation, found.status, status);
}

/**
 * A directory that was being filled or removed is removed with all its contents, if it is as only this package leaves
 * one.
 */
function* sweepTree(sweep: Sweep, folder: SweptFolder, name: PathName): Steps<Became> {
  const { operation } = sweep;
  const token = tokenOf(name);
  const owner = token === undefined ? undefined : parseToken(token);
  const swept = yield* inFound(operation, folder.found, name, function* (at): Steps<{ readonly became: Became }> {
    if (!isOwn(operation, at.status)) return { became: 'foreign' };
    const inside = token === undefined ? undefined : yield* lookInside(operation, at, token, yield* namesIn(at));
    if (owner === undefined || inside === undefined) return { became: 'special' };
    const last = [...inside.values(), at.status].toSorted((a, b) =>
      Number(lastChange(b) - lastChange(a)),
    )[0] as FileStatus;
    const reason = yield* reasonToLeave(sweep, folder, last, owner);
    if (reason !== undefined) return { became: reason };
    if (!sweep.dryRun) yield* removeEnclosure(operation, folder.found, name, at, inside);
    return { became: 'removed' };
  });
  return swept === undefined ? 'special' : swept.became;
}

/** A version that its maker has marked for removal after a while is then removed, whether its maker lives or not. */
function* sweepPromised(sweep: Sweep, folder: SweptFolder, name: PathName, link: FileStatus): Steps<Became> {
  const { operation } = sweep;
  if (!isOwn(operation, link)) return 'foreign';
  const promised = yield* readPromise(operation, folder.found, name, link);
  if (promised === undefined) return 'special';
  const isYoung = folder.isYoung ?? (yield* folder.askAge(sweep.olderThan));
  if (isYoung(lastChange(link))) return 'young';
  const { version, status } = promised;
  if (status !== undefined && (yield* folder.isLinkedTo(version))) return 'alive';
  if (sweep.dryRun) return 'removed';
  if (status !== undefined) yield* removeInEnclosure(operation, folder.found, version, status);
  yield* unlinkIn(operation, folder.found, name);
  return 'removed';
}

/** A version of a directory is never removed: only reported, if no link leads to it. */
function* sweepVersion(
  sweep: Sweep,
  folder: SweptFolder,
  name: PathName,
  status: FileStatus,
  owner: Owner,
): Steps<Became> {
  if (yield* folder.isLinkedTo(name)) return undefined;
  if (!isTrusted(sweep.operation, folder.found.status, status)) return 'foreign';
  if (fileType(status.mode) !== 'directory') return 'special';
  return sweep.judge(owner, lastChange(status), folder.exclusive) === 'alive' ? 'alive' : 'recoverable';
}

function* sweepLockIn(sweep: Sweep, folder: SweptFolder, name: PathName): Steps<Became> {
  let asksAge = false;
  const keptBecause = (status: FileStatus, owner: Owner): Reason | undefined => {
    const reason = isForeign(sweep, status) ? 'foreign' : judged(sweep, folder, status, owner);
    if (reason === 'asks') asksAge = true;
    return reason === 'asks' ? 'young' : reason;
  };
  const rules = { operation: sweep.operation, dryRun: sweep.dryRun, keptBecause };
  const swept = yield* sweepLock(rules, folder.found, name);
  if (!asksAge) return swept;
  yield* folder.askAge(sweep.olderThan);
  return yield* sweepLock(rules, folder.found, name);
}

/** Why the owner's things are left alone. */
function* reasonToLeave(
  sweep: Sweep,
  folder: SweptFolder,
  status: FileStatus,
  owner: Owner,
): Steps<Reason | undefined> {
  if (isForeign(sweep, status)) return 'foreign';
  const reason = judged(sweep, folder, status, owner);
  if (reason !== 'asks') return reason;
  yield* folder.askAge(sweep.olderThan);
  return judged(sweep, folder, status, owner) as Reason | undefined;
}

function isForeign({ operation }: Sweep, status: FileStatus): boolean {
  return operation.environment.uid !== 0 && !isOwn(operation, status);
}

function judged(
  sweep: Sweep,
  folder: SweptFolder,
  status: FileStatus,
  owner: Owner,
): 'alive' | 'young' | 'asks' | undefined {
  const { isYoung, exclusive } = folder;
  const changed = lastChange(status);
  const sign = sweep.judge(owner, changed, exclusive);
  if (sign !== 'unknown') return sign === 'alive' ? 'alive' : undefined;
  if (isYoung === undefined) return 'asks';
  return isYoung(changed) ? 'young' : undefined;
}
