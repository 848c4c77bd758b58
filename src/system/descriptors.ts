/**
 * Limits how many files are open at once.
 *
 * A write whose data is available takes a permit before it opens anything, and returns it when its temporary file is
 * closed. A source that somebody else feeds takes none, since it could keep it for ever. If the process is out of
 * descriptors nevertheless, the driver waits until this package has closed something, and repeats the call. Steps whose
 * open files would block other writes close them first, and begin again (`whenDescriptorsAllow`). For a while there are
 * then fewer permits, so that fewer writes compete. Other parts of the program may hold descriptors too: so the driver
 * also repeats the call from time to time, and gives up when nothing has been closed for long.
 */
import { aborted, codeOf, onAbort } from '../contract/index.ts';
import { clearTimeout, queueMicrotask, setTimeout, now } from './globals.ts';
import { asyncRunner, wait, type Steps } from './port.ts';

/** A write that may hold a permit. */
interface Holder {
  readonly blocking: boolean;
  readonly settings: { readonly signal: AbortSignal | undefined };
  permit: { giveBack(): void } | undefined;
}

/** More gain nothing: the thread pool has four threads by default. */
const maximumPermits = 32;
/** Milliseconds without any progress after which the caller gets the EMFILE. */
const patience = 10_000;
/** Milliseconds between attempts: other parts of the program may have closed something. */
const pause = 100;

/** Permits of one kind. */
class Permits {
  limit: number = maximumPermits;
  taken = 0;
  /** Writes that wait for one, the longest waiting first. */
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
        // Deferred, so as not to run within the steps of the write that returns the permit.
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

/** For bytes: a write returns its permit while it waits for its turn. */
export const forBytes: Permits = new Permits();
/**
 * For sources that are available: a write keeps its permit while it waits for its turn, behind writes that hold or want
 * a permit for bytes.
 */
export const forSources: Permits = new Permits();

export function givePermit(holder: Holder): void {
  const { permit } = holder;
  holder.permit = undefined;
  permit?.giveBack();
}

/** Calls and steps that wait for a descriptor, the longest waiting first. */
const waiting = new Set<() => void>();

/** Reports that a write has ended or closed its temporary file: two of those that wait for a descriptor continue. */
export function descriptorsClosed(): void {
  for (const permits of [forBytes, forSources]) if (permits.limit < maximumPermits) permits.limit++;
  let room = 2;
  for (const wake of waiting) {
    if (room-- === 0) return;
    waiting.delete(wake);
    queueMicrotask(wake);
  }
}

/** A call, or steps, that failed for want of a descriptor and may be repeated. */
export class Shortage {
  #deadline: number | undefined;

  /** Whether an error is of this kind, and the deadline has not passed. */
  lasts(error: unknown): boolean {
    if (!['EMFILE', 'ENFILE'].includes(codeOf(error) ?? '')) return false;
    this.#deadline ??= now() + patience;
    if (now() > this.#deadline) return false;
    for (const permits of [forBytes, forSources])
      permits.limit = Math.max(1, Math.min(permits.limit, permits.taken) - 1);
    return true;
  }

  /** Calls back when something has been closed, or after a pause. */
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

/**
 * Runs steps that open files, and that close them if they fail. If no descriptor is left, it waits and runs them again.
 */
export function* whenDescriptorsAllow<T>(
  { settings: { signal } }: Pick<Holder, 'settings'>,
  open: () => Steps<T>,
): Steps<T> {
  const runner = asyncRunner();
  if (runner === undefined) return yield* open();
  runner.signal = signal;
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
