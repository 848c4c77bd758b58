/**
 * Large contents are synced while they are written, so that little is left for the last sync (measured: 100 MiB in 0.8
 * of the time).
 *
 * Promise: only speed depends on these syncs, since the whole file is synced afterwards. A sync that fails makes the
 * write fail, and is not tried again: the kernel reports a failed page once.
 */
import { call, concurrently, wait, type Steps } from '../system/index.ts';
import { failedDuring, type Operation } from './operation.ts';
import { cannotSync } from './sync-file.ts';

/** The number of bytes that is worth a sync of its own. */
const worthASync = 8 << 20;

/**
 * Whether large content is synced while it is written. On systems other than Linux a sync empties the disk's own cache
 * each time. Under Node's permission model each write is synced by itself instead.
 */
function maySyncEarly({ blocking, environment, settings }: Operation): boolean {
  return (
    !blocking && environment.platform === 'linux' && !environment.descriptorsRestricted && settings.durability !== 'off'
  );
}

/** Whether a content of so many bytes is synced while it is written. */
export function isSyncedEarly(operation: Operation, size: number): boolean {
  return maySyncEarly(operation) && size >= 2 * worthASync;
}

/** Whether so many bytes of a file that is still being written are to be synced now. */
export function isWorthASync(operation: Operation, unsynced: number): boolean {
  return maySyncEarly(operation) && unsynced >= worthASync;
}

/** Receives the number of bytes written; fails once a sync has failed. */
export type Tell = (count: number) => void;

/**
 * Performs steps that write to a file, and concurrently syncs the bytes that they `tell`. The steps end early when a
 * sync has failed.
 */
export function* withEarlySyncs<T>(operation: Operation, fd: number, writing: (tell: Tell) => Steps<T>): Steps<T> {
  let unsynced = 0;
  let ended = false;
  let failure: { readonly error: unknown } | undefined;
  let wake: (() => void) | undefined;
  const wakeUp = (): void => {
    const waiting = wake;
    wake = undefined;
    waiting?.();
  };

  function* fill(): Steps<T> {
    try {
      return yield* writing((count) => {
        if (failure !== undefined) throw failure.error;
        unsynced += count;
        if (unsynced >= worthASync) wakeUp();
      });
    } finally {
      ended = true;
      wakeUp();
    }
  }

  function* sync(): Steps<void> {
    while (!ended) {
      if (unsynced < worthASync) {
        yield* wait<void>((resume) => void (wake = resume));
        continue;
      }
      unsynced = 0;
      try {
        yield* call.fdatasync(fd);
      } catch (error) {
        // The sync at the end reports that, and whether it matters.
        if (cannotSync(error)) return;
        failure = { error };
        throw error;
      }
    }
  }

  try {
    const [result] = yield* concurrently(fill(), sync());
    return result;
  } catch (error) {
    throw failure === undefined ? error : failedDuring(operation, 'sync', error);
  }
}
