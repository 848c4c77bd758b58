/** What can be written, and how it becomes bytes. Anything else is a TypeError before anything is touched. */
import { isUtf8 } from 'node:buffer';
import { isAnyArrayBuffer } from 'node:util/types';
import { misuse, refusal } from './errors.ts';
import { describe } from './path.ts';

/** One piece of content. */
export type Chunk = string | NodeJS.ArrayBufferView | ArrayBuffer | SharedArrayBuffer;

/** Content that can be written at once. */
export type SyncData = Chunk | Iterable<Chunk>;

/** Content. Buffers are not copied: do not change them before the write has settled. */
export type Data = SyncData | Blob | AsyncIterable<Chunk> | ReadableStream<Chunk>;

/** Content as the protocol takes it: bytes that are there, or a source that is read while the temporary file is written. */
export type Content = { readonly kind: 'bytes'; readonly bytes: Uint8Array } | { readonly kind: 'source'; readonly source: Source };

/** A source of chunks, of the caller's; it is closed once, whatever happens. */
export interface Source {
  readonly async: boolean;
  /** Whether it never waits for anybody else. */
  readonly atHand: boolean;
  next(): IteratorResult<unknown> | Promise<IteratorResult<unknown>>;
  /** One chunk's bytes; a TypeError for what is no chunk. */
  bytes(chunk: unknown): Uint8Array;
  /** Tells the source that no more is wanted. Its errors are of no interest then. */
  close(): void;
}

const aChunk = 'a string, a Buffer, a TypedArray, a DataView, an ArrayBuffer or a SharedArrayBuffer';

/** The bytes of one chunk, without a copy where they are bytes already. */
export function chunkBytes(chunk: unknown, encoding: BufferEncoding): Uint8Array {
  const bytes = bytesOf(chunk, encoding);
  if (bytes === undefined) throw misuse('ERR_INVALID_ARG_TYPE', `Each piece of "data" must be ${aChunk}, not ${describe(chunk)}`);
  return bytes;
}

function bytesOf(chunk: unknown, encoding: BufferEncoding): Uint8Array | undefined {
  if (typeof chunk === 'string') return Buffer.from(chunk, encoding);
  if (chunk instanceof Uint8Array) return chunk;
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  if (isAnyArrayBuffer(chunk)) return new Uint8Array(chunk);
  return undefined;
}

/** Bytes as text. Those that are no text would be lost where it is written again. */
export function textOf(bytes: Buffer, encoding: BufferEncoding): string {
  if (/^utf-?8$/i.test(encoding) && !isUtf8(bytes)) throw refusal('ERR_ENCODING_INVALID_ENCODED_DATA', 'The content is not valid UTF-8');
  return bytes.toString(encoding);
}

/** Whether a value is one piece of content as it is. */
export function isChunk(value: unknown): value is Chunk {
  return typeof value === 'string' || ArrayBuffer.isView(value) || isAnyArrayBuffer(value);
}

/** Content for an asynchronous write. */
export function readData(data: Data, encoding: BufferEncoding): Content {
  // Most data is one piece, and to look for a Blob loads what Node has of them.
  const bytes = bytesOf(data, encoding);
  if (bytes !== undefined) return { kind: 'bytes', bytes };
  if (data instanceof Blob) return { kind: 'source', source: iteratorSource(data.stream() as AsyncIterable<unknown>, encoding, true) };
  if (typeof data === 'object' && data !== null && Symbol.asyncIterator in data) {
    return { kind: 'source', source: iteratorSource(data as AsyncIterable<unknown>, encoding, false) };
  }
  return iterable(data as SyncData, encoding, `${aChunk}, a Blob, or a stream or (async) iterable of those`);
}

/** Content for a synchronous write. */
export function readSyncData(data: SyncData, encoding: BufferEncoding): Content {
  const bytes = bytesOf(data, encoding);
  return bytes === undefined ? iterable(data, encoding, `${aChunk}, or an iterable of those`) : { kind: 'bytes', bytes };
}

/** Several pieces that are there. */
export function readChunks(chunks: readonly Chunk[], encoding: BufferEncoding): Uint8Array[] {
  if (!Array.isArray(chunks)) throw misuse('ERR_INVALID_ARG_TYPE', `"chunks" must be an array, not ${describe(chunks)}`);
  return chunks.map((chunk) => chunkBytes(chunk, encoding));
}

function iterable(data: SyncData, encoding: BufferEncoding, expected: string): Content {
  if (typeof data !== 'object' || data === null || !(Symbol.iterator in data)) {
    throw misuse('ERR_INVALID_ARG_TYPE', `"data" must be ${expected}, not ${describe(data)}`);
  }
  if (Array.isArray(data)) for (const chunk of data) chunkBytes(chunk, 'latin1');
  return { kind: 'source', source: iterableSource(data, encoding) };
}

function iterableSource(data: Iterable<unknown>, encoding: BufferEncoding): Source {
  const iterator = data[Symbol.iterator]();
  return {
    async: false,
    atHand: true,
    next: () => iterator.next(),
    bytes: (chunk) => chunkBytes(chunk, encoding),
    close: () => ignoreErrors(() => iterator.return?.()),
  };
}

function iteratorSource(data: AsyncIterable<unknown>, encoding: BufferEncoding, atHand: boolean): Source {
  const iterator = data[Symbol.asyncIterator]();
  return {
    async: true,
    atHand,
    next: () => iterator.next(),
    bytes: (chunk) => chunkBytes(chunk, encoding),
    // A Readable's iterator that was never started does not destroy it.
    close: () => ignoreErrors(() => (isStream(data) ? data.destroy() : iterator.return?.())),
  };
}

/** Whether it is a stream of Node's kind, of whatever copy of them. */
function isStream(data: object): data is { destroy(): unknown } {
  return 'destroy' in data && typeof data.destroy === 'function' && 'pipe' in data;
}

function ignoreErrors(close: () => unknown): void {
  try {
    Promise.resolve(close()).catch(() => undefined);
  } catch {
    // The data is whole, or another error is on its way: neither changes by this.
  }
}
