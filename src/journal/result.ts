/** The result of a recovery. */
import type { PathName } from '../contract/index.ts';

/** A transaction that was left alone. */
export interface KeptTransaction {
  readonly path: PathName;
  /**
   * - `'alive'`: its owner is alive.
   * - `'young'`: its owner cannot be judged, and it changed not long ago.
   * - `'foreign'`: it is another user's, or others can write its journal.
   * - `'copied'`: this directory is a copy of the one in which it was written; nothing is done here.
   * - `'unreachable'`: one of its directories cannot be found; it may not be mounted. See `directories`.
   * - `'damaged'`: its journal is damaged, or of an unknown version.
   * - `'failed'`: the system refused; see `error`.
   */
  readonly reason: 'alive' | 'young' | 'foreign' | 'copied' | 'unreachable' | 'damaged' | 'failed';
  /** The directories that cannot be found, if known. */
  readonly directories?: readonly PathName[];
  readonly error?: Error;
}

/** The result for one file of a committed transaction. */
export interface RecoveredFile {
  /** The file, by its new name; a removed one by its old name. */
  readonly path: PathName;
  /**
   * - `'completed'`: it is as the transaction made it.
   * - `'superseded'`: it was written or removed without a lock since the commit; that stays.
   * - `'missing'`: its staged content is gone, and it still has the old content (or none).
   * - `'unknown'`: its staged content is gone, and the filesystem cannot tell whether it is in place.
   * - `'unreachable'`: nothing was done, since a directory of the transaction cannot be found; see `kept`.
   */
  readonly outcome: 'completed' | 'superseded' | 'missing' | 'unknown' | 'unreachable';
}

/** What a recovery did. */
export interface RecoverResult {
  /** The result for each file of the committed transactions. */
  readonly files: readonly RecoveredFile[];
  /** The files that are complete now. */
  readonly completed: readonly PathName[];
  /** The staged files of uncommitted transactions. */
  readonly removed: readonly PathName[];
  /** What was left alone, and why. */
  readonly kept: readonly KeptTransaction[];
}
