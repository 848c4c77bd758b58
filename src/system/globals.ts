/**
 * The clock and the queues as they were when the package was loaded. A test runner's fake timers replace them in the
 * program's globals, where they stand still until a test moves them. Files, locks and other processes follow the real
 * ones.
 */

// Not from the globals: they may be fake from the beginning, and each realm has its own.
const timers: typeof import('node:timers') = process.getBuiltinModule('node:timers');
const real: NodeJS.Process = process.getBuiltinModule('node:process');
const settled = Promise.resolve();

export const setTimeout: typeof timers.setTimeout = timers.setTimeout;
export const clearTimeout: typeof timers.clearTimeout = timers.clearTimeout;
export const setInterval: typeof timers.setInterval = timers.setInterval;
export const clearInterval: typeof timers.clearInterval = timers.clearInterval;
export const setImmediate: typeof timers.setImmediate = timers.setImmediate;
export const nextTick: typeof real.nextTick = real.nextTick;
export const hrtime: typeof real.hrtime = real.hrtime;
/** Milliseconds since 1970. */
export const currentTime: () => number = Date.now;

/** Calls back when the running code has ended. */
export function queueMicrotask(task: () => void): void {
  void settled.then(task);
}

/** Monotonic milliseconds. The same as performance.now(), for which Node would load ten modules. */
export function now(): number {
  const [seconds, nanoseconds] = hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

/** Node's --permission and Deno's permissions know only path names, and not those of devices. */
export const byPathOnly: boolean =
  (process as { permission?: unknown }).permission !== undefined || 'Deno' in globalThis;
