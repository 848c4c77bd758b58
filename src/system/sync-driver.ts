import type { Request, Steps, System } from './calls.ts';
import { syncSystem } from './node-calls.ts';

/** Performs the steps at once, blocking. */
export function runSync<T>(steps: Steps<T>, system: System = syncSystem): T {
  let next = steps.next();
  while (next.done !== true) {
    const request = next.value;
    if (request.name === 'wait') throw new Error('A synchronous call cannot wait for another part of its own process');
    let value: unknown;
    try {
      value = perform(request, system);
    } catch (error) {
      next = steps.throw(error);
      continue;
    }
    next = steps.next(value);
  }
  return next.value;
}

function perform(request: Exclude<Request, { name: 'wait' }>, system: System): unknown {
  switch (request.name) {
    case 'atOnce':
      return runSync(request.steps, system);
    case 'together':
      return allOf(request.steps.map((steps) => settle(steps, system)));
    default:
      return (system[request.name] as (...args: unknown[]) => unknown)(...request.args);
  }
}

/** How one of several parts ended. */
export type Settled = { readonly value: unknown } | { readonly error: unknown };

function settle(steps: Steps<unknown>, system: System): Settled {
  try {
    return { value: runSync(steps, system) };
  } catch (error) {
    return { error };
  }
}

/** The values of all parts, or the error of the first that failed. */
export function allOf(parts: readonly Settled[]): unknown[] {
  return parts.map((part) => {
    if ('error' in part) throw part.error;
    return part.value;
  });
}
