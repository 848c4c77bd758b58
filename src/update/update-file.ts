import {
  readData,
  readSyncData,
  textOf,
  type Content,
  type Data,
  type SyncData,
  readRetries,
  type UpdateOptions,
  display,
  type PathLike,
  type UpdateResult,
  unchanged,
  type Kept,
} from '../contract/index.ts';
import { runAsync, type Steps, runSync } from '../system/index.ts';
import { type LockedOperation, readOptionsAnd } from '../files/index.ts';
import { Turn } from '../order/index.ts';
import { updateTarget, type Updated } from '../replace/index.ts';
import { lockedWrite, outcomeOf, type UpdateInfo } from './updating.ts';

/**
 * Replaces a file by the result of `update` for its content, and loses no update of others: it holds the file's lock
 * meanwhile, against all processes and threads that use this function.
 *
 * `update` receives a Buffer, or a string if `encoding` is given; `undefined` if there is no file. It returns the new
 * content, or {@link unchanged}. If it throws, the old file stays. The lock of a dead process is free at once if its
 * death can be seen, otherwise after its `lease`. A call for the same file that `update` makes and awaits waits for
 * `update` itself, until `ERR_LOCK_TIMEOUT`. A write without the lock is noticed up to the rename
 * (`ERR_VERSION_CONFLICT`); with `retries` the call then begins again, which is right if `update` has no other effect.
 *
 * @see docs/guides/processes.md
 * @throws what `update` throws; {@link TypeError} if it returns nothing; or a {@link WriteError} with one of the codes
 * `ERR_LOCK_TIMEOUT` (others held the lock for the whole `lock.timeout`), `ERR_LOCK_LOST` (this process was stopped for
 * longer than its lease, and another went on: nothing was written), `ERR_VERSION_CONFLICT`, or those of the system.
 * @example Count
 * ```ts
 * await updateFile('count', (old = '0') => String(Number(old) + 1), 'utf8');
 * ```
 */
export function updateFile(
  path: PathLike,
  update: (content: string | undefined, info: UpdateInfo) => Data | Kept | PromiseLike<Data | Kept>,
  options: BufferEncoding | (UpdateOptions & { encoding: BufferEncoding }),
): Promise<UpdateResult>;
export function updateFile(
  path: PathLike,
  update: (content: Buffer | undefined, info: UpdateInfo) => Data | Kept | PromiseLike<Data | Kept>,
  options?: (UpdateOptions & { encoding?: null | undefined }) | null,
): Promise<UpdateResult>;
export async function updateFile(
  path: PathLike,
  update: (content: never, info: UpdateInfo) => unknown,
  options?: BufferEncoding | UpdateOptions | null,
): Promise<UpdateResult> {
  return resultOf(await runAsync(updating(path, update, options, false)));
}

/**
 * Replaces a file by the result of `update` for its content, like {@link updateFile}, and blocks until it is done.
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
  options: BufferEncoding | (UpdateOptions & { encoding: BufferEncoding }),
): UpdateResult;
export function updateFileSync(
  path: PathLike,
  update: (content: Buffer | undefined, info: UpdateInfo) => SyncData | Kept,
  options?: (UpdateOptions & { encoding?: null | undefined }) | null,
): UpdateResult;
export function updateFileSync(
  path: PathLike,
  update: (content: never, info: UpdateInfo) => unknown,
  options?: BufferEncoding | UpdateOptions | null,
): UpdateResult {
  return resultOf(runSync(updating(path, update, options, true)));
}

function updating(
  path: PathLike,
  update: (content: never, info: UpdateInfo) => unknown,
  options: BufferEncoding | UpdateOptions | null | undefined,
  blocking: boolean,
): Steps<Updated> {
  const { settings, fields } = readOptionsAnd(options, ['retries']);
  const retries = readRetries(fields);
  const operation = lockedWrite(path, update, settings, blocking);
  const asText = typeof fields['encoding'] === 'string';
  return updateTarget(
    operation,
    new Turn(operation),
    function* (old, version) {
      const content = asText && old !== undefined ? textOf(old, settings.encoding) : old;
      const outcome = yield* outcomeOf(
        operation,
        () => update(content as never, { version, path: operation.path }),
        (data) => contentOf(operation, data),
      );
      return 'error' in outcome ? outcome : { content: outcome.value };
    },
    retries,
  );
}

function contentOf({ blocking, given, settings: { encoding } }: LockedOperation, data: unknown): Content | undefined {
  if (data === unchanged) return undefined;
  const what = `The result of the update of "${display(given)}"`;
  return blocking ? readSyncData(data as SyncData, encoding, what) : readData(data as Data, encoding, what);
}

function resultOf(updated: Updated): UpdateResult {
  if ('error' in updated) throw updated.error;
  return updated.result;
}
