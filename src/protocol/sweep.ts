/**
 * Removing what a `kill -9` or a power cut left.
 *
 * Promise: only temporary files of this package go (regular, of this user, with no other name but one beside it), and
 * directories and links that `replaceDirectory` was at, whose writer is dead; where that cannot be seen, as across containers and machines, only those that nobody has written for
 * long. Recovery files and whole directories are never removed: they may be the only copy of something.
 */
import { codeOf } from '../errors.ts';
import { asText, join, type PathName } from '../path.ts';
import type { KeptFile, SweepResult } from '../result.ts';
import { call, lastChange, type FileStatus, type Steps } from '../system/calls.ts';
import { fileType } from '../system/flags.ts';
import { parseToken, type Owner, type Sign } from '../system/owner.ts';
import { isExclusive } from './directory.ts';
import { ifThere } from './place.ts';
import { isLockName, sweepLock } from './sweep-locks.ts';
import { removeTree } from './tree.ts';
import type { Write } from './write.ts';

export interface Sweep {
  readonly directory: PathName;
  /** Age in milliseconds from which files of unknown owners go. */
  readonly olderThan: number;
  readonly recursive: boolean;
  readonly dryRun: boolean;
  readonly uid: number | undefined;
  judge(owner: Owner, lastChangeNs: bigint, exclusive: boolean): Sign;
  now(): number;
  /** How locks are taken over. */
  readonly write: Write;
}

/** In one directory. */
interface Sweeping extends Sweep {
  /** Whether only one kernel can have its filesystem mounted. */
  readonly exclusive: boolean;
}

type Found = { [K in keyof SweepResult]: SweepResult[K] extends readonly (infer T)[] ? T[] : never };

export function* sweepDirectory(given: Sweep): Steps<SweepResult> {
  const found: Found = { removed: [], kept: [], recoverable: [] };
  const folders = [given.directory];
  for (let folder; (folder = folders.pop()) !== undefined; ) {
    const names = yield* list(folder, folder === given.directory, found);
    const sweep = { ...given, exclusive: yield* isExclusive(given.write, { reach: folder }) };
    for (const name of names) {
      const path = join(folder, name);
      const owner = parseToken(asText(name));
      if (owner?.kind === 'version') {
        yield* listVersion(sweep, folder, names, name, owner, found);
        if (sweep.recursive && (yield* isDirectory(path))) folders.push(path);
      } else if (owner !== undefined) yield* sweepFile(sweep, folder, names, path, owner, found);
      else if (isLockName(name)) yield* sweepLockIn(sweep, folder, name, found);
      else if (sweep.recursive && (yield* isDirectory(path))) folders.push(path);
    }
  }
  return found;
}

/** The names in a directory. One below that cannot be read does not end the sweep. */
function* list(folder: PathName, first: boolean, found: Found): Steps<PathName[]> {
  try {
    return yield* call.readdir(folder);
  } catch (error) {
    if (first) throw error;
    // Gone meanwhile is no failure.
    if (codeOf(error) !== 'ENOENT') found.kept.push({ path: folder, reason: 'failed', error: error as Error });
    return [];
  }
}

function* sweepFile(sweep: Sweeping, folder: PathName, names: readonly PathName[], path: PathName, owner: Owner, found: Found): Steps<void> {
  try {
    const status = yield* call.lstat(path);
    if (owner.kind === 'recovery') {
      found.recoverable.push(path);
      return;
    }
    if (owner.kind === 'staged' || owner.kind === 'journal') {
      found.kept.push({ path, reason: 'transaction' });
      return;
    }
    const tree = owner.kind === 'tree' && fileType(status.mode) === 'directory';
    const ours = tree || (yield* isVersionLink(path, status));
    const special = !ours && fileType(status.mode) !== 'file' ? 'special' : undefined;
    const linked = (): boolean => !tree && status.nlink > 1;
    const reason = special ?? reasonToLeave(sweep, status, owner) ?? (linked() && !(yield* isHalfLinked(folder, names, path, status)) ? 'linked' : undefined);
    if (reason !== undefined) {
      found.kept.push({ path, reason });
      return;
    }
    if (!sweep.dryRun) yield* tree ? removeTree(sweep.write, path) : call.unlink(path);
    found.removed.push(path);
  } catch (error) {
    // Gone meanwhile: renamed into place by its writer, or removed by another sweep.
    if (codeOf(error) !== 'ENOENT') found.kept.push({ path, reason: 'failed', error: error as Error });
  }
}

function* sweepLockIn(sweep: Sweeping, folder: PathName, name: PathName, found: Found): Steps<void> {
  const path = join(folder, name);
  try {
    const swept = yield* sweepLock({ write: sweep.write, dryRun: sweep.dryRun, keptBecause: (status, owner) => reasonToLeave(sweep, status, owner) }, { directory: { reach: folder }, directoryPath: folder }, name);
    if (swept === 'removed') found.removed.push(path);
    else if (swept !== undefined) found.kept.push({ path, reason: swept });
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') found.kept.push({ path, reason: 'failed', error: error as Error });
  }
}

/** Whether it is the link of a directory's version before its rename. */
function* isVersionLink(path: PathName, { mode }: FileStatus): Steps<boolean> {
  return fileType(mode) === 'link' && parseToken(asText(yield* call.readlink(path)))?.kind === 'version';
}

/** A version of a directory is never removed: only told of, if no link leads to it. */
function* listVersion(sweep: Sweeping, folder: PathName, names: readonly PathName[], name: PathName, owner: Owner, found: Found): Steps<void> {
  const path = join(folder, name);
  try {
    const status = yield* call.lstat(path);
    for (const other of names) {
      const at = join(folder, other);
      const type = yield* ifThere(call.lstat(at));
      // The temporary link of one that is being replaced does not count.
      if (type !== undefined && fileType(type.mode) === 'link' && parseToken(asText(other)) === undefined && asText(yield* call.readlink(at)) === asText(name)) return;
    }
    if (sweep.judge(owner, lastChange(status), sweep.exclusive) === 'alive') found.kept.push({ path, reason: 'alive' });
    else found.recoverable.push(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') found.kept.push({ path, reason: 'failed', error: error as Error });
  }
}

/** Why the owner's things are left alone. */
function reasonToLeave(sweep: Sweeping, status: FileStatus, owner: Owner): KeptFile['reason'] | undefined {
  // The superuser may also have left a file that it had given to its final owner already.
  if (sweep.uid !== undefined && sweep.uid !== 0 && status.uid !== sweep.uid) return 'foreign';
  const changed = lastChange(status);
  switch (sweep.judge(owner, changed, sweep.exclusive)) {
    case 'dead':
      return undefined;
    case 'alive':
      return 'alive';
    case 'unknown':
      return sweep.now() - Number(changed / 1_000_000n) < sweep.olderThan ? 'young' : undefined;
  }
}

/**
 * Whether the same file has another name in the directory, so that nothing is lost: a writer that creates only died between link(2)
 * and unlink(2), or one that makes a backup between link(2) and rename(2), where the target may have further names.
 */
function* isHalfLinked(folder: PathName, names: readonly PathName[], path: PathName, status: FileStatus): Steps<boolean> {
  for (const name of names) {
    const other = join(folder, name);
    if (asText(other) === asText(path)) continue;
    try {
      const { dev, ino } = yield* call.lstat(other);
      if (dev === status.dev && ino === status.ino) return true;
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  }
  return false;
}

function* isDirectory(path: PathName): Steps<boolean> {
  try {
    return fileType((yield* call.lstat(path)).mode) === 'directory';
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}
