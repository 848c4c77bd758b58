/**
 * How many files are open at once.
 *
 * Writes of data that is at hand take a permit before they open anything and give it back when their temporary file is
 * closed. Where the process is out of descriptors all the same, a write closes what it has and waits until another
 * write has ended; and there are fewer permits for a while, so that not all of them come back to compete. Other parts of the
 * program may hold descriptors too: so it also looks again now and then, and gives up when nothing has ended for long.
 */
import { onAbort } from '../abort.ts';
import { aborted, codeOf } from '../errors.ts';
import { wait, type Steps } from '../system/calls.ts';
import { throwIfAborted, type Write } from './write.ts';

/** More gain nothing: the thread pool has four threads unless told otherwise. */
const maximumPermits = 32;
/** Milliseconds without any progress after which an EMFILE is the caller's. */
const patience = 10_000;
/** Milliseconds after which to look whether other parts of the program have closed something. */
const pause = 100;

let permits = maximumPermits;
let taken = 0;
/** Writes without a permit, the longest waiting first. */
const queue = new Set<() => void>();
/** Writes without descriptors, the longest waiting first. */
const hungry = new Set<() => void>();

export function* takePermit(write: Write): Steps<void> {
  if (write.blocking || write.permit) return;
  if (taken < permits) taken++;
  else yield* waitForPermit(write);
  write.permit = true;
}

function* waitForPermit({ settings: { signal } }: Write): Steps<void> {
  yield* wait<void>((wake, fail) => {
    const given = (): void => {
      stopListening();
      // Not within the steps of the write that gives it.
      queueMicrotask(() => wake());
    };
    const stopListening = onAbort(signal, () => {
      queue.delete(given);
      fail(aborted(signal as AbortSignal));
    });
    queue.add(given);
  });
}

export function givePermit(write: Write): void {
  if (!write.permit) return;
  write.permit = false;
  taken--;
  while (taken < permits) {
    const [next] = queue;
    if (next === undefined) return;
    queue.delete(next);
    taken++;
    next();
  }
}

/** A write has ended, or closed its temporary file: there is room for two that had none. */
export function descriptorsClosed(): void {
  if (permits < maximumPermits) permits++;
  let room = 2;
  for (const wake of hungry) {
    if (room-- === 0) return;
    hungry.delete(wake);
    queueMicrotask(wake);
  }
}

/** Runs steps that open files, and that close them if they fail; again, when there are no descriptors left. */
export function* whenDescriptorsAllow<T>(write: Write, open: () => Steps<T>): Steps<T> {
  let deadline: number | undefined;
  for (;;) {
    try {
      return yield* open();
    } catch (error) {
      if (!['EMFILE', 'ENFILE'].includes(codeOf(error) ?? '') || write.blocking) throw error;
      deadline ??= performance.now() + patience;
      if (performance.now() > deadline) throw error;
    }
    throwIfAborted(write);
    permits = Math.max(1, Math.min(permits, taken) - 1);
    if (yield* othersClosed()) deadline = undefined;
  }
}

/** Waits until another write has closed something (true), or for a while (false). */
function* othersClosed(): Steps<boolean> {
  return yield* wait<boolean>((wake) => {
    const timer = setTimeout(() => {
      if (hungry.delete(closed)) wake(false);
    }, pause);
    function closed(): void {
      clearTimeout(timer);
      wake(true);
    }
    hungry.add(closed);
  });
}
