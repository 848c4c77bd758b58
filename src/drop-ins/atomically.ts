/**
 * `untorn/atomically`: the functions, arguments and defaults of atomically 2, by the protocol of this package.
 * docs/drop-ins.md says where it is stricter, and what it does more.
 */
import { basename } from 'node:path';
import {
  assertFunction,
  cutName,
  describe,
  misuse,
  refusal,
  type Chunk,
  type PathLike,
  type WriteOptions as Ours,
} from '../contract/index.ts';
import { environment, runAsync, runSync, targetPath } from '../system/index.ts';
import { asWriteError, newLook, readOptions, readPath, type Operation, type Read } from '../files/index.ts';
import { settle } from '../write/index.ts';
import { modeOptions, ownerOptions, replaceLater, replaceNow, together, type Request } from './replacing.ts';

export type Encoding = BufferEncoding;

/** Options of reading. */
export interface ReadOptions {
  /** The encoding of the returned text. @default null, for a Buffer */
  encoding?: Encoding | null | undefined;
  /** Has no effect. */
  mode?: string | number | false | undefined;
  /** How long to retry while the file is in use. Milliseconds. @default 7500, or 1000 in a synchronous call */
  timeout?: number | undefined;
}

/** Options of writing. */
export interface WriteOptions {
  /** User and group of the file; `false`: those of the process. @default those of the replaced file */
  chown?: { gid: number; uid: number } | false | undefined;
  /** Encoding of a string. @default 'utf8' */
  encoding?: Encoding | null | undefined;
  /** Whether the content, and here the directory too, are synced. @default true */
  fsync?: boolean | undefined;
  /** `false`: the directory is not synced. The sync of the content is awaited all the same. @default true */
  fsyncWait?: boolean | undefined;
  /** Permission bits; `false`, and 0o666, is 0666 less the umask. @default those of the replaced file */
  mode?: string | number | false | undefined;
  /** Is called first; the write begins when its promise gives a function, which is called at the end. */
  schedule?: ((filePath: string) => Promise<() => void>) | undefined;
  /** How long to retry while the file is in use. Milliseconds. @default 7500, or 1000 in a synchronous call */
  timeout?: number | undefined;
  /** Gives the path of the temporary file. Its name becomes the beginning of the real one. */
  tmpCreate?: ((filePath: string) => string) | undefined;
  /** Is called with the path of the temporary file. */
  tmpCreated?: ((filePath: string) => unknown) | undefined;
  /** `false`: the temporary file is kept if the write fails. @default true */
  tmpPurge?: boolean | undefined;
}

/** Receives the error, if there was one. */
export type Callback = (error: NodeJS.ErrnoException | void) => void;

/** What can be written; `undefined` makes an empty file. */
export type Data = NodeJS.ArrayBufferView | string | undefined;

/** What can be written besides, but not by a blocking call. */
export type Stream = AsyncIterable<Chunk>;

/** How long to retry, in milliseconds. */
const [patience, patienceSync] = [7500, 1000];

/**
 * Reads a file.
 *
 * @throws {WriteError} by rejecting, with the system's code.
 */
export function readFile(filePath: PathLike, options: Encoding | (ReadOptions & { encoding: string })): Promise<string>;
export function readFile(filePath: PathLike, options?: ReadOptions): Promise<Buffer>;
export async function readFile(filePath: PathLike, options: Encoding | ReadOptions = {}): Promise<string | Buffer> {
  const { operation, encoding } = toRead(filePath, options, false);
  return contentOf(operation, await runAsync(readPath(operation)), encoding);
}

/** Reads a file, blocking. */
export function readFileSync(filePath: PathLike, options: Encoding | (ReadOptions & { encoding: string })): string;
export function readFileSync(filePath: PathLike, options?: ReadOptions): Buffer;
export function readFileSync(filePath: PathLike, options: Encoding | ReadOptions = {}): string | Buffer {
  const { operation, encoding } = toRead(filePath, options, true);
  return contentOf(operation, runSync(readPath(operation)), encoding);
}

function toRead(
  filePath: PathLike,
  given: Encoding | ReadOptions,
  blocking: boolean,
): { operation: Operation; encoding: Encoding | null | undefined } {
  const { encoding, timeout } = typeof given === 'string' ? { encoding: given } : given;
  const settings = readOptions({ encoding, retry: { timeout: retryTime(timeout, blocking) } });
  return { operation: newLook('read', targetPath(filePath), settings, environment, blocking), encoding };
}

