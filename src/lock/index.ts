/** The lock between processes: take, hold, wait, take over, sweep. */
export { deadlock, lockLost, lockTimeout } from './errors.ts';
export { folded, lockNameOf, lockSuffix, parseTicket } from './name.ts';
export { freeLeft, leaveLock, type LeftLock } from './left.ts';
export { letGoOf } from './rights.ts';
export { lookAtHolder, signOf } from './holder.ts';
export type { FileIn } from './home.ts';
export type { Dead, Resolve } from './takeover.ts';
export { assertHeld, type Lock, releaseLock } from './held.ts';
export { takeLock, withLock } from './lock.ts';
export { isLockName, sweepLock } from './sweep-lock.ts';
