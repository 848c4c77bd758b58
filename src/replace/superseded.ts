/** Newer content superseded this content. */
import { writeResult, type WriteResult } from '../contract/index.ts';
import type { Steps } from '../system/index.ts';
import { failedDuring, type Operation, type Target } from '../files/index.ts';
import { type Committed, overtaken, type Turn } from '../order/index.ts';
import { confirmInPlace, confirmName } from './rename.ts';

/** Waits until the newer content is as durable as this was to be. */
export function* supersede(
  operation: Operation,
  target: Target,
  turn: Turn,
  newer: Committed,
  bytes: number,
): Steps<WriteResult> {
  if (!turn.yieldsTo(newer)) throw overtaken();
  // A call that cannot wait for its syncs does them too.
  if (!operation.blocking) yield* newer.settled();
  operation.outcome = 'new';
  if (newer.error !== undefined) throw failedDuring(operation, 'sync directory', newer.error);
  if (newer.covers(operation.settings.durability)) return supersededBy(newer, bytes);
  const durable = yield* newer.isName ? confirmName(operation, target) : confirmInPlace(operation, target);
  return writeResult({ path: newer.path, bytes, superseded: true, durable });
}

/** The result of a superseded write. */
export function supersededBy(newer: Committed, bytes: number): WriteResult {
  return writeResult({ path: newer.path, bytes, superseded: true, durable: newer.confirmed?.durable ?? false });
}
