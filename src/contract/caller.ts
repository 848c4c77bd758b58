/** Which lines of the program an error tells of. */
import { isOurs, WriteError } from './errors.ts';

/** Errors that have their caller already: one error can be that of several calls. */
const told = new WeakSet();

/**
 * An error of ours, with those frames of its caller in its stack for which there was no room, or which a callback does
 * not know. An asynchronous function knows them when it goes on after an `await`, as long as those who called it await
 * it.
 */
export function withCaller(error: unknown, from: (...args: never[]) => unknown): unknown {
  return isTold(error) && !told.has(error) ? withFrames(error, callerOf(from)) : error;
}

/** Who called a function, for an error that may come later. */
export function callerOf(from: (...args: never[]) => unknown): { readonly stack: string } {
  const here = { stack: '' };
  Error.captureStackTrace(here, from);
  return here;
}

/** An error of ours, with the frames of the caller that was noted. */
export function withFrames<E>(error: E, here: { readonly stack: string }): E {
  if (!isTold(error) || told.has(error)) return error;
  // With source maps, or by what a program sets, a stack can be anything.
  const [known, frames] = [error.stack, here.stack].map((stack) => String(stack).split('\n'));
  const more = frames?.filter((line) => /^\s+at /.test(line) && known?.includes(line) === false) ?? [];
  // Where nobody awaits it, the next who is given it may be awaited.
  if (more.length === 0) return error;
  told.add(error);
  error.stack = [error.stack, ...more].join('\n');
  return error;
}

/** Errors that the package makes for its callers. A JsonError is known by its mark: it is of a floor above. */
function isTold(error: unknown): error is Error {
  if (WriteError.isWriteError(error) || isOurs(error)) return true;
  return typeof error === 'object' && error !== null && Symbol.for('untorn.JsonError') in error;
}

/**
 * What a method of an object gives, with its caller in its error. What is `heard` of otherwise may fail without anybody
 * who awaits it.
 */
export function forCaller<T>(promise: Promise<T>, heard = false): Promise<T> {
  const given = telling();
  return given;

  async function telling(): Promise<T> {
    try {
      return await promise;
    } catch (error) {
      const told = withCaller(error, telling);
      // Only now: who awaits a promise is known as long as it has one handler.
      if (heard) given.catch(() => undefined);
      throw told;
    }
  }
}
