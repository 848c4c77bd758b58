/**
 * How long to wait for a lock, in sleeps, until a deadline or an abort; and how long a holder that cannot be seen
 * counts as alive.
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
  /** The holder of the lock at the last look. */
  holder: InTheWay | undefined;
  /** How often the lock was found free while another process was faster. */
  #tries = 0;
  /** The holder's last sign of life. */
  #sign = '';
  #seen = 0;
  /** How long it has been watched since, in milliseconds. */
  #watched = 0;

  constructor(operation: Operation, deadline: number) {
    this.#operation = operation;
    this.#deadline = deadline;
  }

  /** Whether a holder counts as dead: it is seen to be dead, or has shown no sign of life for its whole lease. */
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

  /** The lock was free: tries again at once, unless that has happened several times. */
  *tryAgain(): Steps<void> {
    if (++this.#tries > 3) yield* this.wait(1);
  }

  /** Waits for about this many milliseconds, and fails when the time is up. */
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
    // Random, so that others that wait for the same do not wake at the same time.
    return Math.min(pause * (0.75 + Math.random() / 2), this.#deadline - time);
  }
}
