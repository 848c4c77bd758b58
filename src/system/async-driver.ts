import { aborted, onAbort } from '../contract/index.ts';
import { release } from './close-later.ts';
import { Shortage } from './descriptors.ts';
import { clearTimeout, setTimeout } from './globals.ts';
import { Lease } from './lease.ts';
import type { AsyncSystem } from './node-calls.ts';
import { systems } from './systems.ts';
import {
  allOf,
  argsOf,
  isRefusal,
  type Link,
  opensFirst,
  resumeSteps,
  type Runner,
  type Chained,
  type Done,
  type Request,
  type Settled,
  type Steps,
  type Subscribe,
  type SyncSystem,
  type System,
  type SystemCall,
} from './port.ts';

/** Performs the steps without blocking, by callbacks; one promise reports their end. */
export function runAsync<T>(
  steps: Steps<T>,
  system: AsyncSystem = systems().async,
  blocking: SyncSystem = systems().sync,
): Promise<T> {
  return new Promise((resolve, reject) => drive(steps, runnerWith(system, blocking), resolve, reject));
}

/** Performs the steps without blocking; callbacks report their end. */
export function startAsync<T>(steps: Steps<T>, resolve: (value: T) => void, reject: (error: unknown) => void): void {
  const { async, sync } = systems();
  drive(steps, runnerWith(async, sync), resolve, reject);
}

interface AsyncRunner extends Runner {
  readonly system: AsyncSystem;
}

function runnerWith(system: AsyncSystem, uninterrupted: SyncSystem): AsyncRunner {
  return { system, blocking: undefined, uninterrupted, closesFirst: 0 };
}

function drive<T>(
  steps: Steps<T>,
  runner: AsyncRunner,
  resolve: (value: T) => void,
  reject: (error: unknown) => void,
): void {
  let isRequesting = false;
  /** Whether the last request has ended and the steps do not have its outcome yet. */
  let hasEnded = false;
  let failed = false;
  let outcome: unknown;

  /** A request that ends at once is left to the loop in `proceed`, so that many of them do not make a deep stack. */
  const settle = (isFailure: boolean, given: unknown): void => {
    if (hasEnded) return;
    hasEnded = true;
    failed = isFailure;
    outcome = given;
    if (!isRequesting) proceed();
  };
  const done = (error: unknown, value?: unknown): void => settle(Boolean(error), error ? error : value);

  function proceed(): void {
    while (hasEnded) {
      hasEnded = false;
      let next;
      try {
        next = resumeSteps(steps, failed, outcome, runner);
      } catch (error) {
        reject(error);
        return;
      }
      if (next.done === true) {
        resolve(next.value);
        return;
      }
      isRequesting = true;
      perform(next.value, runner, done, settle);
      isRequesting = false;
    }
  }

  settle(false, undefined);
}

type Settle = (isFailure: boolean, given: unknown) => void;

function perform(
  request: Request,
  runner: AsyncRunner,
  done: (error: unknown, value?: unknown) => void,
  settle: Settle,
): void {
  switch (request.name) {
    case 'wait':
      subscribe(request.subscribe, settle);
      return;
    case 'chain':
      follow(request.links, runner, settle);
      return;
    case 'concurrently':
      driveAll(request.steps, runner, (parts) => attempt(() => allOf(parts), settle));
      return;
    default:
      // Uninterrupted steps do not come here: they were performed where they were requested.
      start(runner, request.name as keyof System, (request as SystemCall).args, done);
  }
}

/** Waits, possibly for a caller's promise: the steps fail if subscribing throws. Only the first answer counts. */
function subscribe(to: Subscribe<unknown>, settle: Settle): void {
  let isWaiting = true;
  const once = (isFailure: boolean) => (given: unknown) => {
    if (!isWaiting) return;
    isWaiting = false;
    settle(isFailure, given);
  };
  const stop = once(true);
  try {
    to(once(false), stop);
  } catch (error) {
    stop(error);
  }
}

