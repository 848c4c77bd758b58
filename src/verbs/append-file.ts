/**
 * Appending records to a file.
 *
 * A record is a line: it ends with a newline, and nothing else says that it is whole. So a last line without one is what
 * a crash has left of a record that nobody was told of. It is kept aside and cut off before the next record is appended.
 *
 * Promise: no byte that is followed by a newline is ever changed or removed. The file's lock is held from the look at its
 * end to the sync, so that no two calls, of any processes, mix. A failure cuts off what this call has written, if nobody
 * else has written since. See open(2) (O_APPEND), fsync(2).
 */
import { chunkBytes, misuse, record, type Chunk, type PathLike, type WriteOptions } from '../contract/index.ts';
import { runAsync, runSync, targetPath, type Steps } from '../system/index.ts';
import { readOptions } from '../files/index.ts';
import { underLock } from '../journal/index.ts';
import { appendTo, type AppendResult } from './append.ts';
import { newLockedCall, onName } from './name.ts';

/** Options of appending. */
export type AppendOptions = Pick<
  WriteOptions,
  | 'filesystem'
  | 'durability'
  | 'sync'
  | 'encoding'
  | 'signal'
  | 'mode'
  | 'symlink'
  | 'makeParents'
  | 'lock'
  | 'retry'
  | 'linger'
>;

/**
 * Appends `data` to a file of lines, such as a log or a journal. `data` has to end with a newline; each line is a record.
 *
 * Once the promise has resolved with `durability: 'full'`, the default, the data survives a power cut; with `'normal'`
 * it is synced too, but not the name of a new file; with `'off'` nothing is. The file's lock excludes other calls of this
 * function, updates and writes with `ifMatch`, in all processes: records never mix, and each call costs a lock and a
 * sync, so give several lines at once if there are many.
 *
 * **Atomic is a line, not a call.** Readers may see a part of the data while it is written. If the process is killed or
 * the power fails before the call has returned, a beginning of the data may stay. Whole lines of it count. A last line
 * without a newline is torn: the next call moves it to a file beside (`torn` in the result, `recoverable` for a sweep)
 * and cuts it off. So a file that an editor has left without a final newline loses its last line to that file. After a
 * power cut a filesystem may also have written the end of unconfirmed data and not its middle: if that matters, give each
 * record a checksum.
 *
 * If it fails, as with ENOSPC, what was written is cut off again: `outcome` is `'old'`. It is `'unknown'` if somebody who
 * does not take the lock has written or replaced the file meanwhile, or this process was stopped for longer than its
 * lease. Hard links, owner, mode and attributes of the file stay. See open(2), fsync(2).
 *
 * @see docs/verbs.md
 * @throws {WriteError} by rejecting, with the codes `ERR_LOCK_TIMEOUT`, `ERR_LOCK_LOST`, `ERR_VERSION_CONFLICT` (the file
 * was replaced meanwhile) or those of the system.
 * @throws {TypeError | RangeError} by rejecting, for wrong arguments, before anything is touched.
 * @example Keep a journal
 * ```ts
 * await appendFile('journal.jsonl', `${JSON.stringify({ event: 'started' })}\n`);
 * ```
 */
export async function appendFile(
  path: PathLike,
  data: Chunk,
  options?: AppendOptions | BufferEncoding | null,
): Promise<AppendResult> {
  return runAsync(appending(path, data, options, false));
}

/**
 * Appends `data` to a file of lines, like {@link appendFile}, and blocks until it is done.
 *
 * @throws as {@link appendFile}; `ERR_LOCK_DEADLOCK` if an earlier call for this file is still under way.
 * @example Keep a journal
 * ```ts
 * appendFileSync('journal.jsonl', `${JSON.stringify({ event: 'started' })}\n`);
 * ```
 */
export function appendFileSync(
  path: PathLike,
  data: Chunk,
  options?: AppendOptions | BufferEncoding | null,
): AppendResult {
  return runSync(appending(path, data, options, true));
}

/** The steps of appending. */
export function appending(
  path: PathLike,
  data: Chunk,
  options: AppendOptions | BufferEncoding | null | undefined,
  blocking: boolean,
): Steps<AppendResult> {
  const fields = record(typeof options === 'string' ? { encoding: options } : options, 'options', known);
  const settings = readOptions(fields as WriteOptions);
  if (settings.symlink === 'replace')
    throw misuse('ERR_INVALID_ARG_VALUE', `"options.symlink" must be 'follow' or 'refuse', not 'replace'`);
  const bytes = chunkBytes(data, settings.encoding);
  if (bytes.at(-1) !== newline)
    throw misuse(
      'ERR_INVALID_ARG_VALUE',
      '"data" must end with a newline: a last line without one counts as torn by a crash',
    );
  const started = newLockedCall(targetPath(path), settings, { operation: 'append to' }, blocking);
  return onName(started, (name) => underLock(name.operation, name.target, (lock) => appendTo(name, lock, bytes)));
}

const newline = 0x0a;

const known = [
  'filesystem',
  'durability',
  'sync',
  'encoding',
  'signal',
  'mode',
  'symlink',
  'makeParents',
  'lock',
  'retry',
  'linger',
] as const satisfies readonly (keyof AppendOptions)[];
