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

/** Performs the steps without blocking: one chain of callbacks under one promise. */
export function runAsync<T>(
  steps: Steps<T>,
  system: AsyncSystem = asyncSystem,
  blocking: System = syncSystem,
): Promise<T> {
  return new Promise((resolve, reject) => drive(steps, { system, blocking }, resolve, reject));
}

/** The same, telling of its end by callbacks. */
export function startAsync<T>(steps: Steps<T>, resolve: (value: T) => void, reject: (error: unknown) => void): void {
  drive(steps, { system: asyncSystem, blocking: syncSystem }, resolve, reject);
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
  /** What has ended while it was requested. */
  let hasEnded = false;
  let failed = false;
  let outcome: unknown;

  /** What ends while it is requested waits for the loop, so that a long row of such requests is not a deep stack. */
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
        next = resumeSteps(steps, failed, outcome, undefined, systems.blocking);
      } catch (error) {
        reject(error);
        return;
      }
      if (next.done === true) {
        resolve(next.value);
        return;
      }
      isRequesting = true;
      perform(next.value, systems, done, settle);
      isRequesting = false;
    }
  }

  settle(false, undefined);
}

type Settle = (isFailure: boolean, given: unknown) => void;

function perform(
  request: Request,
  systems: Systems,
  done: (error: unknown, value?: unknown) => void,
  settle: Settle,
): void {
  switch (request.name) {
    case 'wait':
      subscribe(request.subscribe, settle);
      return;
    case 'concurrently':
      driveAll(request.steps, systems, (parts) => attempt(() => allOf(parts), settle));
      return;
    default:
      // What is done at once has been done where it was asked for.
      start(systems.system, request as SystemCall, done, settle);
  }
}

/** What is waited for may be a caller's: where that cannot even be asked, the steps fail. The first answer counts. */
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
  settle: Settle,
): void {
  const { args } = request as { readonly args: readonly unknown[] };
  const make = system[request.name] as (...args: unknown[]) => void;
  try {
    make(...args, done);
  } catch (error) {
    // node:fs refuses some calls by throwing, as under --permission.
    settle(true, error);
  }
}
