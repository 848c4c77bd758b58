/**
 * Steps several calls against one disk, one action at a time, in an order that is chosen from outside.
 *
 * As with the real drivers, an asynchronous call is performed by the pool at any moment, and its steps go on later,
 * when the event loop of its process is free; a synchronous call, and what is yielded as `uninterrupted`, holds the loop until
 * it is done. Who is woken from a `wait` goes on within the steps of who wakes it. What is yielded as `concurrently` is
 * done part by part, one of the orders that it may have.
 */
import { inTurn, type Request, type Steps, type System, type SystemCall } from '#untorn/system/port.js';
import { linkByLink } from './chain.ts';
import { resume, type Outcome } from './resume.ts';

/** Calls that no other call notices or changes: whether the steps go on at once or later makes no difference. */
const unnoticed = new Set<keyof System>([
  'write',
  'read',
  'close',
  'fstat',
  'fchmod',
  'fchown',
  'listxattr',
  'readlink',
]);

type State = 'new' | 'called' | 'performed' | 'waiting' | 'done';

export interface Call {
  readonly blocking: boolean;
  readonly process: number;
  start(): Steps<unknown>;
  ended(outcome: Outcome): void;
}

export class Thread {
  readonly call: Call;
  state: State = 'new';
  readonly #system: System;
  /** The steps, and inside of them those that are done at once. */
  readonly #stack: Steps<unknown>[] = [];
  #request: SystemCall | undefined;
  #outcome: Outcome = { value: undefined };

  constructor(call: Call, system: System) {
    this.call = call;
    this.#system = system;
  }

  get holdsLoop(): boolean {
    return this.#stack.length > (this.call.blocking ? 0 : 1);
  }

  /** Whether it can go on while the loop is another's. */
  get inPool(): boolean {
    return this.state === 'called' && !this.holdsLoop && !unnoticed.has((this.#request as SystemCall).name);
  }

  get canAct(): boolean {
    return this.state !== 'waiting' && this.state !== 'done';
  }

  /** Does the next action; returns what it was. */
  act(): string {
    switch (this.state) {
      case 'new':
        this.#stack.push(this.call.start());
        this.#proceed({ value: undefined });
        return 'start';
      case 'called': {
        const { name } = this.#request as SystemCall;
        this.#outcome = attempt(() => this.#perform());
        this.state = 'performed';
        if (this.holdsLoop || unnoticed.has(name)) this.#proceed(this.#outcome);
        return name;
      }
      case 'performed':
        this.#proceed(this.#outcome);
        return 'resume';
      case 'waiting':
      case 'done':
        throw new Error('there is nothing to do');
    }
  }

  #perform(): unknown {
    const { name, args } = this.#request as SystemCall;
    return (this.#system[name] as (...given: unknown[]) => unknown)(...args);
  }

  #proceed(outcome: Outcome): void {
    const next = resume(this.#stack.at(-1) as Steps<unknown>, outcome);
    if ('request' in next) this.#take(next.request);
    else this.#leave(next.ended);
  }

  #leave(outcome: Outcome): void {
    this.#stack.pop();
    if (this.#stack.length > 0) {
      this.#proceed(outcome);
      return;
    }
    this.state = 'done';
    this.call.ended(outcome);
  }

  /** The parts, and then the steps that asked for them. */
  *#within(steps: Steps<unknown>, parts: readonly Steps<unknown>[]): Steps<unknown> {
    let outcome: Outcome;
    try {
      outcome = { value: yield* inTurn(parts) };
    } catch (error) {
      outcome = { error };
    }
    let next = 'error' in outcome ? steps.throw(outcome.error) : steps.next(outcome.value);
    while (next.done !== true) {
      try {
        next = steps.next(yield next.value);
      } catch (error) {
        next = steps.throw(error);
      }
    }
    return next.value;
  }

  #take(request: Request): void {
    if (request.name === 'wait') {
      if (this.holdsLoop) throw new Error('A synchronous call waits');
      this.state = 'waiting';
      request.subscribe(
        (value) => this.#proceed({ value }),
        (error) => this.#proceed({ error }),
      );
    } else if (request.name === 'concurrently') {
      this.#stack.push(this.#within(this.#stack.pop() as Steps<unknown>, request.steps));
      this.#proceed({ value: undefined });
    } else if (request.name === 'uninterrupted' || request.name === 'chain') {
      this.#stack.push(request.name === 'chain' ? linkByLink(request.links) : request.steps);
      this.#proceed({ value: undefined });
    } else {
      this.#request = request;
      this.state = 'called';
    }
  }
}

function attempt(perform: () => unknown): Outcome {
  try {
    return { value: perform() };
  } catch (error) {
    return { error };
  }
}

/** The threads that can act now. */
export function runnable(threads: readonly Thread[]): Thread[] {
  return threads.filter((thread) => {
    if (!thread.canAct) return false;
    const holder = threads.find((other) => other.holdsLoop && other.call.process === thread.call.process);
    return holder === undefined || holder === thread || thread.inPool;
  });
}
