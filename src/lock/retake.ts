/**
 * Taking a lock again right after its release, before those who wait for it.
 *
 * Handing a lock over takes longer than using it: the next process sleeps, and has to wake up. So a thread that comes
 * again at once may take the lock some times in a row. That divides the cost by their number, and multiplies the
 * longest wait by no more.
 */
import { now } from '../system/index.ts';
import { fileKey, type Operation } from '../files/index.ts';
import type { FileIn } from './home.ts';

/** How often in a row. */
const takes = 4;
/** Milliseconds within which a thread comes again at once. */
const atOnce = 10;

interface Row {
  readonly file: string;
  taken: number;
  released: number;
}

/** The lock that this thread had last. */
class Last {
  row: Row | undefined;
}

/** Whether this thread may take the lock before those who wait. */
export function mayGoOn({ environment }: Operation, target: FileIn): boolean {
  const { row } = environment.state.of(Last);
  return row?.file === fileKey(target) && row.taken < takes && now() - row.released < atOnce;
}

/** The lock was taken: before others, or in the order of the queue. */
export function noteTaken({ environment }: Operation, target: FileIn, before: boolean): void {
  const { row } = environment.state.of(Last);
  if (before && row !== undefined) row.taken++;
  else environment.state.of(Last).row = { file: fileKey(target), taken: 1, released: 0 };
}

/** The lock was released. */
export function noteReleased({ environment }: Operation, target: FileIn): void {
  const { row } = environment.state.of(Last);
  if (row?.file === fileKey(target)) row.released = now();
}
