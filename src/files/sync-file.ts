/** Syncing open files. */
import { codeOf, refusal } from '../contract/index.ts';
import { call, type Steps } from '../system/index.ts';
import type { Operation } from './operation.ts';

/** Codes of fsync(2) that say that the filesystem does not have this call for files, and not that a sync failed. */
const unsupported = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/** Whether an error says that files cannot be synced here. */
export function cannotSync(error: unknown): boolean {
  return unsupported.has(codeOf(error) ?? '');
}

/** Syncs a file. If the filesystem cannot, that is an error, unless `sync: 'try'` was asked for. */
export function* syncFile(operation: Operation, fd: number): Steps<void> {
  try {
    yield* call.fsync(fd);
  } catch (cause) {
    if (!cannotSync(cause)) throw cause;
    if (operation.settings.sync === 'require') {
      const why = `this filesystem cannot sync a file (fsync(2): ${codeOf(cause)}); { sync: 'try' } writes it anyway, not durably`;
      throw Object.assign(refusal(codeOf(cause) as string, why), { cause });
    }
    operation.unsynced = true;
  }
}
