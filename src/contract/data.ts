/**
 * The kinds of data that can be written, and their conversion to bytes. Other values are a TypeError before anything is
 * touched.
 */
import { isUtf8 } from 'node:buffer';
import { isAnyArrayBuffer, isTypedArray } from 'node:util/types';
import { describe } from './describe.ts';
import { misuse, noCallback, refusal } from './errors.ts';
import { asyncSource, iterableSource, type Source } from './source.ts';
import { isThenable } from './thenable.ts';

/** One piece of content. */
export type Chunk = string | NodeJS.ArrayBufferView | ArrayBuffer | SharedArrayBuffer;

/** Content that can be written at once. */
export type SyncData = Chunk | Iterable<Chunk>;

/** Content. Buffers are not copied: do not change them before the write has settled. */
export type Data = SyncData | Blob | AsyncIterable<Chunk> | ReadableStream<Chunk>;

/**
 * Content in the form of the protocol: bytes in memory, or a source that is read while the temporary file is written.
 */
export type Content =
  { readonly kind: 'bytes'; readonly bytes: Uint8Array } | { readonly kind: 'source'; readonly source: Source };

const aChunk = 'a string, a Buffer, a TypedArray, a DataView, an ArrayBuffer or a SharedArrayBuffer';
const orLater = 'a Blob, or a stream or (async) iterable of those';

/** The bytes of one chunk, not copied if they are bytes already. */
export function chunkBytes(chunk: unknown, encoding: BufferEncoding): Uint8Array {
  const bytes = bytesOf(chunk, encoding);
  if (bytes === undefined)
    throw misuse('ERR_INVALID_ARG_TYPE', `Each piece of "data" must be ${aChunk}, not ${describe(chunk)}`);
  return bytes;
}

function bytesOf(chunk: unknown, encoding: BufferEncoding): Uint8Array | undefined {
  return typeof chunk === 'string' ? Buffer.from(chunk, encoding) : pinned(chunk);
}

/** Bytes as text. Invalid bytes are refused: they would be lost when the text is written again. */
export function textOf(bytes: Buffer, encoding: BufferEncoding): string {
  if (/^utf-?8$/i.test(encoding) && !isUtf8(bytes))
    throw refusal('ERR_ENCODING_INVALID_ENCODED_DATA', 'The content is not valid UTF-8');
  return bytes.toString(encoding);
}

/** Whether a value is one chunk. */
export function isChunk(value: unknown): value is Chunk {
  return typeof value === 'string' || ArrayBuffer.isView(value) || isAnyArrayBuffer(value);
}

/** Content for an asynchronous write. */
export function readData(data: Data, encoding: BufferEncoding, what = '"data"'): Content {
  // Most data is one chunk, and the test for a Blob makes Node load its Blob code.
  const bytes = bytesOf(data, encoding);
  if (bytes !== undefined) return { kind: 'bytes', bytes };
  if (typeof data !== 'object' || data === null) throw noData(what, data, `${aChunk}, ${orLater}`);
  const isBlob = data instanceof Blob;
  const source = isBlob ? (data.stream() as AsyncIterable<unknown>) : data;
  const method = (source as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator];
  if (method === undefined || method === null)
    return pieces(data as Iterable<unknown>, encoding, what, `${aChunk}, ${orLater}`);
  return {
    kind: 'source',
    source: asyncSource(source, { method, atHand: isBlob, bytes: (chunk) => chunkBytes(chunk, encoding) }),
  };
}

/** Content for a synchronous write. */
export function readSyncData(data: SyncData, encoding: BufferEncoding, what = '"data"'): Content {
  const bytes = bytesOf(data, encoding);
  return bytes === undefined
    ? pieces(data as Iterable<unknown>, encoding, what, `${aChunk}, or an iterable of those`)
    : { kind: 'bytes', bytes };
}

/** Several chunks as bytes. */
export function readChunks(chunks: readonly Chunk[], encoding: BufferEncoding): Uint8Array[] {
  if (!Array.isArray(chunks))
    throw misuse('ERR_INVALID_ARG_TYPE', `"chunks" must be an array, not ${describe(chunks)}`);
  return Array.from(chunks, (chunk) => chunkBytes(chunk, encoding));
}

