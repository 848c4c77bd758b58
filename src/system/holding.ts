/** Which locks are held by the callbacks that a call is made in: it cannot wait for one of them. */
import type { AsyncLocalStorage } from 'node:async_hooks';

const none: readonly string[] = [];
/** Made at the first use: it makes every promise of the program dearer. */
let storage: AsyncLocalStorage<readonly string[]> | undefined;

/** The locks of the callbacks that the current call is made in, by the random parts of their names. */
export function heldAround(): readonly string[] {
  return storage?.getStore() ?? none;
}

/** Calls a function that holds a lock, and all that it starts. */
export function holding<T>(lock: string, run: () => T): T {
  const { AsyncLocalStorage } = process.getBuiltinModule('node:async_hooks');
  storage ??= new AsyncLocalStorage();
  return storage.run([...heldAround(), lock], run);
}
