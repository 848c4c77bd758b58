import { flag, record, type PathLike } from '../contract/index.ts';
import { environment, givenPath, runAsync, runSync, type Steps } from '../system/index.ts';
import { newLook, readOptions, reporting } from '../files/index.ts';
import { examine } from './examine.ts';
import type { Inspection } from './inspection.ts';

/** Options of an inspection. */
export interface InspectOptions {
  /**
   * Also try what cannot be told beforehand: a file is written twice in the directory, durably, locked and removed, and
   * an empty temporary file is given the metadata of the file. Without it nothing is made, changed or locked.
   * @default false
   */
  measure?: boolean | undefined;
  /** Aborts the inspection. @default none */
  signal?: AbortSignal | undefined;
}

/**
 * Says what holds at a path: what a write of this process would be there, and what others left.
 *
 * It follows the links of the path, and reads the list of mounts, the status of the file and its directory, and the names
 * in the directory. It makes, changes and locks nothing, unless `measure` is given; it does not open the file for
 * reading. What it says is true at that moment, for this process and its user. `findings` has everything in words; those
 * of the level `'failure'` say why a write fails. A path that does not exist is no error.
 *
 * Not told beforehand: full disks and quotas, what security modules refuse, and what a server does. See access(2),
 * proc_pid_mountinfo(5), docs/filesystems.md.
 *
 * @throws {WriteError} by rejecting, with the system's code, if the directory cannot be examined.
 * @throws {TypeError} by rejecting, for wrong arguments.
 * @example Warn at the start of a program
 * ```ts
 * const { findings } = await inspect('settings.json');
 * for (const { level, text } of findings) if (level === 'failure' || level === 'limit') console.warn(text);
 * ```
 */
export async function inspect(path: PathLike, options?: InspectOptions | null): Promise<Inspection> {
  return runAsync(inspecting(path, options, false));
}

/** Says what holds at a path, blocking; see {@link inspect}. */
export function inspectSync(path: PathLike, options?: InspectOptions | null): Inspection {
  return runSync(inspecting(path, options, true));
}

function inspecting(path: PathLike, options: InspectOptions | null | undefined, blocking: boolean): Steps<Inspection> {
  const fields = record(options, 'options', ['measure', 'signal']);
  const measure = flag(fields, 'measure', false);
  const settings = readOptions({ signal: fields['signal'] as AbortSignal | undefined });
  const operation = newLook('inspect', givenPath(path), settings, environment, blocking);
  return reporting(operation, examine(operation, measure));
}
