import type { Steps, System } from './calls.ts';
import { syncSystem } from './node-calls.ts';

/** Performs the steps at once, blocking. */
export function runSync<T>(steps: Steps<T>, system: System = syncSystem): T {
  let next = steps.next();
  while (next.done !== true) {
    const request = next.value;
    if (request.name === 'wait') throw new Error('A synchronous call cannot wait for another part of its own process');
    let value: unknown;
    try {
      value = request.name === 'atOnce' ? runSync(request.steps, system) : (system[request.name] as (...args: unknown[]) => unknown)(...request.args);
    } catch (error) {
      next = steps.throw(error);
      continue;
    }
    next = steps.next(value);
  }
  return next.value;
}
