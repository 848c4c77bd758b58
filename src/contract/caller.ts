/** Adds the caller's lines to the stack of an error. */
import { isOurs, WriteError } from './errors.ts';

/** Errors that have their caller's lines already: several calls can fail with one error. */
const told = new WeakSet();

/**
 * Adds to the stack of an error of ours those frames of its caller for which there was no room, or which a callback
 * does not know. An asynchronous function knows them when it continues after an `await`, as long as its callers await
 * it.
 */
export function withCaller(error: unknown, from: (...args: never[]) => unknown): unknown {
  return isTold(error) && !told.has(error) ? withFrames(error, callerOf(from)) : error;
}

/** The caller of a function, for an error that may come later. */
export function callerOf(from: (...args: never[]) => unknown): { readonly stack: string } {
  const here = { stack: '' };
  Error.captureStackTrace(here, from);
  return here;
}

/** Adds the noted frames of the caller to an error of ours. */
export function withFrames<E>(error: E, here: { readonly stack: string }): E {
  if (!isTold(error) || told.has(error)) return error;
  // With source maps, or by what a program sets, a stack can be any value.
  const [known, frames] = [error.stack, here.stack].map((stack) => String(stack).split('\n'));
  const more = frames?.filter((line) => /^\s+at /.test(line) && known?.includes(line) === false) ?? [];
  // Nobody awaits this promise; the next promise with the error may be awaited.
  if (more.length === 0) return error;
  told.add(error);
  error.stack = [error.stack, ...more].join('\n');
  return error;
}

/**
 * Whether the package made the error for its callers. A JsonError is recognized by its mark, since it is of a higher
 * floor.
 */
function isTold(error: unknown): error is Error {
  if (WriteError.isWriteError(error) || isOurs(error)) return true;
  return typeof error === 'object' && error !== null && Symbol.for('untorn.JsonError') in error;
}

/**
 * The promise of an object's method, with the caller in its error. With `heard` the failure is reported elsewhere too,
 * so that nobody needs to await the promise.
 */
export function forCaller<T>(promise: Promise<T>, heard = false): Promise<T> {
  const given = telling();
  return given;

  async function telling(): Promise<T> {
    try {
      return await promise;
    } catch (error) {
      const told = withCaller(error, telling);
      // Not earlier: the runtime knows who awaits a promise only as long as the promise has one handler.
      if (heard) given.catch(() => undefined);
      throw told;
    }
  }
}
