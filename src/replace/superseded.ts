/** Newer content took the place of this. */
import { writeResult, type WriteResult } from '../contract/result.ts';
import type { Steps } from '../system/port.ts';
import type { Operation } from '../files/operation.ts';
import type { Target } from '../files/target.ts';
import type { Committed } from '../order/committed.ts';
import { overtaken, type Turn } from '../order/turn.ts';
import { confirmInPlace } from './confirm.ts';

/** Waits until the newer content is as durable as this was to be. */
export function* supersede(
  operation: Operation,
  target: Target,
  turn: Turn,
  newer: Committed,
  bytes: number,
): Steps<WriteResult> {
  if (!turn.yieldsTo(newer)) throw overtaken();
  // Who cannot wait for its syncs does them too.
  if (!operation.blocking) yield* newer.settled();
  operation.outcome = 'new';
  operation.step = 'sync directory';
  if (newer.error !== undefined) throw newer.error;
  if (newer.covers(operation.settings.durability)) return supersededBy(newer, bytes);
  const durable = yield* confirmInPlace(operation, target);
  return writeResult({ path: newer.path, bytes, superseded: true, durable });
}

/** What became of a write that newer content serves. */
export function supersededBy(newer: Committed, bytes: number): WriteResult {
  return writeResult({ path: newer.path, bytes, superseded: true, durable: newer.confirmed?.durable ?? false });
}
