import { textOf, record, type PathLike, type Version } from '../contract/index.ts';
import { runAsync, environment, targetPath, runSync } from '../system/index.ts';
import { asWriteError, newLook, type Operation, readOptions, readPath, type Read } from '../files/index.ts';

/** The content of a file, and its version. */
export interface Versioned<Content> {
  /** Undefined if there is no file. */
  readonly content: Content | undefined;
  /** For the option `ifMatch` of a later write; `'absent'` if there is no file. */
  readonly version: Version;
}

/** Options of reading. */
interface ReadOptions {
  /** Of the content, which is then a string. @default a Buffer */
  readonly encoding?: BufferEncoding | null | undefined;
  /** Aborts the reading. @default none */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a file with the version of its content: a later write with `ifMatch: version` replaces the file only if it
 * still has that version.
 *
 * @see docs/guides/processes.md
 * @throws {WriteError} with the system's code; `ERR_ENCODING_INVALID_ENCODED_DATA` if text is asked for and the content
 * is not UTF-8.
 * @example Change a file that nobody else has changed meanwhile
 * ```ts
 * const { content = '', version } = await readVersioned('notes.txt', 'utf8');
 * await writeFile('notes.txt', `${content}one more\n`, { ifMatch: version });
 * ```
 */
export function readVersioned(
  path: PathLike,
  options: BufferEncoding | (ReadOptions & { encoding: BufferEncoding }),
): Promise<Versioned<string>>;
export function readVersioned(
  path: PathLike,
  options?: (ReadOptions & { encoding?: null | undefined }) | null,
): Promise<Versioned<Buffer>>;
export async function readVersioned(
  path: PathLike,
  options?: BufferEncoding | ReadOptions | null,
): Promise<Versioned<string | Buffer>> {
  const { operation, encoding } = prepare(path, options, false);
  return versioned(operation, await runAsync(readPath(operation)), encoding);
}

/** Reads a file with the version of its content, blocking; see {@link readVersioned}. */
export function readVersionedSync(
  path: PathLike,
  options: BufferEncoding | (ReadOptions & { encoding: BufferEncoding }),
): Versioned<string>;
export function readVersionedSync(
  path: PathLike,
  options?: (ReadOptions & { encoding?: null | undefined }) | null,
): Versioned<Buffer>;
export function readVersionedSync(
  path: PathLike,
  options?: BufferEncoding | ReadOptions | null,
): Versioned<string | Buffer> {
  const { operation, encoding } = prepare(path, options, true);
  return versioned(operation, runSync(readPath(operation)), encoding);
}

/** `encoding`: that of text; undefined for bytes. */
function prepare(
  path: PathLike,
  options: BufferEncoding | ReadOptions | null | undefined,
  blocking: boolean,
): { operation: Operation; encoding: BufferEncoding | undefined } {
  const fields = record(typeof options === 'string' ? { encoding: options } : options, 'options', [
    'encoding',
    'signal',
  ]);
  const settings = readOptions(fields);
  return {
    operation: newLook('read', targetPath(path), settings, environment, blocking),
    encoding: typeof fields['encoding'] === 'string' ? settings.encoding : undefined,
  };
}

function versioned(
  operation: Operation,
  { content, version }: Read,
  encoding: BufferEncoding | undefined,
): Versioned<string | Buffer> {
  try {
    return { content: content === undefined || encoding === undefined ? content : textOf(content, encoding), version };
  } catch (error) {
    throw asWriteError(operation, error);
  }
}
