/** The errors of locks. */
import { refusal, display, type PathName } from '../contract/index.ts';
import { type LockOwner, thisOwner } from '../system/index.ts';

/** The error of a holder whose lock was taken over, or removed. */
export function lockLost(cause?: unknown): Error {
  const lost =
    'another process took over its lock, since this one was stopped, or showed no sign of life, ' +
    "for longer than its lease; or somebody removed the lock's directory";
  return Object.assign(refusal('ERR_LOCK_LOST', lost), { cause });
}

/** The error of a synchronous call that would wait for another call of its own thread. */
export function deadlock(): Error {
  return refusal(
    'ERR_LOCK_DEADLOCK',
    'another call of this thread is still working on this file, and a synchronous call cannot wait for it; ' +
      'await that call first, or use the asynchronous function',
  );
}

/** The error of a call within a callback that holds the lock. */
export function deadlockAround(): Error {
  return refusal(
    'ERR_LOCK_DEADLOCK',
    'the callback of withLock() that this call is made in holds the lock, and would wait for itself; ' +
      'write without an update there, or make this call after the callback',
  );
}

/** The error for a lock that was taken but does not exclude others. */
export function lockUnsupported(what: string): Error {
  return refusal(
    'ERR_LOCK_UNSUPPORTED',
    `this filesystem cannot lock files: ${what}; use one that renames directories as rename(2) says`,
  );
}

/** What a call waited for: undefined for other calls of its own process. */
export interface InTheWay {
  readonly name: PathName;
  readonly owner: LockOwner | undefined;
  /** Why its own directory cannot be used, if that is the reason. */
  readonly why?: string;
}

/** The error of a call whose wait for a lock timed out. */
export function lockTimeout(waited: number, inTheWay?: InTheWay): Error {
  const time = `for the whole ${Math.round(waited).toLocaleString('en')} ms that this call waited`;
  return refusal('ERR_LOCK_TIMEOUT', `${whoWas(inTheWay)} held the lock ${time}`);
}

function whoWas(inTheWay: InTheWay | undefined): string {
  if (inTheWay === undefined) {
    return 'other calls of this process, perhaps an update whose callback waits for this one,';
  }
  const { name, owner, why } = inTheWay;
  if (why !== undefined) return `"${display(name)}", ${why},`;
  if (owner === undefined) return `"${display(name)}" in its lock's directory, which is not this package's,`;
  return holderName(owner);
}

function holderName({ host, namespace, pid }: LockOwner): string {
  const here = thisOwner();
  if (host !== here.host) return `process ${pid} of another machine or container`;
  if (namespace !== here.namespace) return `process ${pid} of another pid namespace`;
  return pid === here.pid ? 'this process, perhaps an update whose callback waits for this call,' : `process ${pid}`;
}
