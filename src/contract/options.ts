/** The options of callers. */
import type { PathLike } from './path-name.ts';
import type { Version } from './version.ts';

/**
 * How much of a power cut a write survives, in the meanings of SQLite's `PRAGMA synchronous`.
 *
 * - `'full'`: once the call has returned, the new content survives a power cut.
 * - `'normal'`: after a power cut the file holds the whole old or the whole new content, maybe the old.
 * - `'off'`: atomic between processes only; after a power cut the file may be damaged.
 */
export type Durability = 'full' | 'normal' | 'off';

/** Keep it if possible, fail if that is impossible, or do not keep it. */
export type Keep = 'try' | 'require' | 'off';

/** What to keep of the replaced file. */
export interface Preserve {
  /** Permission bits. @default 'try' */
  mode?: Keep | false | undefined;
  /** User and group. @default 'try' */
  owner?: Keep | false | undefined;
  /** Extended attributes: ACLs and security labels among them. @default 'try' */
  xattr?: Keep | false | undefined;
  /** Inode flags (chattr(1): `C`, `d` and others) and the project of quotas, on Linux. @default 'try' */
  flags?: Keep | false | undefined;
  /**
   * Times of last access and modification, exactly on Linux, elsewhere to the microsecond. The time of birth is the new
   * file's; the result says so. @default 'off'
   */
  times?: Keep | false | undefined;
}

/** Keep a copy of the replaced file. */
export type Backup = false | 'simple' | 'numbered' | { numbered: number } | PathLike;

/** How to wait for the lock of a file, and hold it. */
export interface LockOptions {
  /**
   * How long to wait for the lock. The default is three default leases: a holder that died elsewhere delays the call,
   * without an error. Writes without a lock wait as long for an update of their own process. Milliseconds; 0 tries
   * once.
   * @default 30_000
   */
  timeout?: number | undefined;
  /**
   * How long others treat this call as alive if they cannot see its process (on another machine, in another container,
   * or stopped). Milliseconds, from 100. Asynchronous calls renew it every quarter of that time. @default 10_000
   */
  lease?: number | undefined;
}

/** Where the new content is until it replaces the file. */
export interface TemporaryOptions {
  /** Text before the random part of its name. @default `.name.` */
  prefix?: string | undefined;
  /** Text after it. @default '.tmp' */
  suffix?: string | undefined;
  /** Whether to keep it on failure. @default false */
  keepOnError?: boolean | undefined;
  /**
   * A directory of your own on the same filesystem, for files in a directory that is watched or read entry by entry. It
   * has to exist; another filesystem is an error (EXDEV), and so is a directory that other users can write (EPERM). A
   * sweep of it finds what killed writers left. A new file gets its group, ACL and label by the rules of that directory.
   * Locks stay beside the file, so that all processes agree, and so does what is written under a lock: in one directory,
   * `.name.untorn-lock`. @default the file's own directory
   */
  directory?: PathLike | undefined;
}

/** The options of every write. */
export interface WriteOptions {
  /** How much of a power cut the write survives. @default 'full' */
  durability?: Durability | undefined;
  /**
   * If the filesystem cannot sync a file (EINVAL, ENOTSUP or ENOSYS): fail, or write without; the result's `durable` is
   * then `'unsupported'`. @default 'require'
   */
  sync?: 'require' | 'try' | undefined;
  /** Encoding of strings. @default 'utf8' */
  encoding?: BufferEncoding | null | undefined;
  /** Aborts the write; no effect once the rename has begun. @default none */
  signal?: AbortSignal | undefined;
  /**
   * Permission bits of the file, as a number or in octal digits, set exactly: the umask does not apply.
   * @default those of the replaced file, or 0666 less the umask
   */
  mode?: number | string | undefined;
  /** User and group of the file, set exactly. @default those of the replaced file, or the process's */
  owner?: { uid?: number | undefined; gid?: number | undefined } | undefined;
  /**
   * What to keep of the replaced file; the result's `notKept` lists what `'try'` could not keep. @default all but `times`,
   * as far as possible
   */
  preserve?: Preserve | undefined;
  /**
   * Symbolic link at the path: write the file that it leads to, replace the link, or fail with ELOOP. @default 'follow'
   */
  symlink?: 'follow' | 'replace' | 'refuse' | undefined;
  /**
   * Target with several hard links: the other names keep the old content, or the write fails with EMLINK. @default
   * 'break'
   */
  hardLink?: 'break' | 'refuse' | undefined;
  /** `false`: create only, atomically; fails with EEXIST. @default true */
  overwrite?: boolean | undefined;
  /**
   * As in `node:fs`: `'wx'` is `overwrite: false`. Appending is impossible, since the file is replaced. @default 'w'
   */
  flag?: 'w' | 'wx' | 'xw' | undefined;
  /** As in `node:fs`; every durability but `'off'` syncs the file anyway. @default false */
  flush?: boolean | undefined;
  /**
   * Replace the file only if it has this version, from a read, an update or an earlier write; `'absent'`: only if it
   * does not exist. Checked under the file's lock and again right before the rename; fails with `ERR_VERSION_CONFLICT`.
   * @default whatever is there
   */
  ifMatch?: Version | undefined;
  /**
   * How to wait for the file's lock and hold it. Updates and writes with `ifMatch` take it.
   * @default { timeout: 30_000, lease: 10_000 }
   */
  lock?: LockOptions | undefined;
  /** If the file has these bytes already: write anyway, or leave the file and its times alone. @default 'write' */
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
   * If a file cannot be replaced (it is bind-mounted, its directory is not writable, it is another user's in a sticky
   * directory, or the filesystem cannot rename over files): fail, or write into it, which is not atomic. @default
   * 'error'
   */
  fallback?: 'error' | 'in-place' | undefined;
  /** The temporary file. @default beside the file, and removed on failure */
  temporary?: TemporaryOptions | undefined;
  /**
   * How long to retry a rename while the target is in use: on Windows while another process has it open, elsewhere on
   * network and FUSE filesystems (EACCES, EBUSY, ETXTBSY, ESTALE). Milliseconds. @default 5000
   */
  retry?: { timeout?: number | undefined } | undefined;
  /**
   * Keep directories and replaced files open until the event loop turns: the next write need not open them, and no call
   * waits for blocks to be freed. With `false`, once the promise has settled no open file keeps the filesystem from
   * being unmounted. A synchronous call leaves at most the replaced file open. @default true
   */
  linger?: boolean | undefined;
  /**
   * On filesystems where no lock excludes others (SMB, GlusterFS, sshfs, WebDAV, object stores): refuse what needs a
   * lock (`ERR_UNTORN_UNSAFE_FILESYSTEM`), or do it anyway. A plain write there gives a warning of the process, once,
   * unless it is `'any'`. @default 'safe'
   */
  filesystem?: 'safe' | 'any' | undefined;
}

/** The options of updates. */
export interface UpdateOptions extends WriteOptions {
  /**
   * How often to begin again if a writer that does not take the lock has changed the file meanwhile
   * (`ERR_VERSION_CONFLICT`): it is read again, and the function is called again. For functions without other effects.
   * `lock.timeout` applies to each attempt. @default 0
   */
  retries?: number | undefined;
}
