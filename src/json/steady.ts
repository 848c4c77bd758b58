/**
 * Lasting damage.
 *
 * Promise: a file that another program is just saving in place, and that is half written or empty for a moment, is not
 * taken for a damaged one. It is read again until it has not changed for a while. Its age counts only by the clock of
 * its filesystem.
 */
import { split, type PathName } from '../contract/index.ts';
import { now, currentTime, call, type Steps } from '../system/index.ts';
import { timeIn, filesystemAt, type Operation, isSame, type Read } from '../files/index.ts';

/** How long a file must not have changed, in milliseconds. */
const aWhile = 1000;
/** How long it may go on changing. */
const patience = 5000;

/** Reads a damaged file again, until it is good, or has stayed damaged; undefined if it goes on changing for long. */
export function* whileDamaged(
  operation: Operation,
  path: PathName,
  first: Read,
  again: () => Steps<Read>,
  isDamaged: (read: Read) => boolean,
): Steps<Read | undefined> {
  const ahead = yield* clockOf(operation, path);
  let read = first;
  let since = now() - ageOf(first, ahead);
  for (const deadline = now() + patience; now() < deadline;) {
    // At least one more look: times can be set.
    const next = yield* again();
    if (!isDamaged(next)) return next;
    if (!isSame(next.status, read.status) || next.version !== read.version) since = now() - ageOf(next, ahead);
    else if (now() - since >= aWhile) return next;
    read = next;
    yield* call.sleep(20);
  }
  return undefined;
}

/**
 * By how much the clock of the filesystem is ahead of `now()`, in milliseconds; undefined if unknown. A call that only
 * reads makes no file to ask for it, and loses nothing by using this machine's clock.
 */
function* clockOf(operation: Operation, path: PathName): Steps<number | undefined> {
  if (!(yield* filesystemAt(path)).own) return undefined;
  if (operation.locking === undefined) return currentTime() - now();
  const { directory } = split(path);
  const time = yield* timeIn(operation, { directory: { accessPath: directory }, directoryPath: directory });
  return time === undefined ? undefined : Number(time / 1_000_000n) - now();
}

/** How long ago the content was changed; 0 if that is unknown, or in the future. */
function ageOf({ status }: Read, ahead: number | undefined): number {
  if (status === undefined || ahead === undefined) return 0;
  return Math.max(0, now() + ahead - Number(status.mtimeNs / 1_000_000n));
}
