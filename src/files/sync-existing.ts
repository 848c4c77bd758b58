/** Syncing a file that is in place: who wrote it may not have. */
import { O_NOFOLLOW, O_TO_SYNC, call, type Steps } from '../system/index.ts';
import { whileBusy, whileOpen } from './busy.ts';
import { persisting } from './look.ts';
import { refusedByPermissions, type Operation } from './operation.ts';
import { syncFile } from './sync-file.ts';
import type { Target } from './target.ts';

/**
 * Syncs a file by its name, once; false where Node's permission model refuses that, or where it cannot be done and need
 * not.
 */
export function* syncInPlace(operation: Operation, place: Pick<Target, 'accessPath'>): Steps<boolean> {
  const synced = yield* whileBusy(operation, () => whileOpen(operation, openAndSync(operation, place)));
  if (synced === true) return operation.unsynced !== true;
  if (refusedByPermissions(operation, synced.error)) return false;
  throw synced.error;
}

/** The error of the sync itself is a value: only to open the file is tried again. */
function* openAndSync(
  operation: Operation,
  { accessPath }: Pick<Target, 'accessPath'>,
): Steps<true | { readonly error: unknown }> {
  const fd = yield* persisting({ accessPath }, () => call.open(accessPath, O_TO_SYNC | O_NOFOLLOW, 0));
  try {
    yield* syncFile(operation, fd);
    return true;
  } catch (error) {
    return { error };
  } finally {
    yield* call.close(fd);
  }
}
