/**
 * How many files are open at once.
 *
 * Writes of data that is at hand take a permit before they open anything and give it back when their temporary file is
 * closed; a source that somebody else feeds takes none, since it could keep it for ever. Where the process is out of
 * descriptors all the same, the driver waits until something of this package has been closed, and makes the call again.
 * Steps that would hold others up by what they have open close it first, and begin again (`whenDescriptorsAllow`). There
 * are fewer permits for a while then, so that not all of them come back to compete. Other parts of the program may hold
 * descriptors too: so the driver also tries again now and then, and gives up when nothing has been closed for long.
 */
import { aborted, codeOf, onAbort } from '../contract/index.ts';
import { clearTimeout, queueMicrotask, setTimeout, now } from './globals.ts';
import { asyncRunner, wait, type Steps } from './port.ts';

/** Who may have a permit. */
interface Holder {
  readonly blocking: boolean;
  readonly settings: { readonly signal: AbortSignal | undefined };
  permit: { giveBack(): void } | undefined;
}

/** More gain nothing: the thread pool has four threads unless told otherwise. */
const maximumPermits = 32;
/** Milliseconds without any progress after which an EMFILE is the caller's. */
const patience = 10_000;
/** Milliseconds after which to try whether other parts of the program have closed something. */
const pause = 100;

/** Permits of one kind. */
class Permits {
  limit: number = maximumPermits;
  taken = 0;
  /** Writes without one, the longest waiting first. */
  readonly #queue = new Set<() => void>();

  *take(holder: Holder): Steps<void> {
    if (holder.blocking || holder.permit !== undefined) return;
    if (this.taken < this.limit) this.taken++;
    else yield* this.#wait(holder);
    holder.permit = this;
  }

  *#wait({ settings: { signal } }: Holder): Steps<void> {
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

export function givePermit(holder: Holder): void {
  const { permit } = holder;
  holder.permit = undefined;
  permit?.giveBack();
}

/** Those that wait for a descriptor, the longest waiting first. */
const waiting = new Set<() => void>();

/** A write has ended, or closed its temporary file: there is room for two that had none. */
export function descriptorsClosed(): void {
  for (const permits of [forBytes, forSources]) if (permits.limit < maximumPermits) permits.limit++;
  let room = 2;
  for (const wake of waiting) {
    if (room-- === 0) return;
    waiting.delete(wake);
    queueMicrotask(wake);
  }
}

/** A call, or steps, that failed for want of a descriptor, and may try again. */
export class Shortage {
  #deadline: number | undefined;

  /** Whether an error is one of this kind, and there is still hope. */
  lasts(error: unknown): boolean {
    if (!['EMFILE', 'ENFILE'].includes(codeOf(error) ?? '')) return false;
    this.#deadline ??= now() + patience;
    if (now() > this.#deadline) return false;
    for (const permits of [forBytes, forSources])
      permits.limit = Math.max(1, Math.min(permits.limit, permits.taken) - 1);
    return true;
  }

  /** Calls back when something has been closed, or after a while. */
  wait(wake: () => void): void {
    const timer = setTimeout(() => {
      if (waiting.delete(closed)) wake();
    }, pause);
    const closed = (): void => {
      clearTimeout(timer);
      this.#deadline = undefined;
      wake();
    };
    waiting.add(closed);
  }
}

/** Runs steps that open files, and that close them if they fail; again, when there are no descriptors left. */
export function* whenDescriptorsAllow<T>(
  { settings: { signal } }: Pick<Holder, 'settings'>,
  open: () => Steps<T>,
): Steps<T> {
  const runner = asyncRunner();
  if (runner === undefined) return yield* open();
  const shortage = new Shortage();
  for (;;) {
    runner.closesFirst++;
    try {
      return yield* open();
    } catch (error) {
      if (!shortage.lasts(error)) throw error;
    } finally {
      runner.closesFirst--;
    }
    if (signal?.aborted === true) throw aborted(signal);
    yield* wait<void>((wake) => shortage.wait(wake));
  }
}
