/** A thread that updates a file, and stands still right before its call of the system with a given number. */
import { parentPort, workerData } from 'node:worker_threads';
import { readOptions } from '#untorn/files/settings.js';
import { updateTarget } from '#untorn/replace/locked.js';
import { Turn } from '#untorn/order/turn.js';
import { newLockedOperation } from '#untorn/files/operation.js';
import { givenPath } from '#untorn/system/paths.js';
import type { System } from '#untorn/system/port.js';
import { syncSystem } from './systems.ts';
import { environment } from '#untorn/system/environment.js';
import { runSync } from '#untorn/system/systems.js';

const { at, path } = workerData as { at: number; path: string };
let calls = 0;

const stopping = new Proxy(syncSystem, {
  get(system, name: keyof System) {
    if (!(name in system)) return undefined; // Whole chains are not made.
    return (...args: unknown[]) => {
      if (calls++ === at) {
        say('stopped');
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
      }
      return (system[name] as (...given: unknown[]) => unknown)(...args);
    };
  },
});

const operation = newLockedOperation(
  givenPath(path),
  readOptions({ durability: 'off', lock: { lease: 3_600_000 } }),
  environment,
  true,
);
runSync(
  updateTarget(operation, new Turn(operation), function* (old) {
    return { content: { kind: 'bytes', bytes: Buffer.from(`${String(old ?? '')}first `) } };
  }),
  stopping,
);
say('ended');

function say(text: string): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has no origin
  parentPort?.postMessage(text);
}
