import { outOfRange } from './errors.ts';
import { record, wrongType } from './option-values.ts';
import { readOptions } from './options.ts';
import { absolutePath, type PathLike, type PathName } from './path.ts';
import { recoverDirectory, type Recovery } from './protocol/recover.ts';
import { newLook, reporting, type Write } from './protocol/write.ts';
import { runAsync } from './system/async-driver.ts';
import { currentTime } from './system/globals.ts';
import { judge } from './system/owner.ts';
import { surroundings } from './system/surroundings.ts';
import { runSync } from './system/sync-driver.ts';

/** How to recover. */
export interface RecoverOptions {
  /**
   * Milliseconds since the last change from which a transaction counts as interrupted whose owner cannot be judged, because it
   * ran on another machine or in another container. What belongs to owners that are seen to be alive is never touched.
   * @default 86_400_000 (a day)
   */
  olderThan?: number | undefined;
}

/** Something of a transaction that was left alone. */
export interface KeptTransaction {
  readonly path: PathName;
  /**
   * - `'alive'`: its owner is alive.
   * - `'young'`: its owner cannot be judged, and it was changed not long ago.
   * - `'foreign'`: it is another user's, or others can write its journal.
   * - `'copied'`: it was written in another directory, of which this is a copy; what is to be done there is not done here.
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

/**
 * Completes the transactions that a crash interrupted after their commit, and removes what others left, as far as they
 * concern files of a directory: each is then done or not done, in all of its directories.
 *
 * It can be called at any time, by several processes at once, and again if it is interrupted itself. A program that uses
 * {@link transaction} calls it at its start, before it reads its files.
 *
 * @throws {WriteError} with the system's code, if the directory cannot be read.
 * @example At the start of a program
 * ```ts
 * const { kept } = await recover('.');
 * ```
 */
export async function recover(directory: PathLike, options?: RecoverOptions): Promise<RecoverResult> {
  const { write, recovery } = readRecover(directory, options, false);
  return runAsync(reporting(write, recoverDirectory(write, recovery)));
}

/** Completes or removes interrupted transactions, blocking; see {@link recover}. */
export function recoverSync(directory: PathLike, options?: RecoverOptions): RecoverResult {
  const { write, recovery } = readRecover(directory, options, true);
  return runSync(reporting(write, recoverDirectory(write, recovery)));
}

function readRecover(directory: PathLike, given: RecoverOptions | null | undefined, blocking: boolean): { write: Write; recovery: Recovery } {
  const { olderThan = 86_400_000 } = record(given, 'options', ['olderThan']);
  if (typeof olderThan !== 'number') throw wrongType('options.olderThan', 'a number', olderThan);
  if (!(olderThan >= 0)) throw outOfRange(`"options.olderThan" must be a number of milliseconds from 0, not ${olderThan}`);
  return { write: newLook('recover', absolutePath(directory, 'directory'), readOptions({ linger: false }), surroundings, blocking), recovery: { olderThan, judge, now: currentTime } };
}
