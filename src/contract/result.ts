import type { PathName } from './path-name.ts';
import type { Version } from './version.ts';

/** A property of the replaced file that the new one does not have. */
export type NotKept = 'mode' | 'owner' | 'group' | 'acl' | 'xattr' | 'flags' | 'times' | 'birthtime';

/** What a write did. */
export interface WriteResult {
  /** The written file, symbolic links followed; a Buffer if its name is not valid UTF-8. */
  readonly path: PathName;
  /** Size of the new content in bytes; 0 for a value that was superseded before it was encoded. */
  readonly bytes: number;
  /** Whether there was a file before. */
  readonly replaced: boolean;
  /** Whether the call changed nothing, since the file had the same bytes (`ifUnchanged: 'skip'`). */
  readonly unchanged: boolean;
  /** Whether newer content of this process replaced this content before it was written. */
  readonly superseded: boolean;
  /** Whether readers could see only the old or the new content; `false` after `fallback: 'in-place'`. */
  readonly atomic: boolean;
  /** Whether the content survives a power cut: confirmed, not asked for, or impossible on this filesystem. */
  readonly durable: boolean | 'unsupported';
  /** Where the replaced content was kept, if asked for and there was any. */
  readonly backupPath: PathName | undefined;
  /** What could not be kept of the replaced file. */
  readonly notKept: readonly NotKept[];
  /** The version of the new content, if a lock was taken: with `ifMatch`, and by an update. */
  readonly version: Version | undefined;
}

/** What an update did. */
export interface UpdateResult extends WriteResult {
  /** The version that the file has now. */
  readonly version: Version;
}

/** A temporary file that was left alone. */
export interface KeptFile {
  readonly path: PathName;
  /**
   * - `'alive'`: its writer is alive.
   * - `'young'`: its writer cannot be judged, and it changed not long ago.
   * - `'foreign'`: it is another user's.
   * - `'linked'`: it has another hard link.
   * - `'special'`: it is not a regular file, or a directory without proof that it may be removed.
   * - `'transaction'`: it belongs to a transaction, which `recover` completes or removes.
   * - `'failed'`: it could not be removed, or a directory could not be read; see `error`.
   */
  readonly reason: 'alive' | 'young' | 'foreign' | 'linked' | 'special' | 'transaction' | 'failed';
  readonly error?: Error;
}

/** What a sweep found. */
export interface SweepResult {
  /** Temporary files that were removed (with `dryRun`: that would be). */
  readonly removed: readonly PathName[];
  /** Temporary files that were left alone, and why. */
  readonly kept: readonly KeptFile[];
  /**
   * Old or new content that was kept after a failure or a crash, and directories that `replaceDirectory` made and no
   * link leads to; copy them back or delete them.
   */
  readonly recoverable: readonly PathName[];
}

/** A result; usual values can be left out. */
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
