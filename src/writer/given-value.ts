/** What a caller of a writer gives it: a value, or a function that makes one. */
import { chunkBytes, isChunk, isThenable, misuse } from '../contract/index.ts';

/** Bytes keep their present length. If their memory is gone, that is reported when their turn comes. */
export function asNow<T>(value: T | (() => T)): T | (() => T) {
  if (typeof value === 'string' || !isChunk(value)) return value;
  try {
    return chunkBytes(value, 'latin1') as T;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

/** At the end of the process there is no time to wait for it. */
export function notLater<R>(who: string, returned: R): R {
  if (isThenable(returned)) throw misuse('ERR_INVALID_RETURN_VALUE', `${who} returned a promise`);
  return returned;
}
