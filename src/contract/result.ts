import type { PathName } from './path-name.ts';
import type { Version } from './version.ts';

/** Something of the replaced file that the new one does not have. */
export type NotKept = 'mode' | 'owner' | 'group' | 'acl' | 'xattr' | 'times';

/** What a write did. */
export interface WriteResult {
  /** The file that was written, symbolic links followed; a Buffer where its name is not valid UTF-8. */
  readonly path: PathName;
  /** Size of the new content in bytes; 0 for a value that was superseded before it was made into bytes. */
  readonly bytes: number;
  /** Whether there was a file before. */
  readonly replaced: boolean;
  /** Whether the call changed nothing, since the same bytes were in place (`ifUnchanged: 'skip'`). */
  readonly unchanged: boolean;
  /** Whether newer content of this process took the place of this one before it was written. */
  readonly superseded: boolean;
  /** Whether readers could see only the old or the new content; `false` after `fallback: 'in-place'`. */
  readonly atomic: boolean;
  /** Whether the content survives a power cut: asked for and confirmed, not asked for, or the filesystem cannot. */
  readonly durable: boolean | 'unsupported';
  /** Where the replaced content was kept, if asked for and there was any. */
  readonly backupPath: PathName | undefined;
  /** What of the replaced file could not be kept. */
  readonly notKept: readonly NotKept[];
  /** The version of the new content, where it was written under a lock: with `ifMatch`, and by an update. */
  readonly version: Version | undefined;
}

/** What an update did. */
export interface UpdateResult extends WriteResult {
  /** The version of the content that is in place now. */
  readonly version: Version;
}

/** A temporary file that was left alone. */
export interface KeptFile {
  readonly path: PathName;
  /**
   * - `'alive'`: its writer is alive.
   * - `'young'`: its writer cannot be judged, and it was changed not long ago.
   * - `'foreign'`: it is another user's.
   * - `'linked'`: it has another name somewhere.
   * - `'special'`: it is no regular file, or a directory that holds no proof that it may be removed.
   * - `'transaction'`: it is part of a transaction, which `recover` completes or removes.
   * - `'failed'`: it could not be removed, or is a directory that could not be read; see `error`.
   */
  readonly reason: 'alive' | 'young' | 'foreign' | 'linked' | 'special' | 'transaction' | 'failed';
  readonly error?: Error;
}

/** What a sweep found. */
export interface SweepResult {
  /** Temporary files that were removed (or would have been, with `dryRun`). */
  readonly removed: readonly PathName[];
  /** Temporary files that were left alone, and why. */
  readonly kept: readonly KeptFile[];
  /**
   * Old or new content that was kept after a failure or a crash, and whole directories that `replaceDirectory` made and
   * no link leads to; it is yours to copy back or delete.
   */
  readonly recoverable: readonly PathName[];
}

/** A result, of which what is usual need not be said. */
export function writeResult(
  given: Pick<WriteResult, 'path' | 'bytes' | 'durable'> & Partial<WriteResult>,
): WriteResult {
  const {
    path,
    bytes,
    durable,
    replaced = true,
    unchanged = false,
    superseded = false,
    atomic = true,
    backupPath,
    notKept = [],
    version,
  } = given;
  return { path, bytes, replaced, unchanged, superseded, atomic, durable, backupPath, notKept, version };
}
