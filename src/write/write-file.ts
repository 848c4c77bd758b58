import {
  readData,
  readSyncData,
  type Content,
  type Data,
  type SyncData,
  type WriteOptions,
  type PathLike,
  type WriteResult,
} from '../contract/index.ts';
import { startAsync, environment, targetPath, queueMicrotask, runSync } from '../system/index.ts';
import { newOperation, type Operation, readOptions } from '../files/index.ts';
import { Turn } from '../order/index.ts';
import { replaceFile, supersededBy } from '../replace/index.ts';

/**
 * Replaces the file at `path` with `data`: readers see the old content or the new, never a mixture.
 *
 * After a crash the file holds the old content or the new, whole. Once the promise has resolved with `durability:
 * 'full'`, the default, the new content survives a power cut. Of unawaited calls for one file the last one wins; the
 * others resolve as `superseded`. Not kept: other hard links to the file (they keep the old content) and the inode
 * number. See docs/guarantees.md, rename(2), fsync(2).
 *
 * @throws {WriteError} by rejecting; `outcome` tells which content the file has (`ENOSPC` → `'old'`).
 * @throws {TypeError | RangeError} by rejecting, for wrong arguments, before anything is touched.
 * @example Replace a file
 * ```ts
 * const { durable } = await writeFile('settings.json', '{"theme": "dark"}\n');
 * ```
 */
export function writeFile(
  path: PathLike,
  data: Data,
  options?: WriteOptions | BufferEncoding | null,
): Promise<WriteResult> {
  try {
    const settings = readOptions(options);
    const target = targetPath(path);
    const content = readData(data, settings.encoding);
    return writeLater(newOperation(target, settings, environment, false), content);
  } catch (error) {
    return Promise.reject(error as Error);
  }
}

/** Starts the write of an operation, or defers it until no newer call can supersede it. */
export function writeLater(operation: Operation, content: Content): Promise<WriteResult> {
  const turn = new Turn(operation);
  return new Promise((resolve, reject) => {
    const begin = (): void => startAsync(replaceFile(operation, turn, content), resolve, reject);
    if (content.kind === 'source') return begin();
    const { byteLength } = content.bytes;
    const waits = turn.standBy((newer) => {
      // Not within the steps of the write that has just ended: ten thousand could begin one inside another.
      if (newer === undefined) return queueMicrotask(begin);
      turn.leave();
      resolve(supersededBy(newer, byteLength));
    });
    if (!waits) begin();
  });
}

/**
 * Replaces the file at `path` with `data`, like {@link writeFile}, and blocks until it is done.
 *
 * It comes after every earlier call: a {@link writeFile} that is still under way no longer changes the file.
 *
 * @throws {WriteError} `outcome` tells which content the file has.
 * @throws {TypeError | RangeError} for wrong arguments, before anything is touched.
 * @example Replace a file
 * ```ts
 * writeFileSync('settings.json', '{"theme": "dark"}\n');
 * ```
 */
export function writeFileSync(
  path: PathLike,
  data: SyncData,
  options?: WriteOptions | BufferEncoding | null,
): WriteResult {
  const settings = readOptions(options);
  const target = targetPath(path);
  const content = readSyncData(data, settings.encoding);
  return writeNow(newOperation(target, settings, environment, true), content);
}

/** Writes for a blocking operation. */
export function writeNow(operation: Operation, content: Content): WriteResult {
  return runSync(replaceFile(operation, new Turn(operation), content));
}
