/** The calls that this thread uses: Node's, or those of the native part where there is one. The synchronous driver. */
import { waitingForLeases } from './lease.ts';
import { native } from './native.ts';
import { withNative } from './native-calls.ts';
import { type AsyncSystem, nodeAsync, nodeSync } from './node-calls.ts';
import { finish, type Steps, type SyncSystem } from './port.ts';

interface Systems {
  readonly sync: SyncSystem;
  readonly async: AsyncSystem;
  /** The calls of synchronous steps, which may wait. */
  readonly blocking: SyncSystem;
}

const node: Systems = { sync: nodeSync, async: nodeAsync, blocking: waitingForLeases(nodeSync) };
let withIt: Systems | undefined;

export function systems(): Systems {
  if (withIt !== undefined) return withIt;
  const found = native();
  if (found === undefined) return node;
  const made = withNative(found, node);
  return (withIt = { ...made, blocking: waitingForLeases(made.sync) });
}

/** Performs the steps synchronously. */
export function runSync<T>(steps: Steps<T>, system: SyncSystem = systems().blocking): T {
  return finish(steps, system);
}
