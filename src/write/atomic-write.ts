import {
  type WriteOptions,
  type PathLike,
  type PathName,
  type WriteResult,
  assertFunction,
  refusePromise,
} from '../contract/index.ts';
import { openPendingSync, PendingFileSync } from './pending-file-sync.ts';
import { openPending, PendingFile } from './pending-file.ts';

/**
 * Calls `callback` with a file to write. When it returns, that file replaces the one at `path`; when it throws, the old
 * one stays and the error is passed on.
 *
 * With `temporary: { keepOnError: true }` the content written so far is then kept, and the error's `temporaryPath` says
 * where.
 *
 * @see docs/functions.md
 * @throws what the callback throws, or a {@link WriteError}; or a TypeError (`ERR_INVALID_STATE`) if the callback
 * discarded the file.
 * @example Write what may fail half way
 * ```ts
 * await atomicWrite('report.csv', async (file) => {
 *   for (const row of ['name,size\n', 'a,1\n']) await file.write(row);
 * });
 * ```
 */
export async function atomicWrite(
  path: PathLike,
  callback: (file: PendingFile) => unknown,
  options?: WriteOptions | BufferEncoding | null,
): Promise<WriteResult> {
  assertFunction(callback, 'callback');
  const file = await openPending(path, options);
  try {
    await callback(file);
  } catch (error) {
    throw naming(error, await PendingFile.fail(file));
  }
  return (await PendingFile.result(file)) ?? file.commit();
}

/** The return type of a callback that has done all of its work: not a promise. */
type Returned<T> = T extends PromiseLike<unknown> ? never : T;

/**
 * Calls `callback` with a file to write, which then replaces the one at `path`, blocking; see {@link atomicWrite}.
 *
 * @throws {TypeError} `ERR_INVALID_RETURN_VALUE` if the callback returned a promise; the old file stays.
 */
export function atomicWriteSync<T>(
  path: PathLike,
  callback: (file: PendingFileSync) => Returned<T>,
  options?: WriteOptions | BufferEncoding | null,
): WriteResult {
  assertFunction(callback, 'callback');
  const file = openPendingSync(path, options);
  try {
    refusePromise(callback(file), 'atomicWrite');
  } catch (error) {
    throw naming(error, PendingFileSync.fail(file));
  }
  return PendingFileSync.result(file) ?? file.commit();
}

/** The callback's own error, with the path of the temporary file, if it was kept. */
function naming(error: unknown, temporaryPath: PathName | undefined): unknown {
  if (temporaryPath === undefined) return error;
  if (typeof error === 'object' && error !== null && Object.isExtensible(error))
    return Object.assign(error, { temporaryPath });
  return Object.assign(new Error(`The new content is kept in "${temporaryPath.toString()}"`, { cause: error }), {
    temporaryPath,
  });
}
