import { allOf, resumeSteps, type Request, type Settled, type Steps, type Subscribe, type System, type SystemCall } from './calls.ts';
import { type AsyncSystem, asyncSystem, syncSystem } from './node-calls.ts';
import { runSync } from './sync-driver.ts';

/** Performs the steps without blocking: one chain of callbacks under one promise. */
export function runAsync<T>(steps: Steps<T>, system: AsyncSystem = asyncSystem, blocking: System = syncSystem): Promise<T> {
  return new Promise((resolve, reject) => drive(steps, { system, blocking }, resolve, reject));
}

interface Systems {
  readonly system: AsyncSystem;
  readonly blocking: System;
}

function drive<T>(steps: Steps<T>, systems: Systems, resolve: (value: T) => void, reject: (error: unknown) => void): void {
  const succeed = (value: unknown): void => proceed(() => steps.next(value));
  const fail = (error: unknown): void => proceed(() => steps.throw(error));
  const done = (error: unknown, value?: unknown): void => (error ? fail(error) : succeed(value));

  function proceed(resume: () => IteratorResult<Request, T>): void {
    let next;
    try {
      next = resumeSteps(undefined, resume);
    } catch (error) {
      reject(error);
      return;
    }
    if (next.done === true) resolve(next.value);
    else perform(next.value);
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

  proceed(() => steps.next());
}

/** What is waited for may be a caller's: where that cannot even be asked, the steps fail. */
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
    if (!isWaiting) throw error;
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
  all.forEach((steps, index) => drive(steps, systems, (value) => end(index, { value }), (error) => end(index, { error })));
}

function start(system: AsyncSystem, request: SystemCall, done: (error: unknown, value?: unknown) => void, fail: (error: unknown) => void): void {
  let ended = false;
  try {
    (system[request.name] as (...args: unknown[]) => void)(...request.args, (error: unknown, value: unknown) => {
      ended = true;
      done(error, value);
    });
  } catch (error) {
    // node:fs refuses some calls by throwing, as under --permission. What comes after the end is not the call's.
    if (ended) throw error;
    fail(error);
  }
}
