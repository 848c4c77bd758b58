/** The calls that this thread uses: Node's, or those of the native part where there is one. The synchronous driver. */
import { native } from './native.ts';
import { withNative } from './native-calls.ts';
import { type AsyncSystem, nodeAsync, nodeSync } from './node-calls.ts';
import { finish, type Steps, type SyncSystem } from './port.ts';

const node = { sync: nodeSync, async: nodeAsync };
let withIt: typeof node | undefined;

export function systems(): { readonly sync: SyncSystem; readonly async: AsyncSystem } {
  if (withIt !== undefined) return withIt;
  const found = native();
  return found === undefined ? node : (withIt = withNative(found, node));
}

/** Performs the steps synchronously. */
export function runSync<T>(steps: Steps<T>, system: SyncSystem = systems().sync): T {
  return finish(steps, system);
}
