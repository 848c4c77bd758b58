/**
 * Aborts. A listener of the caller's signal cannot harm a call that is under way. Each signal has one listener, since
 * Node warns of a leak when many calls share a signal.
 */
import { bare } from './bare.ts';

interface Listener {
  readonly callbacks: Set<() => void>;
  readonly handle: () => void;
}

const listeners = new WeakMap<AbortSignal, Listener>();

/**
 * Calls back once when the signal aborts, or soon if it has aborted; returns a function that stops listening. The
 * signal comes from {@link ownSignal}.
 */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (signal === undefined) return () => undefined;
  if (signal.aborted) {
    let isOn = true;
    const soon = async (): Promise<void> => {
      await Promise.resolve();
      if (isOn) callback();
    };
    void soon();
    return () => void (isOn = false);
  }
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
  signal.addEventListener('abort', handle, once);
  return listener;
}

const once = bare({ once: true });

/** The signals that follow signals of the caller. */
const followers = new WeakMap<AbortSignal, AbortSignal>();

/**
 * A signal with the behaviour of the runtime's own. A given signal of the runtime is returned as it is. A polyfill's,
 * or one with methods of its own, gets a signal that follows it. Failures of the given signal are thrown here, before
 * anything is touched.
 */
export function ownSignal(given: AbortSignal): AbortSignal {
  if (Object.getPrototypeOf(given) === AbortSignal.prototype && Object.getOwnPropertyNames(given).length === 0)
    return given;
  const known = followers.get(given);
  if (known !== undefined && known.aborted === given.aborted) return known;
  const controller = new AbortController();
  const follow = (): void => controller.abort(reasonOf(given));
  if (given.aborted) follow();
  else given.addEventListener('abort', follow, once);
  followers.set(given, controller.signal);
  return controller.signal;
}

function reasonOf(signal: AbortSignal): unknown {
  try {
    return signal.reason;
  } catch (error) {
    return error;
  }
}
