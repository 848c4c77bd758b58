/**
 * Limits how many files are open at once.
 *
 * A write whose data is available takes a permit before it opens anything, and returns it when its temporary file is
 * closed. A source that somebody else feeds takes none, since it could keep it for ever. If the process is out of
 * descriptors nevertheless, the driver waits until this package has closed something, and repeats the call. Steps whose
 * open files would block other writes close them first, and begin again (`whenDescriptorsAllow`). For a while there are
 * then fewer permits, so that fewer writes compete. What waits tries again in order, one after the other. Other parts of
 * the program may hold descriptors too: so it also tries from time to time, and gives up when nothing has been closed for
 * long. A write that opens more files while its temporary file is open reserves descriptors for that (`withSpares`).
 */
import { closeSync, openSync } from 'node:fs';
import { aborted, isShortage, onAbort } from '../contract/index.ts';
import { byPathOnly, queueMicrotask, setTimeout, now } from './globals.ts';
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
  limit: number;
  taken = 0;
  /** Writes that wait for one, the longest waiting first. */
  readonly #queue = new Set<() => void>();

  constructor(limit: number) {
    this.limit = limit;
  }

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
export const forBytes: Permits = new Permits(maximumPermits);
/**
 * For sources that are available: a write keeps its permit while it waits for its turn, behind writes that hold or want
 * a permit for bytes.
 */
export const forSources: Permits = new Permits(maximumPermits);

export function givePermit(holder: Holder): void {
  const { permit } = holder;
  holder.permit = undefined;
  permit?.giveBack();
}

/** Continues what waits; it keeps its place if that was too early. */
type Woken = (keepsPlace: boolean) => void;

/** What waits for a descriptor, the longest waiting first: what holds some already, and what holds none. */
const holding: Woken[] = [];
const beginning: Woken[] = [];
/** How often something was closed, and when that was last. */
let closings = 0;
let lastClosing = -Infinity;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Lets the first of those that wait try again. It lets the next one try when it has what it needs. */
function wakeFirst(): void {
  const first = holding.shift() ?? beginning.shift();
  if (first !== undefined) queueMicrotask(() => first(true));
}

/** Reports that a write has ended or closed its temporary file; not if it is about to open that again. */
export function descriptorsClosed(): void {
  if ((asyncRunner()?.closesFirst ?? 0) > 0) return;
  for (const permits of [forBytes, forSources]) if (permits.limit < maximumPermits) permits.limit++;
  closings++;
  if (holding.length + beginning.length === 0) return;
  lastClosing = now();
  wakeFirst();
}

/** Lets one after the other try from time to time: other parts of the program may have closed something. */
function tryFromTimeToTime(): void {
  timer ??= setTimeout(() => {
    timer = undefined;
    holding.shift()?.(false);
    beginning.shift()?.(false);
    if (holding.length + beginning.length > 0) tryFromTimeToTime();
  }, pause);
}

/** A call, or steps, that failed for want of a descriptor and may be repeated. */
export class Shortage {
  #began: number | undefined;
  #closings = closings;
  #waited = false;
  #keepsPlace = false;

