import { codeOf, type Keep, type NotKept } from '../contract/index.ts';
import type { Steps } from '../system/index.ts';
import type { TemporaryFile } from './temporary.ts';

/** Errors that say nothing of what is to be kept: there are no descriptors left. */
const outOfDescriptors = new Set(['EMFILE', 'ENFILE']);

/**
 * Whether an error says that something cannot be kept here, as any of the system's does: filesystems answer optional
 * calls with all kinds of them. One that fails as a whole says so again when the content is synced.
 */
function isRefusal(code: string | undefined): boolean {
  if (code === undefined || outOfDescriptors.has(code)) return false;
  return /^E[A-Z0-9]+$/.test(code) || code === 'ERR_ACCESS_DENIED' || code.startsWith('Unknown system error');
}

/** Steps that change a temporary file, perhaps after its content was synced. */
export function* unsyncing<T>(temporary: TemporaryFile, steps: Steps<T>): Steps<T> {
  temporary.synced = false;
  return yield* steps;
}

/** Tries to keep something: whether it was. Where it is required, that it was not is the write's error. */
export function* preserving(keep: Keep, steps: Steps<unknown>, what: NotKept, notKept: NotKept[]): Steps<boolean> {
  try {
    yield* steps;
    return true;
  } catch (error) {
    if (keep === 'require' || !isRefusal(codeOf(error))) throw error;
    if (!notKept.includes(what)) notKept.push(what);
    return false;
  }
}
