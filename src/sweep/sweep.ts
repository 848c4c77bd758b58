import { flag, readAge, record, type PathLike, type SweepResult } from '../contract/index.ts';
import {
  runAsync,
  environment,
  givenPath,
  type LockOwner,
  judge,
  type Owner,
  type Sign,
  type Steps,
  runSync,
} from '../system/index.ts';
import { newLook, reporting, readOptions } from '../files/index.ts';
import { sweepDirectory, type Sweep } from './sweep-directory.ts';

/** Options of a sweep. */
export interface SweepOptions {
  /**
   * Milliseconds without a change after which a file is removed if its writer cannot be judged, since it ran on another
   * machine or in another container. Files of live writers are never removed.
   *
   * Where each machine sets the times of files by its own clock, as on CephFS, there is no default: such files stay unless
   * an age is given, which must then be larger than the difference of the clocks.
   * @default 86_400_000 (a day)
   */
  olderThan?: number | undefined;
  /** Also the directories below; links are not followed. @default false */
  recursive?: boolean | undefined;
  /** Remove nothing, only report. @default false */
  dryRun?: boolean | undefined;
}

/**
 * Removes the temporary files and the locks that killed writers left in a directory.
 *
 * It never removes a live writer's file or lock. See docs/guarantees.md, "After a crash".
 *
 * @throws {WriteError} with the system's code, if the directory cannot be read.
 * @example Tidy up at the start of a program
 * ```ts
 * const { removed } = await sweep('.');
 * ```
 */
export async function sweep(directory: PathLike, options?: SweepOptions): Promise<SweepResult> {
  return runAsync(sweeping(directory, options, false));
}

/** Removes remaining temporary files, blocking; see {@link sweep}. */
export function sweepSync(directory: PathLike, options?: SweepOptions): SweepResult {
  return runSync(sweeping(directory, options, true));
}

function sweeping(directory: PathLike, options: SweepOptions | undefined, blocking: boolean): Steps<SweepResult> {
  const sweep = readSweep(directory, options, blocking);
  return reporting(sweep.operation, sweepDirectory(sweep));
}

function readSweep(directory: PathLike, given: SweepOptions | null | undefined, blocking: boolean): Sweep {
  const options = record(given, 'options', ['olderThan', 'recursive', 'dryRun']);
  const olderThan = readAge(options['olderThan']);
  const [recursive, dryRun] = [flag(options, 'recursive', false), flag(options, 'dryRun', false)];
  const target = givenPath(directory, 'directory');
  const operation = newLook('sweep', target, readOptions({}), environment, blocking);
  return { directory: target.path, olderThan, recursive, dryRun, judge: judgeAny, operation };
}

function judgeAny(owner: Owner | LockOwner, lastChangeNs: bigint, exclusive: boolean): Sign {
  return 'lease' in owner ? environment.judge(owner, lastChangeNs, exclusive) : judge(owner, lastChangeNs, exclusive);
}
