/**
 * How many files are open at once.
 *
 * Writes of data that is at hand take a permit before they open anything and give it back when their temporary file is
 * closed. Where the process is out of descriptors all the same, a write closes what it has and waits until another
 * write of this process has closed something; other parts of the program may hold them too, so it also looks again
 * after a while, and gives up when nothing has been closed for long.
 */
import { codeOf } from '../errors.ts';
import { wait, type Steps } from '../system/calls.ts';
import { throwIfAborted, type Write } from './write.ts';

/** More gain nothing: the thread pool has four threads unless told otherwise. */
const permits = 32;
/** Milliseconds without any progress after which an EMFILE is the caller's. */
const patience = 10_000;

let taken = 0;
const queue: (() => void)[] = [];
/** Told whenever a write has closed a descriptor. */
const hungry = new Set<() => void>();

export function* takePermit(write: Write): Steps<void> {
  if (write.blocking || write.permit) return;
  if (taken < permits) taken++;
  else yield* wait<void>((wake) => void queue.push(() => wake()));
  write.permit = true;
}

export function givePermit(write: Write): void {
  if (!write.permit) return;
  write.permit = false;
  const next = queue.shift();
  if (next === undefined) taken--;
  // Not within the steps of the write that gives it.
  else queueMicrotask(next);
}

/** To be called when descriptors have been closed. */
export function descriptorsClosed(): void {
  for (const wake of hungry) queueMicrotask(wake);
}

/** Runs steps that open files; while there are no descriptors, closes what they opened (theirs to do) and runs them again. */
export function* whenDescriptorsAllow<T>(write: Write, open: () => Steps<T>): Steps<T> {
  let deadline: number | undefined;
  for (;;) {
    try {
      return yield* open();
    } catch (error) {
      if (!['EMFILE', 'ENFILE'].includes(codeOf(error) ?? '') || write.blocking) throw error;
      deadline ??= Date.now() + patience;
      if (Date.now() > deadline) throw error;
    }
    throwIfAborted(write);
    if (yield* othersClosed()) deadline = undefined;
  }
}

/** Waits until another write has closed a descriptor (true), or for a tenth of a second (false). */
function* othersClosed(): Steps<boolean> {
  return yield* wait<boolean>((wake) => {
    const timer = setTimeout(end, 100, false);
    const closed = (): void => end(true);
    hungry.add(closed);
    function end(progress: boolean): void {
      clearTimeout(timer);
      if (hungry.delete(closed)) wake(progress);
    }
  });
}

