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
   * `'full'` and `'normal'`: all files and directories of the new one are synced before it is in place; the old one is
   * removed only when that is durable, and stays if the filesystem cannot tell. `'off'`: nothing is synced.
   * @default 'full'
   */
  durability?: Durability | undefined;
  /** Keep the old directory; the result's `oldPath` says where it is. @default false */
  keepOld?: boolean | undefined;
  /** How to wait for the path's lock and hold it. @default { timeout: 30_000, lease: 10_000 } */
  lock?: LockOptions | undefined;
  /** Aborts; no effect once the new directory is in place. @default none */
  signal?: AbortSignal | undefined;
  /** See `filesystem` of {@link WriteOptions}. @default 'safe' */
  filesystem?: 'safe' | 'any' | undefined;
}

/** What replacing a directory did. */
export interface ReplaceDirectoryResult {
  readonly path: PathName;
  /** Where the new directory is: the path itself, or the target of its symbolic link. */
  readonly directory: PathName;
  /** Whether there was a directory before. */
  readonly replaced: boolean;
  /** Whether the new directory survives a power cut: confirmed, not asked for, or impossible on this filesystem. */
  readonly durable: boolean | 'unsupported';
  /**
   * Where the old directory is, if it still exists: it was kept, not made by this function, not removable, others could
   * have put it there, other machines may read it, or the new one is not known to be durable.
   */
  readonly oldPath: PathName | undefined;
}

/**
 * Replaces a whole directory at once: whoever opens `path` gets the whole old or the whole new directory, never a
 * mixture.
 *
 * `source` is the path of a prepared directory on the same filesystem, which is moved; or a function that receives the
 * path of an empty directory and fills it. If it throws, the old directory stays, and its error is passed on.
 *
 * If `path` is a symbolic link to a directory, or does not exist, it becomes a symbolic link to a directory beside it.
 * If it is a directory, both are exchanged, which needs Linux and the native part of this package. The old directory is
 * removed, unless `keepOld`, or it may be somebody else's, or others may be reading it (docs/guarantees.md).
 *
 * A reader that uses the path twice may see two directories: it opens the directory once, and reaches all files through
 * it. The old directory's ACL is not kept. A directory that a function fills gets the old one's mode, and its group and
 * owner if permitted.
 *
 * @throws {WriteError} with the codes of the system, as `ENOTDIR`; `EXDEV` (`source` is on another filesystem);
 * `ENOTSUP` (`path` is a real directory and cannot be exchanged here, or this is Windows); `ERR_LOCK_TIMEOUT`;
 * `ERR_VERSION_CONFLICT` (the new directory was moved or replaced meanwhile).
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
 * Replaces a whole directory at once, like {@link replaceDirectory}, and blocks until it is done.
 *
 * @throws as {@link replaceDirectory}.
 * @example Go back to the previous version
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
  const fields = record(options, 'options', ['durability', 'keepOld', 'lock', 'signal', 'filesystem']);
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
  // Its return value does not matter, unless it is a promise.
  const fill = (directory: PathName): (() => unknown) =>
    blocking ? () => source(directory as string) ?? null : async () => (await source(directory as string)) ?? null;
  return replaceTree(operation, { fill: (directory) => outcomeOf(operation, fill(directory)) }, keepOld);
}

function sourcePath(source: PathLike): TreeSource {
  if (typeof source !== 'string' && !isUrl(source) && !Buffer.isBuffer(source))
    throw misuse('ERR_INVALID_ARG_TYPE', `"source" must be a path or a function, not ${describe(source)}`);
  return { path: withoutSlash(absolutePath(source, 'source')) };
}

/** Removes the slash at the end of a directory's name, which would follow a link. */
function withoutSlash(path: PathName): PathName {
  const { directory, name } = split(path);
  return asText(name) === '' && asText(directory) !== asText(path) ? directory : path;
}

// oxlint-disable-next-line require-yield -- it stands where the steps would
function* refuseWindows(): Steps<never> {
  throw refusal('ENOTSUP', 'Windows cannot replace a directory at once');
}

function resultOf(outcome: Outcome): ReplaceDirectoryResult {
  if ('error' in outcome) throw outcome.error;
  return outcome.result;
}
