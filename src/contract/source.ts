/** Content in pieces, from a stream or an iterable of the caller. It is closed once, whatever happens. */
import { isGeneratorObject } from 'node:util/types';
import { describe } from './describe.ts';
import { misuse } from './errors.ts';

/** A source of chunks. */
export interface Source {
  readonly async: boolean;
  /** Whether it never waits for another program. */
  readonly atHand: boolean;
  /** The value of its iterator: it may be anything, now or later. */
  next(): unknown;
  /** One chunk's bytes; a TypeError if it is not a chunk. */
  bytes(chunk: unknown): Uint8Array;
  /** Tells the source that no more is wanted. Its errors are ignored then. */
  close(): void;
}

export interface Reading extends Pick<Source, 'atHand' | 'bytes'> {
  /** The method that makes the iterator, read once from the data. */
  readonly method: unknown;
}

/** Begins to read an iterable. */
export function iterableSource(data: object, reading: Reading): Source {
  const iterator = iteratorOf(data, reading.method);
  return { async: false, ...reading, next: iterator.next, close: () => ignoreErrors(iterator.close) };
}

/** Begins to read an async iterable, as a stream is. */
export function asyncSource(data: object, reading: Reading): Source {
  assertUnread(data);
  const iterator = iteratorOf(data, reading.method);
  // A Readable does not destroy itself if its iterator was never started.
  return {
    async: true,
    ...reading,
    next: iterator.next,
    close: () => ignoreErrors(() => (isNodeStream(data) ? data.destroy() : iterator.close())),
  };
}

interface Iteration {
  next(): unknown;
  close(): unknown;
}

/** Iterators that were given as data before: their content is written, or lost with a failed write. */
const begun = new WeakSet();

function iteratorOf(data: object, method: unknown): Iteration {
  const iterator: unknown = typeof method === 'function' ? method.call(data) : undefined;
  if (typeof iterator !== 'object' || iterator === null)
    throw misuse('ERR_INVALID_RETURN_VALUE', `"data" is not iterable: its iterator is ${describe(iterator)}`);
  if (iterator === data) {
    if (begun.has(iterator)) throw alreadyRead(isGeneratorObject(iterator) ? 'a generator' : 'an iterator');
    begun.add(iterator);
  }
  const { next } = iterator as { next?: unknown };
  if (typeof next !== 'function')
    throw misuse('ERR_INVALID_RETURN_VALUE', `"data" is not iterable: its iterator has no next()`);
  return { next: () => next.call(iterator) as unknown, close: () => (iterator as { return?(): unknown }).return?.() };
}

/** The state that a stream of Node's kind or the web's shows. */
interface StreamState {
  readonly locked?: unknown;
  readonly destroyed?: unknown;
  readonly errored?: unknown;
  readonly readable?: unknown;
  readonly readableEnded?: unknown;
  readonly readableDidRead?: unknown;
}

/** Refuses a stream that was read before: the file would be empty, or hold only the rest. */
function assertUnread(data: object): void {
  const stream = data as StreamState;
  if ('getReader' in data) {
    if (stream.locked === true) throw alreadyRead('a stream that somebody else reads');
  } else if (!isNodeStream(data)) return;
  else if (stream.destroyed === true || (stream.errored ?? null) !== null)
    throw alreadyRead('a stream that was destroyed');
  else if (stream.readableEnded === true || stream.readable === false) throw alreadyRead('a stream that has ended');
  const { isDisturbed } = process.getBuiltinModule('node:stream') as { isDisturbed?: (data: object) => boolean };
  if (stream.readableDidRead === true || isDisturbed?.(data) === true)
    throw alreadyRead('a stream that was read before');
}

function alreadyRead(what: string): TypeError {
  return misuse(
    'ERR_INVALID_ARG_VALUE',
    `"data" is ${what}: its content, or the beginning of it, is gone; a stream's iterator gives the rest`,
  );
}

/** Whether it is a stream of Node's kind, of any copy of the streams package. */
function isNodeStream(data: object): data is { destroy(): unknown } {
  return 'destroy' in data && typeof data.destroy === 'function' && 'pipe' in data;
}

function ignoreErrors(close: () => unknown): void {
  try {
    Promise.resolve(close()).catch(() => undefined);
  } catch {
    // The data is complete, or another error is on its way: neither changes by this.
  }
}
