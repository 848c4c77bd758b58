/**
 * Damage that lasts.
 *
 * Promise: a file that another program is just saving in place, so that it is half or empty for a moment, is not taken
 * for a damaged one: it is read again until it has stayed as it is for a while. That it is old counts only by the clock
 * of its filesystem.
 */
import type { PathName } from '../contract/path-name.ts';
import { now } from '../system/clock.ts';
import { currentTime } from '../system/globals.ts';
import { call, type Steps } from '../system/port.ts';
import { filesystemAt } from '../files/filesystems.ts';
import { isSame, type Read } from '../files/snapshot.ts';

/** For how long a file must have stayed as it is, in milliseconds. */
const aWhile = 1000;
/** For how long it may go on changing. */
const patience = 5000;

/**
 * Reads a file that is damaged again, until that is no more so, or has lasted; undefined if it goes on changing for
 * long.
 */
export function* whileDamaged(
  path: PathName,
  first: Read,
  again: () => Steps<Read>,
  isDamaged: (read: Read) => boolean,
): Steps<Read | undefined> {
  const { own } = yield* filesystemAt(path);
  let read = first;
  let since = now() - (own ? ageOf(first) : 0);
  for (const deadline = now() + patience; now() < deadline;) {
    // At least one more look: times can be set.
    const next = yield* again();
    if (!isDamaged(next)) return next;
    if (!isSame(next.status, read.status) || next.version !== read.version) since = now() - (own ? ageOf(next) : 0);
    else if (now() - since >= aWhile) return next;
    read = next;
    yield* call.sleep(20);
  }
  return undefined;
}

/** How long ago its content was changed by this machine's clock; 0 if that is yet to come. */
function ageOf({ status }: Read): number {
  return status === undefined ? 0 : Math.max(0, currentTime() - Number(status.mtimeNs / 1_000_000n));
}
