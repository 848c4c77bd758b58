/** Syncing a file that is in place: its writer may not have synced it. */
import { O_NOFOLLOW, O_TO_SYNC, call, type Steps } from '../system/index.ts';
import { whileBusy, whileOpen } from './busy.ts';
import { persisting } from './look.ts';
import { refusedByPermissions, type Operation } from './operation.ts';
import { syncFile } from './sync-file.ts';
import type { Target } from './target.ts';

/**
 * Syncs a file by its name, once. False if Node's permission model refuses that, or if it cannot be done and is not
 * required.
 */
export function* syncInPlace(operation: Operation, place: Pick<Target, 'accessPath'>): Steps<boolean> {
  const synced = yield* whileBusy(operation, () => whileOpen(operation, openAndSync(operation, place)));
  if (synced === true) return operation.unsynced !== true;
  if (refusedByPermissions(operation, synced.error)) return false;
  throw synced.error;
}

/** The error of the sync itself is returned as a value: only opening the file is tried again. */
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
