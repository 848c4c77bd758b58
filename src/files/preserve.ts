import { codeOf, isShortage, type Keep, type NotKept } from '../contract/index.ts';
import type { Steps } from '../system/index.ts';
import type { TemporaryFile } from './temporary.ts';

/**
 * Whether an error says that something cannot be kept here. Any system error does: filesystems answer optional calls
 * with all kinds of them. A filesystem that fails as a whole fails again when the content is synced.
 */
function isRefusal(error: unknown): boolean {
  const code = codeOf(error);
  if (code === undefined || isShortage(error)) return false;
  return /^E[A-Z0-9]+$/.test(code) || code === 'ERR_ACCESS_DENIED' || code.startsWith('Unknown system error');
}

/** Performs steps that change a temporary file, perhaps after its content was synced. */
export function* unsyncing<T>(temporary: TemporaryFile, steps: Steps<T>): Steps<T> {
  temporary.synced = false;
  return yield* steps;
}

/** Tries to keep something, and says whether it was kept. If it is required, the failure is the write's error. */
export function* preserving(keep: Keep, steps: Steps<unknown>, what: NotKept, notKept: NotKept[]): Steps<boolean> {
  try {
    yield* steps;
    return true;
  } catch (error) {
    if (keep === 'require' || !isRefusal(error)) throw error;
    if (!notKept.includes(what)) notKept.push(what);
    return false;
  }
}
