/**
 * What is done with a name: in the order of this process's calls, and confirmed durable at the end.
 *
 * Promise: the decisive call is made by this thread at once, after a look at what newer calls of this process have
 * done. So a call of this process that comes later is never undone by an earlier one.
 */
import type { Steps } from '../system/index.ts';
import {
  closeTarget,
  failedDuring,
  reporting,
  syncLinks,
  throwIfAborted,
  type Operation,
  type Target,
} from '../files/index.ts';
import type { Committed, Turn } from '../order/index.ts';
import { claimTarget, confirmName } from '../replace/index.ts';

/** Runs steps for a name when it is the call's turn. A symbolic link of that name is not followed. */
export function* onName<T>(operation: Operation, turn: Turn, steps: (target: Target) => Steps<T>): Steps<T> {
  try {
    return yield* reporting(operation, inTurn(operation, turn, steps));
  } finally {
    turn.leave();
  }
}

function* inTurn<T>(operation: Operation, turn: Turn, steps: (target: Target) => Steps<T>): Steps<T> {
  throwIfAborted(operation);
  yield* turn.enter();
  const target = yield* claimTarget(operation, turn, operation.path);
  try {
    return yield* steps(target);
  } finally {
    closeTarget(operation, target);
  }
}

/** From now on this is the newest that was done with the name. */
export function commitName(operation: Operation, turn: Turn, target: Target): void {
  operation.outcome = 'new';
  const record = turn.committed(target);
  if (record !== undefined) record.isName = true;
}

/** Makes what was done with the name as durable as the caller asked for. */
export function* confirmDone(
  operation: Operation,
  turn: Turn,
  target: Target,
  isLink = false,
): Steps<boolean | 'unsupported'> {
  const { durability } = operation.settings;
  try {
    const links = isLink && durability === 'full' ? yield* syncLinks(operation, target.directory) : true;
    const names = yield* confirmName(operation, target);
    const durable = names === true && links === 'unsupported' ? links : names;
    turn.confirmed(durability, durable);
    return durable;
  } catch (error) {
    turn.failed(error);
    throw failedDuring(operation, 'sync directory', error);
  }
}

/** Newer content of this process is committed already, as if it had come after this call: how durable it is. */
export function* giveWay(operation: Operation, newer: Committed): Steps<boolean | 'unsupported'> {
  // A call that cannot wait for its syncs goes ahead of them.
  if (!operation.blocking) yield* newer.settled();
  operation.outcome = 'new';
  if (newer.error !== undefined) throw failedDuring(operation, 'sync directory', newer.error);
  return newer.covers(operation.settings.durability) ? (newer.confirmed?.durable ?? false) : false;
}
