/** Promises where none is allowed: a blocking call cannot wait for one. */
import { misuse } from './errors.ts';

/**
 * Whether a value is a promise or another thenable. Its rejection is then handled: a caller that refuses it does not
 * await it, and an unhandled rejection would end the program.
 */
export function isThenable(value: unknown): boolean {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  const { then } = value as { then?: unknown };
  if (typeof then !== 'function') return false;
  Promise.resolve(value).catch(() => undefined);
  return true;
}

/** Fails if the callback of the blocking twin of a function returned a promise: its work is not done yet. */
export function refusePromise(returned: unknown, name: string): void {
  if (isThenable(returned))
    throw misuse('ERR_INVALID_RETURN_VALUE', `The callback of ${name}Sync() returned a promise; use ${name}()`);
}
