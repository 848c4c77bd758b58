import { readData, readSyncData, textOf, type Content, type Data, type SyncData } from './data.ts';
import { misuse } from './errors.ts';
import { readOptions, type WriteOptions } from './options.ts';
import { describe, display, targetPath, type PathLike, type PathName } from './path.ts';
import { settled } from './protocol/contents.ts';
import { updateTarget, type Changed, type Updated } from './protocol/locked.ts';
import { Turn } from './protocol/turns.ts';
import { newLockedWrite, type LockedWrite } from './protocol/write.ts';
import type { UpdateResult } from './result.ts';
import { runAsync } from './system/async-driver.ts';
import type { Steps } from './system/calls.ts';
import { surroundings } from './system/surroundings.ts';
import { runSync } from './system/sync-driver.ts';
import type { Version } from './version.ts';

/** What an update returns to leave the file as it is. */
export const unchanged: unique symbol = Symbol.for('untorn.unchanged') as never;

/** What an update is told beside the content. */
export interface UpdateInfo {
  /** The version of the content; `'absent'` if there is no file. */
  readonly version: Version;
  /** The file, symbolic links followed. */
  readonly path: PathName;
}

type Kept = typeof unchanged;

/**
 * Replaces a file by what `update` makes of its content, and loses no update of others: it holds the file's lock meanwhile,
 * against every process and thread that updates the file so.
 *
 * `update` is given a Buffer, or a string if `encoding` is; or `undefined` if there is no file. It returns the new content, or
 * {@link unchanged}. If it throws, the old file stays. A process that dies in the middle leaves the old file, and its lock is free:
 * at once where its death can be seen (same machine and pid namespace), after its `lease` elsewhere.
 * Somebody who writes the file without the lock is noticed up to the moment of the rename (`ERR_VERSION_CONFLICT`).
 *
 * @throws what `update` throws; {@link TypeError} if it returns nothing; or by a {@link WriteError} with one of the codes
 * `ERR_LOCK_TIMEOUT` (others held the lock for all of `lock.timeout`), `ERR_LOCK_LOST` (this process was stopped for longer than its
 * lease, and another went on: nothing was written), `ERR_VERSION_CONFLICT`, or those of the system.
 * @example Count
 * ```ts
 * await updateFile('count', (old = '0') => String(Number(old) + 1), 'utf8');
 * ```
 */
export function updateFile(
  path: PathLike,
  update: (content: string | undefined, info: UpdateInfo) => Data | Kept | PromiseLike<Data | Kept>,
  options: BufferEncoding | (WriteOptions & { encoding: BufferEncoding }),
): Promise<UpdateResult>;
export function updateFile(
  path: PathLike,
  update: (content: Buffer | undefined, info: UpdateInfo) => Data | Kept | PromiseLike<Data | Kept>,
  options?: (WriteOptions & { encoding?: null | undefined }) | null,
): Promise<UpdateResult>;
export async function updateFile(
  path: PathLike,
  update: (content: never, info: UpdateInfo) => unknown,
  options?: BufferEncoding | WriteOptions | null,
): Promise<UpdateResult> {
  const { write, decode } = prepare(path, update, options, false);
  const changing = function* (old: Buffer | undefined, version: Version): Steps<Changed> {
    const returned = outcomeOf(async () => update(decode(old), { version, path: write.path }));
    const outcome = yield* settled(write, returned);
    return 'error' in outcome ? outcome : contentOf(write, outcome.value, (data) => readData(data as Data, write.settings.encoding));
  };
  return resultOf(await runAsync(updateTarget(write, new Turn(write), changing)));
}

/**
 * Replaces a file by what `update` makes of its content, as {@link updateFile} does, and blocks until it is done.
 *
 * A call that would have to wait for another of its own thread fails with `ERR_LOCK_DEADLOCK`.
 *
 * @throws as {@link updateFile}.
 * @example Count
 * ```ts
 * updateFileSync('count', (old = '0') => String(Number(old) + 1), 'utf8');
 * ```
 */
export function updateFileSync(
  path: PathLike,
  update: (content: string | undefined, info: UpdateInfo) => SyncData | Kept,
  options: BufferEncoding | (WriteOptions & { encoding: BufferEncoding }),
): UpdateResult;
export function updateFileSync(
  path: PathLike,
  update: (content: Buffer | undefined, info: UpdateInfo) => SyncData | Kept,
  options?: (WriteOptions & { encoding?: null | undefined }) | null,
): UpdateResult;
export function updateFileSync(path: PathLike, update: (content: never, info: UpdateInfo) => unknown, options?: BufferEncoding | WriteOptions | null): UpdateResult {
  const { write, decode } = prepare(path, update, options, true);
  // oxlint-disable-next-line require-yield -- an asynchronous update waits here
  const changing = function* (old: Buffer | undefined, version: Version): Steps<Changed> {
    try {
      const returned = update(decode(old), { version, path: write.path });
      return contentOf(write, returned, (data) => readSyncData(data as SyncData, write.settings.encoding));
    } catch (error) {
      return { error };
    }
  };
  return resultOf(runSync(updateTarget(write, new Turn(write), changing)));
}

type Decode = (content: Buffer | undefined) => never;

function prepare(path: PathLike, update: unknown, options: BufferEncoding | WriteOptions | null | undefined, blocking: boolean): { write: LockedWrite; decode: Decode } {
  if (typeof update !== 'function') throw misuse('ERR_INVALID_ARG_TYPE', `"update" must be a function, not ${describe(update)}`);
  const settings = readOptions(options);
  if (settings.fallback === 'in-place') throw misuse('ERR_INVALID_ARG_VALUE', `"options.fallback" must be 'error' here: others cannot be kept off what is written in place`);
  const write = newLockedWrite(targetPath(path), settings, surroundings, blocking);
  const asText = typeof options === 'string' || typeof options?.encoding === 'string';
  return { write, decode: (content) => (asText && content !== undefined ? textOf(content, settings.encoding) : content) as never };
}

function contentOf(write: LockedWrite, returned: unknown, read: (data: unknown) => Content): Changed {
  if (returned === unchanged) return { content: undefined };
  try {
    if (returned === undefined || (write.blocking && isThenable(returned))) throw wrongReturn(write, returned);
    return { content: read(returned) };
  } catch (error) {
    return { error };
  }
}

function wrongReturn(write: LockedWrite, returned: unknown): TypeError {
  const what = returned === undefined ? 'nothing; return the new content, or "unchanged" to leave the file as it is' : 'a promise; use the asynchronous function';
  return misuse('ERR_INVALID_RETURN_VALUE', `The update of "${display(write.path)}" returned ${what}`);
}

function isThenable(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('then' in value) || typeof value.then !== 'function') return false;
  // What it still does is of no interest; that must not end the program.
  (value as PromiseLike<unknown>).then(undefined, () => undefined);
  return true;
}

async function outcomeOf(run: () => Promise<unknown>): Promise<{ value: unknown } | { error: unknown }> {
  try {
    return { value: await run() };
  } catch (error) {
    return { error };
  }
}

function resultOf(updated: Updated): UpdateResult {
  if ('error' in updated) throw updated.error;
  return updated.result;
}
