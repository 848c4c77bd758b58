/**
 * How a lock is waited for: in short sleeps that grow, so that it costs no CPU, until a deadline or an abort; and for how long
 * a holder that cannot be seen is believed to live.
 */
import { refusal } from '../errors.ts';
import { display } from '../path.ts';
import { call, type Steps } from '../system/calls.ts';
import { now } from '../system/clock.ts';
import type { LockOwner } from '../system/lock-owner.ts';
import { thisOwner, type Sign } from '../system/owner.ts';
import type { Holder } from './lock.ts';
import { throwIfAborted, type Write } from './write.ts';

/** Milliseconds between two looks at a lock that is held. */
const longestPause = 25;
const shortestPause = 1;

export class Patience {
  readonly #write: Write;
  readonly #deadline: number;
  readonly #began = now();
  /** How often the lock was found free, and another was faster. */
  #tries = 0;
  /** The holder's last sign of life. */
  #sign = '';
  #seen = 0;
  /** For how long it has been watched since, in milliseconds. */
  #watched = 0;

  constructor(write: Write, deadline: number) {
    this.#write = write;
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
    if (++this.#tries > 3) yield* this.wait(undefined);
  }

  /** Waits for a moment, and fails when the time is up. */
  *wait(holder: Holder | undefined): Steps<void> {
    throwIfAborted(this.#write);
    const time = now();
    if (time >= this.#deadline) throw lockTimeout(time - this.#began, holder);
    const pause = Math.min(Math.max((time - this.#began) / 8, shortestPause), longestPause);
    // Apart from others that wait for the same.
    yield* call.sleep(Math.min(pause * (0.5 + Math.random()), this.#deadline - time));
  }
}

/** The error of a call that waited for a lock in vain. */
export function lockTimeout(waited: number, holder?: Pick<Holder, 'name' | 'owner'>): Error {
  const who = holder === undefined ? 'other calls of this process, perhaps an update whose callback waits for this one,' : holder.owner === undefined ? `"${display(holder.name)}" in its lock's directory, which is not this package's,` : holderName(holder.owner);
  return refusal('ERR_LOCK_TIMEOUT', `${who} held its lock for all of the ${Math.round(waited)} ms that this call waited`);
}

function holderName({ host, namespace, clock, pid }: LockOwner): string {
  const here = thisOwner();
  if (host !== here.host) return `process ${pid} of another machine or container`;
  if (namespace !== here.namespace || clock !== here.clock) return `process ${pid} of another pid or time namespace`;
  return pid === here.pid ? 'this process, perhaps an update whose callback waits for this call,' : `process ${pid}`;
}
