/**
 * Large contents: syncs begin while they are written, so that the last one has little left (measured: 100 MiB in 0.8 of the time).
 *
 * Promise: nothing but speed rests on these syncs, since the whole file is synced afterwards all the same. One that fails makes
 * the write fail, and is not tried again: the kernel reports a failed page once.
 */
import { call, together, wait, type Steps } from '../system/calls.ts';
import type { Write } from './write.ts';

/** Bytes that are worth a sync of their own. */
const worthASync = 8 << 20;

/**
 * Whether a content of so many bytes is synced while it is written. Elsewhere than on Linux a sync empties the disk's own cache each
 * time; and under Node's permission model there is none, but each write is synced by itself.
 */
export function isSyncedEarly({ blocking, surroundings, settings }: Write, size: number): boolean {
  return !blocking && surroundings.platform === 'linux' && !surroundings.descriptorsRestricted && settings.durability !== 'off' && size >= 2 * worthASync;
}

/** Performs steps that write to a file, and beside them syncs what they have `told` to be written. They end early when a sync has failed. */
export function* withEarlySyncs(fd: number, writing: (tell: (count: number) => boolean) => Steps<void>): Steps<void> {
  let unsynced = 0;
  let ended = false;
  let wake: (() => void) | undefined;
  const wakeUp = (): void => {
    const waiting = wake;
    wake = undefined;
    waiting?.();
  };

  function* write(): Steps<void> {
    try {
      yield* writing((count) => {
        unsynced += count;
        if (unsynced >= worthASync) wakeUp();
        return !ended;
      });
    } finally {
      ended = true;
      wakeUp();
    }
  }

  function* sync(): Steps<void> {
    try {
      while (!ended) {
        if (unsynced < worthASync) {
          yield* wait<void>((resume) => void (wake = resume));
          continue;
        }
        unsynced = 0;
        yield* call.fdatasync(fd);
      }
    } finally {
      ended = true;
    }
  }

  yield* together(write(), sync());
}
