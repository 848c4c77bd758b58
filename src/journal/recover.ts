import { readAge, record, type PathLike } from '../contract/index.ts';
import { runAsync, environment, givenPath, judge, runSync } from '../system/index.ts';
import { newLook, reporting, type Operation, readOptions } from '../files/index.ts';
import { recoverDirectory, type Recovery } from './recover-directory.ts';
import type { RecoverResult } from './result.ts';

/** Options of a recovery. */
export interface RecoverOptions {
  /**
   * Milliseconds without a change after which a transaction counts as interrupted if its owner cannot be judged, since
   * it ran on another machine or in another container. If one of its locks has shown no sign of life for two leases, it
   * counts as interrupted at once, as it would for an update. Transactions of live owners are never touched.
   *
   * Where each machine sets the times of files by its own clock, as on CephFS, there is no default: a transaction that
   * died before it took a lock stays unless an age is given, which must then be larger than the difference of the clocks.
   * @default 86_400_000 (a day)
   */
  olderThan?: number | undefined;
}

/**
 * Completes the transactions that a crash interrupted after their commit, and removes the remains of the others, as far
 * as they concern files of a directory: each is then done or not done, in all of its directories.
 *
 * It can be called at any time, by several processes at once, and again if it is interrupted. A program that uses
 * {@link transaction} calls it at its start, before it reads its files.
 *
 * @see docs/guarantees.md
 * @throws {WriteError} with the system's code, if the directory cannot be read.
 * @example At the start of a program
 * ```ts
 * const { kept } = await recover('.');
 * ```
 */
export async function recover(directory: PathLike, options?: RecoverOptions): Promise<RecoverResult> {
  const { operation, recovery } = readRecover(directory, options, false);
  return runAsync(reporting(operation, recoverDirectory(operation, recovery)));
}

/** Completes or removes interrupted transactions, blocking; see {@link recover}. */
export function recoverSync(directory: PathLike, options?: RecoverOptions): RecoverResult {
  const { operation, recovery } = readRecover(directory, options, true);
  return runSync(reporting(operation, recoverDirectory(operation, recovery)));
}

function readRecover(
  directory: PathLike,
  given: RecoverOptions | null | undefined,
  blocking: boolean,
): { operation: Operation; recovery: Recovery } {
  const olderThan = readAge(record(given, 'options', ['olderThan'])['olderThan']);
  return {
    operation: newLook(
      'recover',
      givenPath(directory, 'directory'),
      // What was begun has to be ended.
      readOptions({ linger: false, filesystem: 'any' }),
      environment,
      blocking,
    ),
    recovery: { olderThan, judge },
  };
}
