import {
  onAbort,
  bare,
  callerOf,
  withFrames,
  chunkBytes,
  type Chunk,
  aborted,
  codeOf,
  type WriteOptions,
  type PathLike,
  type PathName,
  type WriteResult,
} from '../contract/index.ts';
import { targetPath, type GivenPath } from '../system/index.ts';
import { readOptions, readOptionsAnd, type Settings } from '../files/index.ts';
import { openToWrite, type PendingFile } from './pending-file.ts';
import { knownEncoding, PinningWritable, settle } from './stream-callbacks.ts';

/** Options of a write stream. */
export interface WriteStreamOptions extends WriteOptions {
  /** Bytes that are buffered before `write()` returns false, and written in one call. @default 1048576 */
  highWaterMark?: number | undefined;
}

/**
 * A Writable whose content replaces a file when it finishes; see {@link createWriteStream}. It emits `'open'` with the
 * descriptor of the temporary file, as a stream of `node:fs` does.
 */
export class WriteStream extends PinningWritable {
  /** The file to replace: as given; once it is open, with symbolic links followed. */
  path: PathName;
  /** Bytes written so far. */
  bytesWritten = 0;
  /** The result, from `'finish'` on. */
  result: WriteResult | undefined;
  readonly #target: GivenPath;
  readonly #settings: Settings;
  readonly #signal: AbortSignal | undefined;
  #file: PendingFile | undefined;
  #committing = false;
  #stopListening: () => void = () => undefined;
  readonly #caller = callerOf(createWriteStream);

  /** @internal Use {@link createWriteStream}. */
  constructor(path: PathLike, options: WriteStreamOptions | BufferEncoding | null | undefined) {
    // All of it before super(): a stream that has been constructed opens its file, whatever the constructor throws
    // afterwards.
    const { settings, fields } = readOptionsAnd(options, ['highWaterMark']);
    const target = targetPath(path);
    const { highWaterMark = 1 << 20 } = fields;
    super({ highWaterMark: highWaterMark as number, defaultEncoding: settings.encoding, decodeStrings: true });
    const { signal } = settings;
    this.path = target.path;
    this.#target = target;
    this.#settings = settings;
    this.#signal = signal;
    if (signal?.aborted === true) this.#abort();
    else this.#stopListening = onAbort(signal, this.#abort);
  }

  readonly #abort = (): void => {
    // During the commit, the commit itself checks the signal, up to the rename.
    if (!this.#committing) this.destroy(aborted(this.#signal as AbortSignal));
  };

  override _construct(done: (error?: Error | null) => void): void {
    // If an abort destroyed it meanwhile, the abort is its error; the reason why it did not open adds nothing.
    settle(this.#open(), (error) => {
      done(this.destroyed ? null : error);
      if (!this.destroyed) this.emit('open', this.#file?.fd);
    });
  }

  async #open(): Promise<void> {
    this.#file = await openToWrite(this.#target, this.#settings);
    this.path = this.#file.path;
  }

  override _write(chunk: Chunk, encoding: BufferEncoding | 'buffer', done: (error?: Error | null) => void): void {
    settle(this.#count((this.#file as PendingFile).write(chunk, knownEncoding(encoding))), done);
  }

  override _writev(chunks: { chunk: Chunk }[], done: (error?: Error | null) => void): void {
    settle(this.#count((this.#file as PendingFile).writev(chunks.map(({ chunk }) => chunk))), done);
  }

  async #count(bytes: Promise<number>): Promise<void> {
    this.bytesWritten += await bytes;
  }

  override _final(done: (error?: Error | null) => void): void {
    settle(this.#commit(), done);
  }

  async #commit(): Promise<void> {
    this.#committing = true;
    this.result = await (this.#file as PendingFile).commit();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#stopListening();
    // The first error counts; a failed discard adds nothing to it.
    settle(this.#file?.discard() ?? Promise.resolve(), () => done(error && withFrames(error, this.#caller)));
  }
}

/**
 * A Writable whose content replaces the file at `path` when the stream finishes; `'finish'` comes when the content is
 * as durable as was asked for. If the stream is destroyed first, as by `stream.pipeline()` when its source fails, the
 * old file stays.
 *
 * @see docs/functions.md
 * @throws {TypeError | RangeError} for wrong arguments. Later failures are the stream's `'error'`, a
 * {@link WriteError}.
 * @example Copy
 * ```ts
 * await pipeline(createReadStream('settings.json'), createWriteStream('copy.json'));
 * ```
 */
export function createWriteStream(path: PathLike, options?: WriteStreamOptions | BufferEncoding | null): WriteStream {
  return new WriteStream(path, options);
}

/**
 * The same as a web stream: closing it replaces the file, aborting it leaves the old one.
 *
 * @see docs/functions.md
 * @throws {TypeError | RangeError} for wrong arguments. Later failures make the stream fail, with a {@link WriteError}.
 * @example Save a response
 * ```ts
 * await new Response('content').body?.pipeTo(createWritableStream('download.html'));
 * ```
 */
export function createWritableStream(path: PathLike, options?: WriteOptions): WritableStream<Chunk> {
  const settings = readOptions(options);
  const target = targetPath(path);
  const { signal } = settings;
  const caller = callerOf(createWritableStream);
  let file: PendingFile;
  let stopListening: () => void;
  const discard = (): Promise<void> => {
    stopListening();
    return file.discard();
  };
  // A web stream that fails by itself does not call its abort().
  const orDiscard = async (write: Promise<unknown>): Promise<void> => {
    try {
      await write;
    } catch (error) {
      await discard();
      // A chunk that came while an abort was discarding the file failed by the abort.
      throw signal?.aborted === true && codeOf(error) === 'ERR_INVALID_STATE'
        ? aborted(signal)
        : withFrames(error, caller);
    }
  };
  /** The chunks as they were when they were given: a web stream passes them on later. */
  const given: (() => Uint8Array)[] = [];
  const writeNext = async (): Promise<number> => file.writev([(given.shift() as () => Uint8Array)()]);
  const sink: ConstructorParameters<typeof WritableStream<Chunk>>[0] = {
    async start(controller) {
      try {
        file = await openToWrite(target, settings);
      } catch (error) {
        throw withFrames(error, caller);
      }
      const abort = (): void => settle(discard(), () => controller.error(aborted(signal as AbortSignal)));
      stopListening = onAbort(signal, abort);
      if (signal?.aborted === true) abort();
    },
    // As one chunk of several: an array or a Blob is data, but not a chunk.
    write: () => orDiscard(writeNext()),
    async close() {
      await orDiscard(file.commit());
      stopListening();
    },
    abort: discard,
  };
  const strategy = {
    highWaterMark: 1,
    // Called for each chunk when it is given.
    size(chunk: Chunk) {
      given.push(pinning(chunk, settings.encoding));
      return 1;
    },
  };
  return new WritableStream<Chunk>(bare(sink), bare(strategy));
}

/** Fails later, like the write of a stream. */
function pinning(chunk: Chunk, encoding: BufferEncoding): () => Uint8Array {
  try {
    const bytes = chunkBytes(chunk, encoding);
    return () => bytes;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}
