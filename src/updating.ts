/** What updates have in common: a write under a lock, and a function of the caller's that is called meanwhile. */
import { misuse } from './errors.ts';
import type { Settings } from './options.ts';
import { describe, display, targetPath, type PathLike, type PathName } from './path.ts';
import { settled } from './protocol/contents.ts';
import { newLockedWrite, type LockedWrite } from './protocol/write.ts';
import type { Steps } from './system/calls.ts';
import { surroundings } from './system/surroundings.ts';
import type { Version } from './version.ts';

/** What an update returns to leave the file as it is. */
export const unchanged: unique symbol = Symbol.for('untorn.unchanged') as never;

export type Kept = typeof unchanged;

/** What an update is told beside the content. */
export interface UpdateInfo {
  /** The version of the content; `'absent'` if there is no file. */
  readonly version: Version;
  /** The file, symbolic links followed. */
  readonly path: PathName;
}

/** A write for an update. */
export function lockedWrite(path: PathLike, update: unknown, settings: Settings, blocking: boolean): LockedWrite {
  if (typeof update !== 'function') throw misuse('ERR_INVALID_ARG_TYPE', `"update" must be a function, not ${describe(update)}`);
  if (settings.fallback === 'in-place') throw misuse('ERR_INVALID_ARG_VALUE', `"options.fallback" must be 'error' here: others cannot be kept off what is written in place`);
  return newLockedWrite(targetPath(path), settings, surroundings, blocking);
}

/** What the caller's function returned, which is not nothing, or what it threw. */
export function* outcomeOf(write: LockedWrite, run: () => unknown): Steps<{ value: unknown } | { error: unknown }> {
  const outcome = write.blocking ? attempt(write, run) : yield* settled(write, attemptLater(run));
  return 'value' in outcome && outcome.value === undefined ? { error: wrongReturn(write, 'nothing; return the new content, or "unchanged" to leave the file as it is') } : outcome;
}

function attempt(write: LockedWrite, run: () => unknown): { value: unknown } | { error: unknown } {
  try {
    const value = run();
    return isThenable(value) ? { error: wrongReturn(write, 'a promise; use the asynchronous function') } : { value };
  } catch (error) {
    return { error };
  }
}

async function attemptLater(run: () => unknown): Promise<{ value: unknown } | { error: unknown }> {
  try {
    return { value: await run() };
  } catch (error) {
    return { error };
  }
}

function wrongReturn(write: LockedWrite, what: string): TypeError {
  return misuse('ERR_INVALID_RETURN_VALUE', `The update of "${display(write.path)}" returned ${what}`);
}

function isThenable(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('then' in value) || typeof value.then !== 'function') return false;
  // What it still does is of no interest; that must not end the program.
  (value as PromiseLike<unknown>).then(undefined, () => undefined);
  return true;
}
