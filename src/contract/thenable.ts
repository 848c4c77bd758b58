/** Promises where there may be none: what is blocking cannot wait for one. */

/**
 * Whether something is a promise, or waits like one. Whoever refuses it for that does not hear how it ends: a rejection
 * that nobody hears of would end the program.
 */
export function isThenable(value: unknown): boolean {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  const { then } = value as { then?: unknown };
  if (typeof then !== 'function') return false;
  Promise.resolve(value).catch(() => undefined);
  return true;
}
