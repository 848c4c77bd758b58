/** Listening to an abort with one listener for each signal: Node warns of a leak when many calls share a signal. */

interface Listener {
  readonly callbacks: Set<() => void>;
  readonly handle: () => void;
}

const listeners = new WeakMap<AbortSignal, Listener>();

/** Calls back once when the signal aborts; returns how to stop listening. */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (signal === undefined) return () => undefined;
  const { callbacks, handle } = listeners.get(signal) ?? listen(signal);
  callbacks.add(callback);
  return () => {
    if (!callbacks.delete(callback) || callbacks.size > 0) return;
    signal.removeEventListener('abort', handle);
    listeners.delete(signal);
  };
}

function listen(signal: AbortSignal): Listener {
  const callbacks = new Set<() => void>();
  const handle = (): void => {
    for (const callback of callbacks) callback();
    callbacks.clear();
    listeners.delete(signal);
  };
  const listener = { callbacks, handle };
  listeners.set(signal, listener);
  signal.addEventListener('abort', handle, { once: true });
  return listener;
}
