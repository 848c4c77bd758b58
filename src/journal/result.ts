/** What a recovery tells. */
import type { PathName } from '../contract/index.ts';

/** Something of a transaction that was left alone. */
export interface KeptTransaction {
  readonly path: PathName;
  /**
   * - `'alive'`: its owner is alive.
   * - `'young'`: its owner cannot be judged, and it was changed not long ago.
   * - `'foreign'`: it is another user's, or others can write its journal.
   * - `'copied'`: it was written in another directory, of which this is a copy; what is to be done there is not done
   *   here.
   * - `'unreachable'`: a directory that it leads to cannot be found; it may not be mounted. See `directories`.
   * - `'damaged'`: its journal is damaged, or of a version that this one does not know.
   * - `'failed'`: the system refused; see `error`.
   */
  readonly reason: 'alive' | 'young' | 'foreign' | 'copied' | 'unreachable' | 'damaged' | 'failed';
  /** The directories that cannot be found, where they are known. */
  readonly directories?: readonly PathName[];
  readonly error?: Error;
}

/** What became of one file of a transaction that was committed. */
export interface RecoveredFile {
  /** The file, by its new name; of a removed one the old name. */
  readonly path: PathName;
  /**
   * - `'completed'`: it is as the transaction has it.
   * - `'superseded'`: somebody without a lock wrote or removed it since the commit; that stays.
   * - `'missing'`: what was staged for it is gone, and the old content (or none) is in place.
   * - `'unknown'`: what was staged for it is gone, and the filesystem cannot tell whether it is in place.
   * - `'unreachable'`: nothing was done, since a directory of the transaction cannot be found; see `kept`.
   */
  readonly outcome: 'completed' | 'superseded' | 'missing' | 'unknown' | 'unreachable';
}

/** What a recovery did. */
export interface RecoverResult {
  /** What became of each file of the transactions that were committed. */
  readonly files: readonly RecoveredFile[];
  /** Those of them that are complete now. */
  readonly completed: readonly PathName[];
  /** What transactions that were not committed had staged. */
  readonly removed: readonly PathName[];
  /** What was left alone, and why. */
  readonly kept: readonly KeptTransaction[];
}
