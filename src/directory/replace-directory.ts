import {
  describe,
  misuse,
  refusal,
  flag,
  record,
  type Durability,
  type LockOptions,
  type WriteOptions,
  asText,
  isUrl,
  split,
  type PathLike,
  type PathName,
} from '../contract/index.ts';
import { runAsync, environment, absolutePath, targetPath, type Steps, runSync } from '../system/index.ts';
import { newLockedOperation, reporting, type LockedOperation, readOptions } from '../files/index.ts';
import { outcomeOf } from '../update/index.ts';
import { replaceTree, type Outcome, type TreeSource } from './swap.ts';

/** How to replace a directory. */
export interface ReplaceDirectoryOptions {
  /**
   * `'full'` and `'normal'`: every file and directory of the new one is synced before it is in place, and the old one
   * is removed only when that is durable; where the filesystem cannot tell, it stays. `'off'`: nothing is synced.
   * @default 'full'
   */
  durability?: Durability | undefined;
  /** Keep the old directory; the result's `oldPath` says where it is. @default false */
  keepOld?: boolean | undefined;
  /** How the path's lock is waited for and held. */
  lock?: LockOptions | undefined;
  /** Aborts; without effect once the new directory is in place. */
  signal?: AbortSignal | undefined;
}

/** What replacing a directory did. */
export interface ReplaceDirectoryResult {
  readonly path: PathName;
  /** Where the new directory is: the path itself, or what the symbolic link there leads to. */
  readonly directory: PathName;
  /** Whether there was a directory before. */
  readonly replaced: boolean;
  /** Whether the new directory survives a power cut: confirmed, not asked for, or the filesystem cannot. */
  readonly durable: boolean | 'unsupported';
  /**
   * Where the old directory is, if it is there still: kept, not made by this function, not removable, where others
   * could have put it there or other machines may read it, or the new one not known to be durable.
   */
  readonly oldPath: PathName | undefined;
}

/**
 * Replaces a whole directory at once: whoever opens `path` gets the whole old or the whole new directory, never a
 * mixture.
 *
 * `source` is the path of a directory that is ready, on the same filesystem, which is moved; or a function that fills
 * an empty directory, whose path it is given. If it throws, the old directory stays, and its error is passed on.
 *
 * Where `path` is a symbolic link to a directory, or nothing, it becomes a symbolic link to a directory beside it.
 * Where it is a directory itself, both are exchanged, for which GNU coreutils 9.5 or later must be installed (Linux).
 * The old directory is removed, unless `keepOld`, or where it may be somebody else's, or others may be reading it
 * (docs/guarantees.md).
 *
 * A reader that uses the path twice may see two: it opens the directory once, and reaches all files through it. Not kept:
 * the old directory's ACL. Its mode is, and its group and owner where one may give them, for a directory that a function
 * fills.
 *
 * @throws {WriteError} with the codes of the system, as `ENOTDIR`; `EXDEV` (`source` is on another filesystem);
 *   `ENOTSUP` (`path` is a real directory and cannot be exchanged here, or this is Windows); `ERR_LOCK_TIMEOUT`;
 *   `ERR_VERSION_CONFLICT` (somebody has moved or replaced the new directory on its way).
 * @throws what `source` throws.
 * @example Publish a site
 * ```ts
 * await replaceDirectory('site', async (directory) => {
 *   await writeFile(`${directory}/index.html`, '<h1>New</h1>', { durability: 'off' });
 * });
 * ```
 */
export async function replaceDirectory(
  path: PathLike,
  source: PathLike | ((directory: string) => unknown),
  options?: ReplaceDirectoryOptions,
): Promise<ReplaceDirectoryResult> {
  return resultOf(await runAsync(replacing(path, source, options, false)));
}

/**
 * Replaces a whole directory at once, as {@link replaceDirectory} does, and blocks until it is done.
 *
 * @throws as {@link replaceDirectory}.
 * @example Go back to the version before
 * ```ts
 * replaceDirectorySync('site', (directory) => writeFileSync(`${directory}/index.html`, 'old'));
 * const { oldPath } = replaceDirectorySync('site', (directory) => writeFileSync(`${directory}/index.html`, 'new'), { keepOld: true });
 * if (oldPath !== undefined) replaceDirectorySync('site', oldPath);
 * ```
 */
export function replaceDirectorySync(
  path: PathLike,
  source: PathLike | ((directory: string) => unknown),
  options?: ReplaceDirectoryOptions,
): ReplaceDirectoryResult {
  return resultOf(runSync(replacing(path, source, options, true)));
}

function replacing(
  given: PathLike,
  source: PathLike | ((directory: string) => unknown),
  options: ReplaceDirectoryOptions | undefined,
  blocking: boolean,
): Steps<Outcome> {
  const fields = record(options, 'options', ['durability', 'keepOld', 'lock', 'signal']);
  const { keepOld: _, ...common } = fields;
  const settings = readOptions({ ...common, linger: false } as WriteOptions);
  const keepOld = flag(fields, 'keepOld', false);
  const target = targetPath(given);
  const path = withoutSlash(target.path);
  const operation: LockedOperation = {
    ...newLockedOperation({ ...target, path }, settings, environment, blocking),
    operation: 'replace directory',
  };
  if (environment.platform === 'win32') return reporting(operation, refuseWindows());
  if (typeof source !== 'function') return replaceTree(operation, sourcePath(source), keepOld);
  // What it returns does not matter; only a promise does.
  const fill = (directory: PathName): (() => unknown) =>
    blocking ? () => source(directory as string) ?? null : async () => (await source(directory as string)) ?? null;
  return replaceTree(operation, { fill: (directory) => outcomeOf(operation, fill(directory)) }, keepOld);
}

function sourcePath(source: PathLike): TreeSource {
  if (typeof source !== 'string' && !isUrl(source) && !Buffer.isBuffer(source))
    throw misuse('ERR_INVALID_ARG_TYPE', `"source" must be a path or a function, not ${describe(source)}`);
  return { path: withoutSlash(absolutePath(source, 'source')) };
}

/** A directory may be named with a slash at the end, which would follow a link. */
function withoutSlash(path: PathName): PathName {
  const { directory, name } = split(path);
  return asText(name) === '' && asText(directory) !== asText(path) ? directory : path;
}

// oxlint-disable-next-line require-yield -- it stands where the steps would
function* refuseWindows(): Steps<never> {
  throw refusal('ENOTSUP', 'Windows cannot put one directory in the place of another at once');
}

function resultOf(outcome: Outcome): ReplaceDirectoryResult {
  if ('error' in outcome) throw outcome.error;
  return outcome.result;
}
