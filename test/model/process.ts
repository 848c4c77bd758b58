/** A process that runs steps on a disk, call by call. */
import { inTurn, type Request, type Steps, type System } from '#untorn/system/port.js';
import { linkByLink } from './chain.ts';
import type { Disk } from './disk.ts';
import { systemOf } from './system.ts';

/** Single calls, one after the other. */
function* flat(steps: Steps<unknown>): Generator<Request, unknown, unknown> {
  let next = steps.next();
  while (next.done !== true) {
    let value;
    try {
      const request = next.value;
      if (request.name === 'concurrently') value = yield* flat(inTurn(request.steps));
      else if (request.name === 'chain') value = yield* flat(linkByLink(request.links));
      else if (request.name === 'uninterrupted') value = yield* flat(request.steps);
      else value = yield request;
    } catch (error) {
      next = steps.throw(error);
      continue;
    }
    next = steps.next(value);
  }
  return next.value;
}

/** A process at its steps. */
export class Process {
  readonly #steps: Generator<Request, unknown, unknown>;
  readonly #system: ReturnType<typeof systemOf>;
  #next: IteratorResult<Request, unknown> | undefined;
  error: unknown;
  /** At which of its calls the disk fails. */
  readonly #failing: number;
  #calls = 0;

  constructor(steps: Steps<unknown>, disk: Disk, failing = -1) {
    this.#failing = failing;
    this.#steps = flat(steps);
    this.#system = systemOf(disk, {}, 4096);
  }

  /** What its steps gave, once they have ended. */
  get result(): unknown {
    return this.#next?.done === true ? this.#next.value : undefined;
  }

  get calls(): number {
    return this.#calls;
  }

  /** Goes on for so many calls; whether it has not ended. */
  go(calls: number): boolean {
    try {
      this.#next ??= this.#steps.next();
      for (let done = 0; done < calls && this.#next.done !== true; done++) this.#perform(this.#next.value);
    } catch (error) {
      this.error = error;
      return false;
    }
    return this.#next.done !== true;
  }

  #perform(request: Request): void {
    let value;
    try {
      if (this.#calls++ === this.#failing)
        throw Object.assign(new Error(`EIO: ${request.name}`), { code: 'EIO', errno: -5, syscall: request.name });
      value = performed(this.#system, request);
    } catch (error) {
      this.#next = this.#steps.throw(error);
      return;
    }
    this.#next = this.#steps.next(value);
  }
}

function performed(system: System, request: Request): unknown {
  if (!('args' in request)) throw new Error('a synchronous call waits');
  return (system[request.name] as (...args: unknown[]) => unknown)(...request.args);
}

/** Performs steps to their end, and calls `after` after each call. */
export function perform(steps: Steps<unknown>, disk: Disk, after: () => void): unknown {
  const system = systemOf(disk, {}, 4096);
  const calls = flat(steps);
  let next = calls.next();
  while (next.done !== true) {
    let value;
    try {
      value = performed(system, next.value);
    } catch (error) {
      next = calls.throw(error);
      continue;
    }
    after();
    next = calls.next(value);
  }
  return next.value;
}
