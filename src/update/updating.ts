/** The common part of updates: an operation under a lock, and a function of the caller that is called meanwhile. */
import {
  assertFunction,
  misuse,
  display,
  type PathLike,
  type PathName,
  isThenable,
  type Version,
} from '../contract/index.ts';
import { environment, targetPath, type Steps } from '../system/index.ts';
import { settled, newLockedOperation, type LockedOperation, type Settings } from '../files/index.ts';

/** What an update receives besides the content. */
export interface UpdateInfo {
  /** The version of the content; `'absent'` if there is no file. */
  readonly version: Version;
  /** The file, symbolic links followed. */
  readonly path: PathName;
}

/** An operation for an update. */
export function lockedWrite(path: PathLike, update: unknown, settings: Settings, blocking: boolean): LockedOperation {
  assertFunction(update, 'update');
  if (settings.fallback === 'in-place')
    throw misuse(
      'ERR_INVALID_ARG_VALUE',
      `"options.fallback" must be 'error' here: a write in place cannot exclude others`,
    );
  return newLockedOperation(targetPath(path), settings, environment, blocking);
}

/**
 * The result of `convert` for the return value of the caller's function, which must not be undefined, once it is
 * available; or the error that the function threw.
 */
export function* outcomeOf<T = unknown>(
  operation: LockedOperation,
  run: () => unknown,
  convert = (value: unknown): T => value as T,
): Steps<{ value: T } | { error: unknown }> {
  const read = (value: unknown): T => {
    if (value === undefined)
      throw wrongReturn(operation, 'nothing; return the new content, or "unchanged" to leave the file as it is');
    return convert(value);
  };
  return operation.blocking ? attempt(operation, run, read) : yield* settled(operation, attemptLater(run, read));
}

function attempt<T>(
  operation: LockedOperation,
  run: () => unknown,
  read: (value: unknown) => T,
): { value: T } | { error: unknown } {
  try {
    const value = run();
    return isThenable(value)
      ? { error: wrongReturn(operation, 'a promise; use the asynchronous function') }
      : { value: read(value) };
  } catch (error) {
    return { error };
  }
}

async function attemptLater<T>(
  run: () => unknown,
  read: (value: unknown) => T,
): Promise<{ value: T } | { error: unknown }> {
  try {
    return { value: read(await run()) };
  } catch (error) {
    return { error };
  }
}

function wrongReturn(operation: LockedOperation, what: string): TypeError {
  return misuse('ERR_INVALID_RETURN_VALUE', `The update of "${display(operation.given)}" returned ${what}`);
}
