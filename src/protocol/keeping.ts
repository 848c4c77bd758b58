import { codeOf } from '../errors.ts';
import type { Keep } from '../options.ts';
import type { NotKept } from '../result.ts';
import type { Steps } from '../system/calls.ts';
import type { TemporaryFile } from './temporary.ts';

/** Errors that say that something may not be kept here, and not that the system is failing. */
const refused = new Set(['EPERM', 'EACCES', 'EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EROFS', 'EOVERFLOW', 'ERR_ACCESS_DENIED']);

/** Steps that change a temporary file, perhaps after its content was synced. */
export function* changing<T>(temporary: TemporaryFile, steps: Steps<T>): Steps<T> {
  temporary.synced = false;
  return yield* steps;
}

/** Tries to keep something: whether it was. Where it is required, or the system fails, that is the write's error. */
export function* keeping(keep: Keep, steps: Steps<unknown>, what: NotKept, notKept: NotKept[]): Steps<boolean> {
  try {
    yield* steps;
    return true;
  } catch (error) {
    if (keep === 'require' || !refused.has(codeOf(error) ?? '')) throw error;
    notKept.push(what);
    return false;
  }
}