function pieces(data: Iterable<unknown>, encoding: BufferEncoding, what: string, expected: string): Content {
  const method: unknown = typeof data === 'object' && data !== null ? data[Symbol.iterator] : undefined;
  if (method === undefined || method === null) throw noData(what, data, expected);
  // An array is copied as it is now.
  const given = Array.isArray(data) ? Array.from(data, pinnedChunk) : data;
  const source = iterableSource(given, {
    method: given === data ? method : given[Symbol.iterator],
    atHand: true,
    bytes: (chunk) => chunkBytes(chunk, encoding),
  });
  return { kind: 'source', source };
}

function pinnedChunk(chunk: unknown): unknown {
  return typeof chunk === 'string' ? chunk : chunkBytes(chunk, 'latin1');
}

function noData(what: string, data: unknown, expected: string): TypeError {
  if (typeof data === 'function') return noCallback(`${what} must be ${expected}`);
  return misuse('ERR_INVALID_ARG_TYPE', `${what} must be ${expected}, not ${describe(data)}${instead(data, what)}`);
}

/** A hint at what was probably meant by a value that is not content. */
function instead(data: unknown, what: string): string {
  if (typeof data !== 'object' || data === null) return '';
  if (isThenable(data)) return '; await it before';
  // By its shape: every copy of fetch() has its own classes.
  if ('body' in data && 'bodyUsed' in data)
    return `; give its "body"${data.body === null ? ', but this one has none' : ''}`;
  return Object.getPrototypeOf(data) === Object.prototype
    ? `; for JSON use ${what.startsWith('"') ? 'write' : 'update'}Json()`
    : '';
}

/*
 * The caller's memory, which is not copied. Its length is the length at the call: memory can be transferred to another
 * thread or another buffer, and can shrink or grow. Missing memory would be written as an empty file, so it is an
 * error.
 */

const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array;

/** The properties of a view, read without its own class. */
type View = Pick<DataView<ArrayBuffer>, 'buffer' | 'byteOffset' | 'byteLength'>;

function readingAll(prototype: View): (view: NodeJS.ArrayBufferView) => View {
  const getter = <K extends keyof View>(name: K) =>
    Object.getOwnPropertyDescriptor(prototype, name)?.get as () => View[K];
  const [buffer, byteOffset, byteLength] = [getter('buffer'), getter('byteOffset'), getter('byteLength')];
  return (view) => ({
    buffer: buffer.call(view),
    byteOffset: byteOffset.call(view),
    byteLength: byteLength.call(view),
  });
}

const ofTypedArray = readingAll(typedArray as View);
const ofDataView = readingAll(DataView.prototype as View);

/** The bytes of a buffer or view at their current length; undefined for another value. Fails if the memory is gone. */
export function pinned(value: unknown): Uint8Array | undefined {
  try {
    if (isAnyArrayBuffer(value)) return new Uint8Array(value, 0, value.byteLength);
    if (!ArrayBuffer.isView(value)) return undefined;
    const isTyped = isTypedArray(value);
    const { buffer, byteOffset, byteLength } = isTyped ? ofTypedArray(value) : ofDataView(value as DataView);
    // A view whose memory is gone has length 0. A DataView has thrown already.
    if (isTyped && byteLength === 0) typedArray.at.call(value, 0);
    return new Uint8Array(buffer, byteOffset, byteLength);
  } catch {
    throw misuse(
      'ERR_INVALID_ARG_VALUE',
      `"data" has no memory any more: its ArrayBuffer was transferred, or has become too small for it`,
    );
  }
}

/** Fails if the memory of a pinned view is gone. */
export function assertIntact(bytes: Uint8Array): void {
  if (bytes.byteLength > 0) return;
  try {
    typedArray.at.call(bytes, 0);
  } catch {
    throw refusal('ERR_UNTORN_DATA_CHANGED', 'the memory of the data was transferred or has shrunk since the call');
  }
}
