/** Newer content took the place of this. */
import { writeResult, type WriteResult } from '../contract/result.ts';
import type { Steps } from '../system/port.ts';
import type { Write } from '../files/operation.ts';
import type { Place } from '../files/target.ts';
import type { Placed } from '../order/committed.ts';
import { overtaken, type Turn } from '../order/turn.ts';
import { confirmInPlace } from './confirm.ts';

/** Waits until the newer content is as durable as this was to be. */
export function* supersede(write: Write, place: Place, turn: Turn, newer: Placed, bytes: number): Steps<WriteResult> {
  if (!turn.yieldsTo(newer)) throw overtaken();
  // Who cannot wait for its syncs does them too.
  if (!write.blocking) yield* newer.settled();
  write.outcome = 'new';
  write.step = 'sync directory';
  if (newer.error !== undefined) throw newer.error;
  if (newer.covers(write.settings.durability)) return supersededBy(newer, bytes);
  const durable = yield* confirmInPlace(write, place);
  return writeResult({ path: newer.path, bytes, superseded: true, durable });
}

/** What became of a write that newer content serves. */
export function supersededBy(newer: Placed, bytes: number): WriteResult {
  return writeResult({ path: newer.path, bytes, superseded: true, durable: newer.confirmed?.durable ?? false });
}