  /** Whether an error is of this kind, and something was closed not too long ago. */
  lasts(error: unknown): boolean {
    if (!isShortage(error)) return false;
    this.#began ??= now();
    if (now() > Math.max(this.#began, lastClosing) + patience) return false;
    for (const permits of [forBytes, forSources])
      permits.limit = Math.max(1, Math.min(permits.limit, permits.taken) - 1);
    return true;
  }

  /** It has ended, in either way: the next one may try. */
  end(): void {
    if (this.#waited) wakeFirst();
  }

  /** Calls back when it may try again: something was closed, time has passed, or the signal says that it should end. */
  wait(wake: () => void, signal: AbortSignal | undefined, queue: Woken[] = holding): void {
    const woken: Woken = (keepsPlace) => {
      stopListening();
      this.#closings = closings;
      this.#keepsPlace = keepsPlace;
      wake();
    };
    const stopListening = onAbort(signal, () => {
      const index = queue.indexOf(woken);
      if (index === -1) return;
      queue.splice(index, 1);
      woken(true);
    });
    if (this.#keepsPlace) queue.unshift(woken);
    else queue.push(woken);
    // What was closed while it tried may be enough.
    this.#waited = true;
    if (this.#closings !== closings) wakeFirst();
    tryFromTimeToTime();
  }
}

/** Only one write at a time uses the spare descriptors. */
const forSpares: Permits = new Permits(1);
/** How many descriptors a write opens at most when it has its temporary file. */
const enough = 3;
const spares: number[] = [];
/** How many writes have reserved them. */
let reservations = 0;

/**
 * Reserves descriptors for a write that needs more when it has its temporary file. Otherwise many of them could have
 * their files open, and each wait for one more. A write that is alone goes on without.
 */
export function reserveSpares(): void {
  try {
    // Whoever uses them opens them again.
    if (forSpares.taken === 0) openSpares();
  } catch (error) {
    if (isShortage(error) && reservations > 0) throw error;
    // It is alone, or there is no such file here.
    closeSpares();
  }
  reservations++;
}

function openSpares(): void {
  while (isAble && spares.length < enough) spares.push(openSync('/dev/null', 'r'));
}

const isAble = process.platform !== 'win32' && !byPathOnly;

function closeSpares(): void {
  for (const fd of spares.splice(0)) closeSync(fd);
}

/** Ends the reservation of one write. */
export function releaseSpares(): void {
  if (--reservations === 0) closeSpares();
}

/** An operation that waits; it holds descriptors if it has a lock. */
type Waiting = Pick<Holder, 'settings'> & { readonly locking?: { readonly folder?: unknown } | undefined };

/**
 * Runs steps that open files, and that close them if they fail. If no descriptor is left, it waits and runs them again.
 */
export function whenDescriptorsAllow<T>(operation: Waiting, open: () => Steps<T>): Steps<T> {
  return retried(operation, open, undefined);
}

/** As `whenDescriptorsAllow` while a temporary file is open: the write uses the spare descriptors, if there are any. */
export function* withSpares<T>(operation: Waiting, open: () => Steps<T>): Steps<T> {
  const place: Holder = { blocking: false, settings: operation.settings, permit: undefined };
  try {
    return yield* retried(operation, open, place);
  } finally {
    if (place.permit !== undefined) {
      try {
        if (reservations > 0) openSpares();
      } catch {
        // Others have taken the descriptors: the next write waits until they are closed.
      }
      givePermit(place);
    }
  }
}

/** Performs steps that fail at once if no descriptor is left. */
export function* withoutWaiting<T>(steps: Steps<T>): Steps<T> {
  const runner = asyncRunner();
  if (runner === undefined) return yield* steps;
  runner.closesFirst++;
  try {
    return yield* steps;
  } finally {
    runner.closesFirst--;
  }
}

function* retried<T>(operation: Waiting, open: () => Steps<T>, place: Holder | undefined): Steps<T> {
  const { signal } = operation.settings;
  const queue = place === undefined && operation.locking?.folder === undefined ? beginning : holding;
  const runner = asyncRunner();
  // Within steps that close what they have and begin again, nothing waits with open files.
  if (runner === undefined || (place !== undefined && runner.closesFirst > 0)) return yield* open();
  runner.signal = signal;
  const shortage = new Shortage();
  try {
    for (;;) {
      runner.closesFirst++;
      try {
        return yield* open();
      } catch (error) {
        if (!shortage.lasts(error)) throw error;
      } finally {
        runner.closesFirst--;
      }
      if (place !== undefined && place.permit === undefined) yield* forSpares.take(place);
      else yield* wait<void>((wake) => shortage.wait(wake, signal, queue));
      if (place !== undefined) closeSpares();
      if (signal?.aborted === true) throw aborted(signal);
    }
  } finally {
    wakeFirst();
  }
}
