import { type AsyncSystem, asyncSystem, syncSystem } from './node-calls.ts';
import {
  allOf,
  resumeSteps,
  type Request,
  type Settled,
  type Steps,
  type Subscribe,
  type System,
  type SystemCall,
} from './port.ts';
import { runSync } from './sync-driver.ts';

/** Performs the steps without blocking: one chain of callbacks under one promise. */
export function runAsync<T>(
  steps: Steps<T>,
  system: AsyncSystem = asyncSystem,
  blocking: System = syncSystem,
): Promise<T> {
  return new Promise((resolve, reject) => drive(steps, { system, blocking }, resolve, reject));
}

interface Systems {
  readonly system: AsyncSystem;
  readonly blocking: System;
}

function drive<T>(
  steps: Steps<T>,
  systems: Systems,
  resolve: (value: T) => void,
  reject: (error: unknown) => void,
): void {
  let isRequesting = false;
  let ended: Settled | undefined;

  /** What ends while it is requested waits for the loop, so that a long row of such requests is not a deep stack. */
  const settle = (outcome: Settled): void => {
    if (isRequesting) ended ??= outcome;
    else proceed(outcome);
  };
  const succeed = (value: unknown): void => settle({ value });
  const fail = (error: unknown): void => settle({ error });
  const done = (error: unknown, value?: unknown): void => (error ? fail(error) : succeed(value));

  function proceed(outcome: Settled): void {
    for (let last: Settled | undefined = outcome; last !== undefined; last = ended) {
      let next;
      try {
        next = resumeSteps(undefined, () => resume(steps, last as Settled));
      } catch (error) {
        reject(error);
        return;
      }
      if (next.done === true) {
        resolve(next.value);
        return;
      }
      ended = undefined;
      isRequesting = true;
      perform(next.value);
      isRequesting = false;
    }
  }

  function perform(request: Request): void {
    switch (request.name) {
      case 'wait':
        subscribe(request.subscribe, succeed, fail);
        return;
      case 'atOnce':
        attempt(() => runSync(request.steps, systems.blocking), succeed, fail);
        return;
      case 'together':
        driveAll(request.steps, systems, (parts) => attempt(() => allOf(parts), succeed, fail));
        return;
      default:
        start(systems.system, request, done, fail);
    }
  }

  proceed({ value: undefined });
}

function resume<T>(steps: Steps<T>, outcome: Settled): IteratorResult<Request, T> {
  return 'error' in outcome ? steps.throw(outcome.error) : steps.next(outcome.value);
}

/** What is waited for may be a caller's: where that cannot even be asked, the steps fail. The first answer counts. */
function subscribe(to: Subscribe<unknown>, succeed: (value: unknown) => void, fail: (error: unknown) => void): void {
  let isWaiting = true;
  const once = (how: (given: unknown) => void) => (given: unknown) => {
    if (!isWaiting) return;
    isWaiting = false;
    how(given);
  };
  const stop = once(fail);
  try {
    to(once(succeed), stop);
  } catch (error) {
    stop(error);
  }
}

function attempt<T>(perform: () => T, succeed: (value: T) => void, fail: (error: unknown) => void): void {
  let value;
  try {
    value = perform();
  } catch (error) {
    fail(error);
    return;
  }
  succeed(value);
}

function driveAll(all: readonly Steps<unknown>[], systems: Systems, ended: (parts: Settled[]) => void): void {
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
      systems,
      (value) => end(index, { value }),
      (error) => end(index, { error }),
    ),
  );
}

function start(
  system: AsyncSystem,
  request: SystemCall,
  done: (error: unknown, value?: unknown) => void,
  fail: (error: unknown) => void,
): void {
  try {
    (system[request.name] as (...args: unknown[]) => void)(...request.args, done);
  } catch (error) {
    // node:fs refuses some calls by throwing, as under --permission.
    fail(error);
  }
}