function contentOf(operation: Operation, { content }: Read, encoding: Encoding | null | undefined): string | Buffer {
  if (content === undefined)
    throw asWriteError(operation, Object.assign(refusal('ENOENT', 'no such file or directory'), { syscall: 'open' }));
  return typeof encoding === 'string' ? content.toString(encoding) : content;
}

/**
 * Replaces a file with `data`, as `writeFile()` of untorn does with durability `'full'`. Missing directories are made.
 * See rename(2), fsync(2), docs/drop-ins.md.
 *
 * @throws {WriteError} by rejecting; `outcome` tells which content the file has.
 * @throws {TypeError | RangeError} by rejecting, for wrong arguments, before anything is touched.
 * @example Replace a file, and read it
 * ```ts
 * import { readFile, writeFile } from 'untorn/atomically';
 *
 * await writeFile('new/message.txt', 'Hello', { mode: 0o600 });
 * console.log(await readFile('new/message.txt', 'utf8'));
 * ```
 */
export function writeFile(filePath: PathLike, data: Data | Stream, callback?: Callback): Promise<void>;
export function writeFile(
  filePath: PathLike,
  data: Data | Stream,
  options?: Encoding | WriteOptions,
  callback?: Callback,
): Promise<void>;
export function writeFile(
  filePath: PathLike,
  data: Data | Stream,
  options?: Encoding | WriteOptions | Callback,
  callback?: Callback,
): Promise<void> {
  const done = typeof options === 'function' ? options : callback;
  const written = write(filePath, data, typeof options === 'function' ? undefined : options);
  if (done !== undefined) settle(written, (error) => done(error ?? undefined));
  return written;
}

async function write(
  filePath: PathLike,
  data: Data | Stream,
  given: Encoding | WriteOptions | undefined,
): Promise<void> {
  const request = requestOf(filePath, given, false);
  const schedule = typeof given === 'object' ? given?.schedule : undefined;
  const end = schedule === undefined ? undefined : await schedule(filePath as string);
  try {
    await replaceLater(filePath, isStream(data) ? data : textOrBytes(data), request);
  } finally {
    end?.();
  }
}

/** Replaces a file, blocking. */
export function writeFileSync(filePath: PathLike, data: Data, options?: Encoding | WriteOptions): void {
  replaceNow(filePath, textOrBytes(data), requestOf(filePath, options, true));
}

function isStream(data: unknown): data is Stream {
  return typeof data === 'object' && data !== null && Symbol.asyncIterator in data;
}

/** The original refuses all else that this package could write: an empty array would empty the file. */
function textOrBytes(data: Data): string | NodeJS.ArrayBufferView {
  if (data === undefined) return '';
  if (typeof data === 'string' || ArrayBuffer.isView(data)) return data;
  throw misuse(
    'ERR_INVALID_ARG_TYPE',
    `"data" must be a string, a Buffer, a TypedArray, a DataView, a stream or undefined, not ${describe(data)}`,
  );
}

function requestOf(filePath: PathLike, given: Encoding | WriteOptions | undefined, blocking: boolean): Request {
  const { chown, encoding, fsync, fsyncWait, mode, timeout, tmpCreate, tmpCreated, tmpPurge }: WriteOptions =
    typeof given === 'string' ? { encoding: given } : (given ?? {});
  if (tmpCreated !== undefined) assertFunction(tmpCreated, 'options.tmpCreated');
  const options = together(ownerOptions(chown), modeOptions(mode === 0o666 ? false : mode), {
    encoding: encoding ?? 'utf8',
    durability: fsync === false ? 'off' : fsyncWait === false ? 'normal' : 'full',
    makeParents: true,
    retry: { timeout: retryTime(timeout, blocking) },
    temporary: { keepOnError: tmpPurge === false, ...namedBy(tmpCreate, filePath) },
  });
  return { options, created: tmpCreated };
}

/** The name that the caller's function gives, as far as there is room beside the random part. */
function namedBy(tmpCreate: WriteOptions['tmpCreate'], filePath: PathLike): Ours['temporary'] {
  if (tmpCreate === undefined) return {};
  const name = cutName(basename(tmpCreate(filePath as string)).replaceAll('\\', '_'), 63);
  return { prefix: `${name.toString()}.`, suffix: '' };
}

function retryTime(timeout: number | undefined, blocking: boolean): number {
  return Math.min(Math.max(timeout ?? (blocking ? patienceSync : patience), 0), 0x7fffffff);
}
