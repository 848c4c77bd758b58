/**
 * How many files are open at once.
 *
 * Writes of data that is at hand take a permit before they open anything and give it back when their temporary file is
 * closed; a source that somebody else feeds takes none, since it could keep it for ever. Where the process is out of
 * descriptors all the same, a write closes what it has and waits until another write has ended; and there are fewer
 * permits for a while, so that not all of them come back to compete. Other parts of the program may hold descriptors
 * too: so it also looks again now and then, and gives up when nothing has ended for long.
 */
import { onAbort, aborted, codeOf } from '../contract/index.ts';
import { now, clearTimeout, queueMicrotask, setTimeout, isSynchronous, wait, type Steps } from '../system/index.ts';
import { throwIfAborted, type Operation } from './operation.ts';

/** More gain nothing: the thread pool has four threads unless told otherwise. */
const maximumPermits = 32;
/** Milliseconds without any progress after which an EMFILE is the caller's. */
const patience = 10_000;
/** Milliseconds after which to look whether other parts of the program have closed something. */
const pause = 100;

/** Permits of one kind. */
class Permits {
  limit: number = maximumPermits;
  taken = 0;
  /** Writes without one, the longest waiting first. */
  readonly #queue = new Set<() => void>();

  *take(operation: Operation): Steps<void> {
    if (operation.blocking || operation.permit !== undefined) return;
    if (this.taken < this.limit) this.taken++;
    else yield* this.#wait(operation);
    operation.permit = this;
  }

  *#wait({ settings: { signal } }: Operation): Steps<void> {
    yield* wait<void>((wake, fail) => {
      const given = (): void => {
        stopListening();
        // Not within the steps of the write that gives it.
        queueMicrotask(() => wake());
      };
      const stopListening = onAbort(signal, () => {
        this.#queue.delete(given);
        fail(aborted(signal as AbortSignal));
      });
      this.#queue.add(given);
    });
  }

  giveBack(): void {
    this.taken--;
    while (this.taken < this.limit) {
      const [next] = this.#queue;
      if (next === undefined) return;
      this.#queue.delete(next);
      this.taken++;
      next();
    }
  }
}

/** For bytes: who has one may wait for its turn without it. */
export const forBytes: Permits = new Permits();
/**
 * For sources that are at hand: who has one keeps it while it waits for its turn, behind writes that have or want one
 * of the others.
 */
export const forSources: Permits = new Permits();

/** Writes without descriptors, the longest waiting first. */
const hungry = new Set<() => void>();

export function givePermit(operation: Operation): void {
  const { permit } = operation;
  operation.permit = undefined;
  permit?.giveBack();
}

/** A write has ended, or closed its temporary file: there is room for two that had none. */
export function descriptorsClosed(): void {
  for (const permits of [forBytes, forSources]) if (permits.limit < maximumPermits) permits.limit++;
  let room = 2;
  for (const wake of hungry) {
    if (room-- === 0) return;
    hungry.delete(wake);
    queueMicrotask(wake);
  }
}

/** Runs steps that open files, and that close them if they fail; again, when there are no descriptors left. */
export function* whenDescriptorsAllow<T>(operation: Operation, open: () => Steps<T>): Steps<T> {
  if (operation.blocking) return yield* open();
  let deadline: number | undefined;
  for (;;) {
    try {
      return yield* open();
    } catch (error) {
      if (!['EMFILE', 'ENFILE'].includes(codeOf(error) ?? '') || isSynchronous()) throw error;
      deadline ??= now() + patience;
      if (now() > deadline) throw error;
    }
    throwIfAborted(operation);
    for (const permits of [forBytes, forSources])
      permits.limit = Math.max(1, Math.min(permits.limit, permits.taken) - 1);
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