function attempt(perform: () => unknown, settle: Settle): void {
  let value;
  try {
    value = perform();
  } catch (error) {
    settle(true, error);
    return;
  }
  settle(false, value);
}

function driveAll(all: readonly Steps<unknown>[], runner: AsyncRunner, ended: (parts: Settled[]) => void): void {
  const parts: Settled[] = [];
  let running = all.length;
  if (running === 0) ended(parts);
  const end = (index: number, part: Settled): void => {
    parts[index] = part;
    if (--running === 0) ended(parts);
  };
  all.forEach((steps, index) =>
    drive(
      steps,
      { ...runner },
      (value) => end(index, { value }),
      (error) => end(index, { error }),
    ),
  );
}

/** Makes the calls of a chain in one trip to another thread, or one after the other. */
function follow(links: readonly Link[], runner: AsyncRunner, settle: Settle): void {
  const { chain } = runner.system;
  if (chain === undefined) {
    followOneByOne(links, runner, settle);
    return;
  }
  const first = opensFirst(links);
  const make = (ended: Done<Chained>): void => {
    try {
      // A chain that has opened a file is not repeated.
      chain(links, (outcome) => ended(outcome.results.length === first ? outcome.error : undefined, outcome));
    } catch (error) {
      if (isRefusal(error)) followOneByOne(links, runner, settle);
      else settle(true, error);
    }
  };
  patiently<Chained>(runner, first >= 0, make, (error, outcome) => settle(false, outcome ?? { results: [], error }));
}

/** A close in a chain has nothing to report, so nobody waits for it. */
function followOneByOne(links: readonly Link[], runner: AsyncRunner, settle: Settle): void {
  const outcome: Chained = { results: [] };
  const next = (): void => {
    const one = links[outcome.results.length];
    if (one === undefined || outcome.error) settle(false, outcome);
    else if (one[0] === 'close') done(undefined, release(argsOf(links, outcome)[0] as number, 'elsewhere'));
    else start(runner, one[0], argsOf(links, outcome), done);
  };
  const done = (error: unknown, value?: unknown): void => {
    if (error) outcome.error = error;
    else outcome.results.push(value);
    next();
  };
  next();
}

function start(runner: AsyncRunner, name: keyof System, args: readonly unknown[], done: Done<unknown>): void {
  const make = runner.system[name] as (...args: unknown[]) => void;
  const attemptOnce = (ended: Done<unknown>): void => {
    try {
      make(...args, ended);
    } catch (error) {
      // node:fs refuses some calls by throwing, as under --permission.
      done(error);
    }
  };
  patiently(runner, name === 'open' || name === 'readdir', attemptOnce, done);
}

/**
 * Makes a call or a chain. If no descriptor is left for a file that it opens, it waits and repeats that, unless the
 * steps close what they have open first. It also waits for the end of a lease.
 */
function patiently<T>(runner: AsyncRunner, opens: boolean, make: (ended: Done<T>) => void, done: Done<T>): void {
  const shortage = opens && runner.closesFirst === 0 ? new Shortage() : undefined;
  const lease = opens ? new Lease() : undefined;
  const again = (): void => make(ended);
  const ended = (error: unknown, value?: T): void => {
    const isShort = Boolean(error) && shortage?.lasts(error) === true;
    const pause = error ? lease?.pauseAfter(error) : undefined;
    const isAborted = (isShort || pause !== undefined) && runner.signal?.aborted === true;
    if (isShort && !isAborted) shortage?.wait(again, runner.signal);
    else if (pause !== undefined && !isAborted) afterPause(pause, again, runner.signal);
    else {
      shortage?.end();
      if (isAborted) done(aborted(runner.signal as AbortSignal));
      else done(error, value);
    }
  };
  again();
}

/** Calls back when some time has passed, or the signal says that the wait should end. */
function afterPause(pause: number, callback: () => void, signal: AbortSignal | undefined): void {
  const end = (): void => {
    clearTimeout(timer);
    stopListening();
    callback();
  };
  const timer = setTimeout(end, pause);
  const stopListening = onAbort(signal, end);
}
