import type { Request, Steps, System, SystemCall } from './calls.ts';
import { type AsyncSystem, asyncSystem, syncSystem } from './node-calls.ts';
import { runSync } from './sync-driver.ts';

/** Performs the steps without blocking: one chain of callbacks under one promise. */
export function runAsync<T>(steps: Steps<T>, system: AsyncSystem = asyncSystem, blocking: System = syncSystem): Promise<T> {
  return new Promise((resolve, reject) => {
    const succeed = (value: unknown): void => proceed(() => steps.next(value));
    const fail = (error: unknown): void => proceed(() => steps.throw(error));
    const done = (error: unknown, value?: unknown): void => (error ? fail(error) : succeed(value));

    function proceed(resume: () => IteratorResult<Request, T>): void {
      let next;
      try {
        next = resume();
      } catch (error) {
        reject(error as Error);
        return;
      }
      if (next.done === true) resolve(next.value);
      else perform(next.value);
    }

    function perform(request: Request): void {
      if (request.name === 'wait') {
        request.subscribe(succeed, fail);
        return;
      }
      let refused;
      try {
        if (request.name === 'atOnce') refused = { error: undefined, value: runSync(request.steps, blocking) };
        else start(system, request, done);
      } catch (error) {
        // node:fs refuses some calls by throwing, as under --permission.
        refused = { error, value: undefined };
      }
      if (refused !== undefined) done(refused.error, refused.value);
    }

    proceed(() => steps.next());
  });
}

function start(system: AsyncSystem, request: SystemCall, done: (error: unknown, value?: unknown) => void): void {
  (system[request.name] as (...args: unknown[]) => void)(...request.args, done);
}
