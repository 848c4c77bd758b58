/**
 * Writes the whole content.
 *
 * Promise: every byte of every chunk is written in order, or there is an error. A write may succeed with fewer bytes
 * than it was given: at the limit of a disk, a quota or RLIMIT_FSIZE, and always beyond 2 GiB.
 */
import { onAbort, type Content, describe, aborted, misuse, assertIntact, type Source } from '../contract/index.ts';
import { nextTick, call, wait, type Chained, type Steps } from '../system/index.ts';
import { isSyncedEarly, withEarlySyncs, type Tell } from './early-sync.ts';
import { during, failedDuring, throwIfAborted, type Operation } from './operation.ts';
import { cannotSync } from './sync-file.ts';
import { nothingWritten } from './temporary.ts';

/** Bytes written at a time; an abort is noticed in between. */
const stride = 8 << 20;
/** Chunks below this size are gathered, so that a source of many small chunks does not take a call for each. */
const small = 16 << 10;
const gathered = 64 << 10;

/** A source that is an open file: it is read by calls of the write itself. */
export interface FileSource extends Source {
  /** The next piece, which is good until the next call; undefined at the end. */
  read(): Steps<Uint8Array | undefined>;
}

function isFileSource(source: Source): source is FileSource {
  return 'read' in source;
}

/** Writes the content; returns its size in bytes. */
export function writeContent(operation: Operation, fd: number, content: Content): Steps<number> {
  return during(operation, 'write', writeAny(operation, fd, content));
}

function* writeAny(operation: Operation, fd: number, content: Content): Steps<number> {
  if (content.kind === 'bytes' && !isSyncedMeanwhile(operation, content))
    return yield* writeAll(operation, fd, content.bytes);
  const writing = (tell?: Tell): Steps<number> =>
    content.kind === 'source'
      ? writeSource(operation, fd, content.source, tell)
      : writeAll(operation, fd, content.bytes, tell);
  return isSyncedMeanwhile(operation, content) ? yield* withEarlySyncs(operation, fd, writing) : yield* writing();
}

/** Writes the bytes that the chain of the file's creation has not written; returns the number of all bytes. */
export function writeRest(operation: Operation, fd: number, bytes: Uint8Array, begun: Chained): Steps<number> {
  return during(operation, 'write', writeUnwritten(operation, fd, bytes, begun));
}

function* writeUnwritten(operation: Operation, fd: number, bytes: Uint8Array, begun: Chained): Steps<number> {
  const [, written] = begun.results as [number, number?];
  assertIntact(bytes);
  if (written === undefined) throw begun.error;
  // If files cannot be synced here, the sync step reports that.
  if (begun.error !== undefined && !cannotSync(begun.error)) throw failedDuring(operation, 'sync', begun.error);
  if (written === 0) throw nothingWritten();
  if (written < bytes.byteLength) yield* writeAll(operation, fd, bytes.subarray(written));
  return bytes.byteLength;
}

/** Whether the content is also synced while it is written. */
export function isSyncedMeanwhile(operation: Operation, content: Content): boolean {
  return isSyncedEarly(operation, content.kind === 'source' ? Infinity : content.bytes.byteLength);
}

/** Writes all of the bytes at the current position; returns their number. */
export function* writeAll(operation: Operation, fd: number, bytes: Uint8Array, tell?: Tell): Steps<number> {
  assertIntact(bytes);
  const size = bytes.byteLength;
  for (let written = 0; written < size;) {
    throwIfAborted(operation);
    const rest = size <= stride && written === 0 ? bytes : bytes.subarray(written, written + stride);
    let count;
    try {
      count = yield* call.write(fd, rest);
    } finally {
      // If the memory is taken away during the write, anything may have been written, and the system may report EFAULT.
      assertIntact(bytes);
    }
    if (count === 0) throw nothingWritten();
    written += count;
    tell?.(count);
  }
  return size;
}

