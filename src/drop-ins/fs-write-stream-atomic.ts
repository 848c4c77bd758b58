/**
 * `untorn/fs-write-stream-atomic`: the stream of fs-write-stream-atomic 1, by the protocol of this package.
 * docs/drop-ins.md says where it is stricter, and what it does more.
 */
import { describe, misuse, type PathLike } from '../contract/index.ts';
import { environment } from '../system/index.ts';
import { WriteStream, type WriteStreamOptions } from '../write/index.ts';
import { ownerOptions } from './replacing.ts';

/** Options of fs-write-stream-atomic. */
export interface Options {
  /** User and group of the file. @default those of the replaced file */
  chown?: { uid: number; gid: number } | undefined;
  /** Encoding of strings. @default 'utf8' */
  encoding?: BufferEncoding | null | undefined;
  /** Permission bits, less the umask. @default those of the replaced file, or 0666 */
  mode?: number | undefined;
  /** Flags that begin with `w` or `a`; the temporary file is always a new one. @default 'w' */
  flags?: string | undefined;
  /** Bytes that are buffered before `write()` returns false. @default 1048576 */
  highWaterMark?: number | undefined;
}

class WriteStreamAtomic extends WriteStream {
  constructor(path: PathLike, options?: Options | null) {
    super(path, optionsOf(options ?? {}));
  }
}

function optionsOf({ chown, encoding, mode, flags = 'w', highWaterMark }: Options): WriteStreamOptions {
  if (typeof flags !== 'string' || !/^[wa]/.test(flags))
    throw misuse('ERR_INVALID_ARG_VALUE', `"options.flags" must begin with "w" or "a", not be ${describe(flags)}`);
  return {
    ...ownerOptions(chown),
    encoding,
    highWaterMark,
    ...(mode !== undefined && { mode: mode & 0o7777 & ~environment.umask() }),
  };
}

/**
 * What fs-write-stream-atomic exports: a class that can also be called. See rename(2), fsync(2), docs/drop-ins.md.
 *
 * @example Write what a source gives
 * ```ts
 * import { pipeline } from 'node:stream/promises';
 * import fsWriteStreamAtomic from 'untorn/fs-write-stream-atomic';
 *
 * await pipeline(['Hello, ', 'world'], fsWriteStreamAtomic('message.txt'));
 * ```
 */
export interface FsWriteStreamAtomic {
  /**
   * A stream whose content replaces the file at `path`. `'finish'` and `'close'` come when the content is in place, and
   * durable.
   *
   * @throws {TypeError | RangeError} for wrong arguments. Later failures are the stream's `'error'`, a WriteError.
   */
  (path: PathLike, options?: Options | null): WriteStream;
  new (path: PathLike, options?: Options | null): WriteStream;
}

const fsWriteStreamAtomic: FsWriteStreamAtomic = new Proxy(WriteStreamAtomic, {
  apply: (target, _, [path, options]: [PathLike, (Options | null)?]) => new target(path, options),
}) as unknown as FsWriteStreamAtomic;

export default fsWriteStreamAtomic;
