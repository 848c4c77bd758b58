import { aborted } from '../contract/index.ts';
import { Shortage } from './descriptors.ts';
import { type AsyncSystem, asyncSystem, syncSystem } from './node-calls.ts';
import {
  allOf,
  argsOf,
  type Link,
  resumeSteps,
  type Runner,
  type Chained,
  type Request,
  type Settled,
  type Steps,
  type Subscribe,
  type System,
  type SystemCall,
} from './port.ts';

/** Performs the steps without blocking, by callbacks; one promise reports their end. */
export function runAsync<T>(
  steps: Steps<T>,
  system: AsyncSystem = asyncSystem,
  blocking: System = syncSystem,
): Promise<T> {
  return new Promise((resolve, reject) => drive(steps, runnerWith(system, blocking), resolve, reject));
}

/** Performs the steps without blocking; callbacks report their end. */
export function startAsync<T>(steps: Steps<T>, resolve: (value: T) => void, reject: (error: unknown) => void): void {
  drive(steps, runnerWith(asyncSystem, syncSystem), resolve, reject);
}

interface AsyncRunner extends Runner {
  readonly system: AsyncSystem;
}

function runnerWith(system: AsyncSystem, uninterrupted: System): AsyncRunner {
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

/** Makes the calls of a chain one after the other, without resuming the steps in between. */
function follow(links: readonly Link[], runner: AsyncRunner, settle: Settle): void {
  const chained: Chained = { results: [] };
  const next = (): void => {
    const one = links[chained.results.length];
    if (one === undefined || chained.error) settle(false, chained);
    else start(runner, one[0], argsOf(one, chained), done);
  };
  const done = (error: unknown, value?: unknown): void => {
    if (error) chained.error = error;
    else chained.results.push(value);
    next();
  };
  next();
}

/**
 * Makes a call. If no descriptor is left, it waits and repeats the call, unless the steps close what they have open
 * first.
 */
function start(
  runner: AsyncRunner,
  name: keyof System,
  args: readonly unknown[],
  done: (error: unknown, value?: unknown) => void,
): void {
  const make = runner.system[name] as (...args: unknown[]) => void;
  const opens = (name === 'open' || name === 'readdir') && runner.closesFirst === 0;
  const shortage = opens ? new Shortage() : undefined;
  const attemptOnce = (): void => {
    try {
      make(...args, ended);
    } catch (error) {
      // node:fs refuses some calls by throwing, as under --permission.
      done(error);
    }
  };
  const ended = (error: unknown, value?: unknown): void => {
    const isShort = Boolean(error) && shortage?.lasts(error) === true;
    const isAborted = isShort && runner.signal?.aborted === true;
    if (isShort && !isAborted) shortage?.wait(attemptOnce, runner.signal);
    else {
      shortage?.end();
      done(isAborted ? aborted(runner.signal as AbortSignal) : error, value);
    }
  };
  attemptOnce();
}
