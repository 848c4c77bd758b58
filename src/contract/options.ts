/** What callers may ask for. */
import type { PathLike } from './path-name.ts';
import type { Version } from './version.ts';

/**
 * How much of a power cut a write survives, in the meanings of SQLite's `PRAGMA synchronous`.
 *
 * - `'full'`: once the call has returned, the new content is there after a power cut.
 * - `'normal'`: after a power cut the whole old or the whole new content is there, but maybe the old.
 * - `'off'`: atomic between processes only; after a power cut the file may be damaged.
 */
export type Durability = 'full' | 'normal' | 'off';

/** Whether to keep something: if possible, or else fail, or not at all. */
export type Keep = 'try' | 'require' | 'off';

/** What of the replaced file to keep. */
export interface Preserve {
  /** Permission bits. @default 'try' */
  mode?: Keep | false | undefined;
  /** User and group. @default 'try' */
  owner?: Keep | false | undefined;
  /** Extended attributes: ACLs and security labels among them. @default 'try' */
  xattr?: Keep | false | undefined;
  /** Times of last access and modification, to the microsecond. @default 'off' */
  times?: Keep | false | undefined;
}

/** Keep a copy of what is replaced. */
export type Backup = false | 'simple' | 'numbered' | { numbered: number } | PathLike;

/** How the lock of a file is waited for and held. */
export interface LockOptions {
  /**
   * How long to wait for it: some leases, so that a holder that died out of sight costs time and no error. Writes that
   * take no lock wait as long for an update of their own process. Milliseconds; 0 tries once. @default 30_000
   */
  timeout?: number | undefined;
  /**
   * How long others believe that this call goes on where they cannot see whether its process lives (on another machine, in another container, or stopped). Milliseconds, from 100. Signs of life are given four times as often, but for synchronous calls. @default 10_000
   */
  lease?: number | undefined;
}

/** What every way of writing a file takes. */
export interface WriteOptions {
  /** How much of a power cut the write survives. @default 'full' */
  durability?: Durability | undefined;
  /**
   * Where the filesystem cannot sync a file (EINVAL, ENOTSUP or ENOSYS): fail, or write all the same; then the result's `durable` is `'unsupported'`. @default
   * 'require'
   */
  sync?: 'require' | 'try' | undefined;
  /** Encoding of strings. @default 'utf8' */
  encoding?: BufferEncoding | null | undefined;
  /** Aborts the write; without effect from the rename on. */
  signal?: AbortSignal | undefined;
  /**
   * Permission bits of the file, as a number or in octal digits. They are set exactly; the umask does not apply.
   * @default those of the replaced file, or 0666 less the umask
   */
  mode?: number | string | undefined;
  /** User and group of the file. They are set exactly. @default those of the replaced file, or the process's */
  owner?: { uid?: number | undefined; gid?: number | undefined } | undefined;
  /** What of the replaced file to keep; what could not be kept under `'try'` is in the result's `notKept`. */
  preserve?: Preserve | undefined;
  /**
   * Symbolic link at the path: write the file that it leads to, replace the link itself, or fail with ELOOP. @default
   * 'follow'
   */
  symlink?: 'follow' | 'replace' | 'refuse' | undefined;
  /** Target with several hard links: the other names keep the old content, or fail with EMLINK. @default 'break' */
  hardLink?: 'break' | 'refuse' | undefined;
  /** `false`: create only, atomically; fails with EEXIST. @default true */
  overwrite?: boolean | undefined;
  /** As in `node:fs`: `'wx'` is `overwrite: false`. A file is replaced, so that there is no appending. @default 'w' */
  flag?: 'w' | 'wx' | 'xw' | undefined;
  /** As in `node:fs`; every durability but `'off'` syncs the file anyway. */
  flush?: boolean | undefined;
  /**
   * Replace the file only if it holds this version, which a read, an update or an earlier write gave, or `'absent'` if
   * there is none. It is looked at under the file's lock, and again right before the rename; otherwise
   * `ERR_VERSION_CONFLICT`.
   */
  ifMatch?: Version | undefined;
  /** How the file's lock is waited for and held, where one is taken: by updates, and with `ifMatch`. */
  lock?: LockOptions | undefined;
  /** Same bytes in place already: write all the same, or leave the file and its times alone. @default 'write' */
  ifUnchanged?: 'write' | 'skip' | undefined;
  /** Create missing parent directories (0777 less the umask). @default false */
  makeParents?: boolean | undefined;
  /**
   * Keep the replaced file: `'simple'` as `name~`, `'numbered'` as `name.~1~`, `name.~2~` and so on,
   * `{ numbered: 5 }` with the last five only, or under a path of your own.
   * @default false
   */
  backup?: Backup | undefined;
  /**
   * Where a file cannot be replaced (one that is bind-mounted, in a directory that one may not write or another user's in a sticky one, or where the filesystem does not rename over files): fail, or write into it, which is not atomic. @default 'error'
   */
  fallback?: 'error' | 'in-place' | undefined;
  /** The temporary file: text before and after the random part of its name, and whether it is kept on failure. */
  temporary?:
    { prefix?: string | undefined; suffix?: string | undefined; keepOnError?: boolean | undefined } | undefined;
  /**
   * How long a rename is tried again while the target is in use: on Windows while another process has it open,
   * elsewhere on filesystems that are not this machine's own (EACCES, EBUSY, ETXTBSY, ESTALE). Milliseconds. @default
   * 5000
   */
  retry?: { timeout?: number | undefined } | undefined;
  /**
   * Whether directories and replaced files stay open until the event loop turns, so that the next write need not open them, and nobody waits for blocks to be freed. With `false` nothing is open once the promise has settled that would keep the filesystem from being unmounted. A synchronous call leaves at most the replaced file open. @default true
   */
  linger?: boolean | undefined;
}
