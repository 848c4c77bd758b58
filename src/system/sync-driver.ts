import { syncSystem } from './node-calls.ts';
import { finish, type Steps, type System } from './port.ts';

/** Performs the steps synchronously. */
export function runSync<T>(steps: Steps<T>, system: System = syncSystem): T {
  return finish(steps, system);
}