/** Writes all of several buffers at the current position, in as few calls as the system allows; returns their size. */
export function* writeAllOf(operation: Operation, fd: number, buffers: readonly Uint8Array[]): Steps<number> {
  buffers.forEach(assertIntact);
  let rest = buffers.filter((buffer) => buffer.byteLength > 0);
  const size = rest.reduce((sum, buffer) => sum + buffer.byteLength, 0);
  while (rest.length > 0) {
    throwIfAborted(operation);
    const batch = batchOf(rest);
    if (batch.length === 1) {
      yield* writeAll(operation, fd, batch[0] as Uint8Array);
      rest = rest.slice(1);
    } else {
      let count;
      try {
        count = yield* call.writev(fd, batch);
      } finally {
        rest.forEach(assertIntact);
      }
      if (count === 0) throw nothingWritten();
      rest = after(rest, count);
    }
    rest.forEach(assertIntact);
  }
  return size;
}

/** The first of the buffers, as many as fit into one call. */
function batchOf(buffers: readonly Uint8Array[]): readonly Uint8Array[] {
  let size = 0;
  const end = buffers.findIndex(
    (buffer, index) => index > 0 && (size += buffer.byteLength) + (buffers[0] as Uint8Array).byteLength > stride,
  );
  return buffers.slice(0, Math.min(end === -1 ? buffers.length : end, 1024));
}

/** What is left of the buffers after the first `count` bytes. */
function after(buffers: readonly Uint8Array[], count: number): Uint8Array[] {
  let index = 0;
  while (index < buffers.length && count >= (buffers[index] as Uint8Array).byteLength)
    count -= (buffers[index++] as Uint8Array).byteLength;
  const [partial, ...rest] = buffers.slice(index);
  return partial === undefined ? [] : [partial.subarray(count), ...rest];
}

function* writeSource(operation: Operation, fd: number, source: Source, tell?: Tell): Steps<number> {
  const gather = Buffer.allocUnsafe(gathered);
  let size = 0;
  let waiting = 0;
  for (;;) {
    throwIfAborted(operation);
    const bytes = yield* during(operation, 'read source', pull(operation, source));
    if (bytes === undefined) break;
    assertIntact(bytes);
    size += bytes.byteLength;
    if (waiting + bytes.byteLength > gathered || bytes.byteLength >= small) {
      yield* writeAll(operation, fd, gather.subarray(0, waiting), tell);
      waiting = 0;
    }
    if (bytes.byteLength >= small) yield* writeAll(operation, fd, bytes, tell);
    else {
      // Copied, since a source may reuse its buffer.
      gather.set(bytes, waiting);
      waiting += bytes.byteLength;
    }
  }
  yield* writeAll(operation, fd, gather.subarray(0, waiting), tell);
  return size;
}

/** The bytes of the source's next chunk; undefined at its end. An abort does not wait for it. */
function* pull(operation: Operation, source: Source): Steps<Uint8Array | undefined> {
  if (isFileSource(source)) return yield* source.read();
  const next = source.next();
  return source.async
    ? yield* settled(operation, next as PromiseLike<IteratorResult<unknown>>, (result) => chunkOf(source, result))
    : chunkOf(source, next as IteratorResult<unknown>);
}

function chunkOf(source: Source, result: unknown): Uint8Array | undefined {
  if (typeof result !== 'object' || result === null)
    throw misuse(
      'ERR_INVALID_RETURN_VALUE',
      `The iterator of "data" returned ${describe(result)} instead of an object`,
    );
  const { done, value } = result as IteratorResult<unknown>;
  return done ? undefined : source.bytes(value);
}

/**
 * Waits for a caller's promise, or takes the value that the caller gave instead. An abort ends the wait. `read`
 * receives the value as soon as it is there.
 */
export function* settled<T, R = T>(
  operation: Operation,
  promise: T | PromiseLike<T>,
  read: (value: T) => R = (value) => value as unknown as R,
): Steps<R> {
  const { signal } = operation.settings;
  return yield* wait<R>((wake, fail) => {
    let stopListening: (() => void) | undefined;
    let ended = false;
    function end(report: () => void): void {
      if (ended) return;
      ended = true;
      stopListening?.();
      // Outside the promise, so that it does not swallow what the protocol throws.
      nextTick(report);
    }
    Promise.resolve(promise)
      .then(read)
      .then(
        (value) => end(() => wake(value)),
        (error: unknown) => end(() => fail(error)),
      );
    stopListening = onAbort(signal, () => end(() => fail(aborted(signal as AbortSignal))));
  });
}
