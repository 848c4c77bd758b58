/**
 * For how long a lock is waited for, in sleeps, until a deadline or an abort; and for how long a holder that cannot be
 * seen is believed to live.
 */
import { display, type PathName } from '../contract/index.ts';
import { now, type Sign, call, type Change, type Steps } from '../system/index.ts';
import { throwIfAborted, type Operation } from '../files/index.ts';
import { lockTimeout, type InTheWay } from './errors.ts';
import type { Holder } from './holder.ts';

export class Patience {
  readonly #operation: Operation;
  readonly #deadline: number;
  readonly #began = now();
  /** Who held the lock when that was looked at last. */
  holder: InTheWay | undefined;
  /** How often the lock was found free, and another was faster. */
  #tries = 0;
  /** The holder's last sign of life. */
  #sign = '';
  #seen = 0;
  /** For how long it has been watched since, in milliseconds. */
  #watched = 0;

  constructor(operation: Operation, deadline: number) {
    this.#operation = operation;
    this.#deadline = deadline;
  }

  /** Whether a holder counts as dead: seen to be, or without a sign of life for its whole lease. */
  isOver({ name, owner, status }: Holder, sign: Sign): boolean {
    if (sign !== 'unknown' || owner === undefined) {
      this.#sign = '';
      return sign === 'dead';
    }
    const time = now();
    const latest = `${display(name)} ${status.mtimeNs} ${status.ctimeNs}`;
    // Nobody watched while this process was stopped: the holder may have been stopped with it.
    this.#watched = latest === this.#sign ? this.#watched + Math.min(time - this.#seen, owner.lease / 4) : 0;
    this.#sign = latest;
    this.#seen = time;
    return this.#watched >= owner.lease;
  }

  /** The lock was free: tries again at once, unless it has been so for some times. */
  *tryAgain(): Steps<void> {
    if (++this.#tries > 3) yield* this.wait(1);
  }

  /** Waits for about so many milliseconds, and fails when the time is up. */
  *wait(pause: number): Steps<void> {
    yield* call.sleep(this.#durationOf(pause));
  }

  /** The same, or until a directory changes. */
  *waitForChange(directory: PathName, pause: number): Steps<Change> {
    return yield* call.sleepUntilChange(directory, this.#durationOf(pause));
  }

  #durationOf(pause: number): number {
    throwIfAborted(this.#operation);
    const time = now();
    if (time >= this.#deadline) throw lockTimeout(time - this.#began, this.holder);
    // Apart from others that wait for the same.
    return Math.min(pause * (0.75 + Math.random() / 2), this.#deadline - time);
  }
}
