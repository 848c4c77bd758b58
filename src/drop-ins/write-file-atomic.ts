/**
 * `untorn/write-file-atomic`: the functions, arguments and defaults of write-file-atomic 8, by the protocol of this
 * package. docs/drop-ins.md says where it is stricter, and what it does more.
 */
import { assertFunction, describe, misuse, type PathLike } from '../contract/index.ts';
import { runSync } from '../system/index.ts';
import { afterFailure, unlinkIfThere } from '../files/index.ts';
import { settle } from '../write/index.ts';
import { modeOptions, ownerOptions, replaceLater, replaceNow, together, type Request } from './replacing.ts';

/** Options of write-file-atomic. */
export interface Options {
  /** User and group of the file; `false`: those of the process. @default those of the replaced file */
  chown?: { uid: number; gid: number } | false | undefined;
  /** Encoding of a string. @default 'utf8' */
  encoding?: BufferEncoding | null | undefined;
  /** Whether the content, and here the directory too, are synced. @default true */
  fsync?: boolean | undefined;
  /** Permission bits; `false`: 0666 less the umask. @default those of the replaced file */
  mode?: number | string | false | undefined;
  /** Is called with the path of the temporary file; a promise of it is awaited, except by `sync()`. */
  tmpfileCreated?: ((tmpfile: string) => unknown) | undefined;
}

/** Receives the error, if there was one. */
export type Callback = (error?: Error | null) => void;

type Content = string | NodeJS.ArrayBufferView;

/**
 * The function that write-file-atomic exports, with its properties. See rename(2), fsync(2), docs/drop-ins.md.
 *
 * @example Replace a file
 * ```ts
 * import writeFileAtomic from 'untorn/write-file-atomic';
 *
 * await writeFileAtomic('message.txt', 'Hello', { mode: 0o600 });
 * writeFileAtomic.sync('message.txt', 'Hello again');
 * ```
 */
export interface WriteFileAtomic {
  /**
   * Replaces a file with `data`, as `writeFile()` of untorn does with durability `'full'`.
   *
   * @throws {WriteError} by rejecting, or as the argument of the callback; `outcome` tells which content the file has.
   * @throws {TypeError | RangeError} in the same way, for wrong arguments, before anything is touched.
   */
  (filename: PathLike, data: Content, options?: Options | BufferEncoding | null): Promise<void>;
  (filename: PathLike, data: Content, callback: Callback): void;
  (filename: PathLike, data: Content, options: Options | BufferEncoding | null | undefined, callback: Callback): void;
  /** The same, blocking. */
  sync(filename: PathLike, data: Content, options?: Options | BufferEncoding | null): void;
  /** A name in the form of the original's temporary files. Files of this package have other names. */
  _getTmpname(filename: string): string;
  /** A function that removes a file, if it exists. */
  _cleanupOnExit(tmpfile: string | (() => string)): () => void;
}

function writeFile(
  filename: PathLike,
  data: unknown,
  options?: Options | BufferEncoding | Callback | null,
  callback?: Callback,
): Promise<void> {
  const done = typeof options === 'function' ? options : callback;
  const written = write(filename, data, typeof options === 'function' ? undefined : options);
  if (done === undefined) return written;
  settle(written, (error) => done(error ?? undefined));
  return written.catch(() => undefined);
}

async function write(filename: PathLike, data: unknown, options: Options | BufferEncoding | null = {}): Promise<void> {
  await replaceLater(filename, contentOf(data), requestOf(options));
}

function sync(filename: PathLike, data: unknown, options: Options | BufferEncoding | null = {}): void {
  replaceNow(filename, contentOf(data), requestOf(options));
}

function requestOf(given: Options | BufferEncoding | null): Request {
  const { chown, encoding, fsync, mode, tmpfileCreated } =
    typeof given === 'string' ? { encoding: given } : ((given ?? {}) as Options);
  if (tmpfileCreated !== undefined) assertFunction(tmpfileCreated, 'options.tmpfileCreated');
  const options = together(ownerOptions(chown), modeOptions(mode), {
    encoding: encoding ?? 'utf8',
    durability: fsync === false ? 'off' : 'full',
  });
  return { options, created: tmpfileCreated };
}

/** Numbers and objects that have a text of their own are written as that, as by the original. */
function contentOf(data: unknown): Content {
  if (typeof data === 'string' || ArrayBuffer.isView(data)) return data as Content;
  const hasText =
    typeof data === 'object' && data !== null
      ? data.toString !== Object.prototype.toString
      : ['number', 'bigint', 'boolean'].includes(typeof data);
  if (!hasText) throw misuse('ERR_INVALID_ARG_TYPE', `"data" must be a string or bytes, not ${describe(data)}`);
  return String(data);
}

function getTmpname(filename: string): string {
  return `${filename}.${Math.floor(Math.random() * 2 ** 32)}`;
}

function cleanupOnExit(tmpfile: string | (() => string)): () => void {
  return () => void runSync(afterFailure(unlinkIfThere(typeof tmpfile === 'function' ? tmpfile() : tmpfile)));
}

const writeFileAtomic: WriteFileAtomic = Object.assign(writeFile, {
  sync,
  _getTmpname: getTmpname,
  _cleanupOnExit: cleanupOnExit,
});

export { sync, getTmpname as _getTmpname, cleanupOnExit as _cleanupOnExit };
export default writeFileAtomic;
