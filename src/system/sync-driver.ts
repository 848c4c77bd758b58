import { syncSystem } from './node-calls.ts';
import { resumeSteps, type Steps, type System } from './port.ts';

/** Performs the steps at once, blocking. */
export function runSync<T>(steps: Steps<T>, system: System = syncSystem): T {
  const { done, value } = resumeSteps(system, steps, false, undefined);
  if (done !== true) throw new Error('A synchronous call cannot wait for another part of its own process');
  return value;
}
