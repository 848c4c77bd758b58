/**
 * Turns the options of the command line into those of the library. Contradictory options are refused before anything is
 * touched.
 */
import {
  type Backup,
  type Keep,
  type LockOptions,
  type PathLike,
  type Preserve,
  type WriteOptions,
  isVersion,
} from '../contract/index.ts';
import { pathFrom } from './arguments/arguments.ts';
import { readDuration } from './arguments/duration.ts';
import { UsageError } from './failures.ts';
import { valueOf } from './arguments/parse.ts';
import type { Invocation } from './arguments/table.ts';

export async function readWriteOptions(invocation: Invocation): Promise<WriteOptions> {
  const { flags, values } = invocation;
  if (flags.has('tee') && flags.has('json'))
    throw new UsageError('--tee and --json both write to standard output; use one of them');
  if (flags.has('quiet') && flags.has('verbose')) throw contradictory();
  const mode = valueOf(invocation, 'mode');
  if (mode !== undefined) checkMode(mode, '--mode');
  const owner = valueOf(invocation, 'owner');
  const ifMatch = valueOf(invocation, 'if-match');
  if (ifMatch !== undefined) checkVersion(ifMatch, '--if-match');
  if (ifMatch !== undefined && flags.has('in-place-fallback'))
    throw new UsageError(
      '--if-match cannot be combined with --in-place-fallback: a write in place cannot exclude others',
    );
  const directory = readDirectory(invocation);
  // The parser has checked the choices.
  const durability = valueOf(invocation, 'durability') as WriteOptions['durability'];
  const symlink = valueOf(invocation, 'symlink') as WriteOptions['symlink'];
  const hardLink = valueOf(invocation, 'hard-link') as WriteOptions['hardLink'];
  return {
    ...(durability !== undefined && { durability }),
    ...(symlink !== undefined && { symlink }),
    ...(hardLink !== undefined && { hardLink }),
    ...(mode !== undefined && { mode }),
    ...(owner !== undefined && { owner: (await import('./arguments/owner.ts')).readOwner(owner) }),
    ...(ifMatch !== undefined && { ifMatch }),
    lock: readLock(invocation),
    ...(directory !== undefined && { temporary: { directory } }),
    preserve: readPreserve(values.get('preserve') ?? []),
    backup: readBackup(invocation),
    overwrite: !flags.has('no-overwrite'),
    makeParents: flags.has('make-parents'),
    filesystem: flags.has('any-filesystem') ? 'any' : 'safe',
    fallback: flags.has('in-place-fallback') ? 'in-place' : 'error',
    ifUnchanged: flags.has('skip-unchanged') ? 'skip' : 'write',
  };
}

/** The options of commands that change one name. */
export function readNameOptions(
  invocation: Invocation,
): Pick<WriteOptions, 'durability' | 'filesystem' | 'ifMatch' | 'lock' | 'makeParents' | 'mode' | 'overwrite'> {
  const { flags } = invocation;
  if (flags.has('quiet') && flags.has('verbose')) throw contradictory();
  const [mode, ifMatch] = [valueOf(invocation, 'mode'), valueOf(invocation, 'if-match')];
  if (mode !== undefined) checkMode(mode, '--mode');
  if (ifMatch !== undefined) checkVersion(ifMatch, '--if-match');
  const durability = valueOf(invocation, 'durability') as WriteOptions['durability'];
  return {
    ...(durability !== undefined && { durability }),
    ...(mode !== undefined && { mode }),
    ...(ifMatch !== undefined && { ifMatch }),
    lock: readLock(invocation),
    filesystem: flags.has('any-filesystem') ? 'any' : 'safe',
    makeParents: flags.has('make-parents'),
    overwrite: !flags.has('no-overwrite'),
  };
}

function contradictory(): UsageError {
  return new UsageError('--quiet and --verbose contradict each other');
}

export function checkMode(text: string, option: string): void {
  if (!/^[0-7]{1,4}$/.test(text)) throw new UsageError(`${option} must be one to four octal digits, not "${text}"`);
}

export function checkVersion(text: string, option: string): void {
  if (!isVersion(text))
    throw new UsageError(`${option} must be a SHA-256 in hexadecimal digits, or "absent", not "${text}"`);
}

/** The longest time of a timer in milliseconds: 24 days. */
const longest = 0x7fffffff;

function readDirectory(invocation: Invocation): PathLike | undefined {
  const directory = valueOf(invocation, 'temporary-directory');
  if (directory === '') throw new UsageError('--temporary-directory is empty');
  return directory === undefined ? undefined : pathFrom(directory);
}

/** How long to wait for locks. */
export function readLock(invocation: Invocation): LockOptions {
  const timeout = valueOf(invocation, 'lock-timeout');
  return timeout === undefined ? {} : { timeout: Math.min(readDuration(timeout, '--lock-timeout'), longest) };
}

/** A whole number, 0 if it is not given. */
export function readCount(invocation: Invocation, name: string): number {
  const text = valueOf(invocation, name) ?? '0';
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`--${name} must be a whole number, not "${text}"`);
  return Number(text);
}

const kept: Readonly<Record<string, keyof Preserve>> = {
  mode: 'mode',
  owner: 'owner',
  xattr: 'xattr',
  flags: 'flags',
  times: 'times',
};
const keeps: Readonly<Record<string, Keep>> = { try: 'try', require: 'require', off: 'off' };

function readPreserve(lists: readonly string[]): Preserve {
  const preserve: Preserve = {};
  for (const entry of lists.flatMap((list) => list.split(','))) {
    const [what = '', how = 'try'] = entry.split('=', 2);
    const field = kept[what];
    const keep = keeps[how];
    if (field === undefined || keep === undefined) {
      throw new UsageError(
        `--preserve takes mode, owner, xattr, flags and times, each alone or with =try, =require or =off, not "${entry}"`,
      );
    }
    preserve[field] = keep;
  }
  return preserve;
}

function readBackup(invocation: Invocation): Backup {
  const kind = valueOf(invocation, 'backup');
  const limit = valueOf(invocation, 'backup-limit');
  const path = valueOf(invocation, 'backup-path');
  if (path !== undefined) {
    if (kind !== undefined || limit !== undefined)
      throw new UsageError('--backup-path cannot be combined with --backup or --backup-limit');
    if (path === '') throw new UsageError('--backup-path is empty');
    const bytes = pathFrom(path);
    // The library takes some words for kinds of backup, so a path is passed as bytes.
    return typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
  }
  if (limit !== undefined) {
    if (kind !== undefined && kind !== 'numbered')
      throw new UsageError(`--backup-limit goes with --backup numbered, not ${kind}`);
    if (!/^[1-9]\d{0,8}$/.test(limit))
      throw new UsageError(`--backup-limit must be a whole number from 1, not "${limit}"`);
    return { numbered: Number(limit) };
  }
  return kind === 'simple' || kind === 'numbered' ? kind : false;
}
