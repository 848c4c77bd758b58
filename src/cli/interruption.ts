/** Signals that reach this process while it runs a command. */
import { Interrupted } from './failures.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Calls `body`. If a signal made it fail, the signal is thrown instead. */
export async function interruptible<T>(body: (interruption: Interruption) => Promise<T>): Promise<T> {
  const interruption = new Interruption();
  try {
    return await body(interruption);
  } catch (error) {
    throw interruption.error ?? error;
  } finally {
    interruption.end();
  }
}

export class Interruption {
  readonly #controller = new AbortController();
  #received: NodeJS.Signals | undefined;
  #pass: ((signal: NodeJS.Signals) => void) | undefined;

  constructor() {
    for (const signal of signals) process.on(signal, this.#receive);
  }

  /** Aborts when a signal has come and the command, if there is one, has ended. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The first signal that came, as an error. */
  get error(): Interrupted | undefined {
    return this.#received === undefined ? undefined : new Interrupted(this.#received);
  }

  readonly #receive = (signal: NodeJS.Signals): void => {
    this.#received ??= signal;
    if (this.#pass === undefined) this.#controller.abort(this.error);
    else this.#pass(signal);
  };

  /** While a command runs it receives the signals, and may take its time to end. */
  passTo(pass: (signal: NodeJS.Signals) => void): void {
    this.#pass = pass;
  }

  /** The command has ended. */
  commandEnded(): void {
    this.#pass = undefined;
    if (this.#received !== undefined) this.#controller.abort(this.error);
  }

  /** Signals have their usual effect again. */
  end(): void {
    for (const signal of signals) process.off(signal, this.#receive);
  }
}
