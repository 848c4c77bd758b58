/** Closing what was only looked at, out of the way of what a caller waits for. */
import { close, closeSync } from 'node:fs';
import { linkOr } from './processes.ts';
import { byPathOnly } from './random.ts';

/** How many descriptors may be open for another thread to close. */
const maximumOpen = 16;
/**
 * How many closes may not have been heard of: a loop of synchronous calls never hears of one, and each takes a
 * kilobyte.
 */
const maximumUnheard = 4096;
/**
 * Descriptors that were handed over, with how many closes of each are not heard of. One whose number comes again was
 * closed.
 */
const handedOver = new Map<number, number>();
let unheard = 0;
let mainThread: boolean | undefined;

/** What a worker has handed over when it calls process.exit() stays open for as long as the process lives. */
function isMainThread(): boolean {
  // Node loads thirty modules to say it; so does proc(5), of the thread that the process began with.
  mainThread ??=
    (!byPathOnly && linkOr('/proc/thread-self') === `${process.pid}/task/${process.pid}`) ||
    process.getBuiltinModule('node:worker_threads').isMainThread;
  return mainThread;
}

/**
 * The last close of a replaced file frees its blocks, which can take longer than all the rest: another thread does it.
 */
export function release(fd: number, where: 'here' | 'elsewhere'): void {
  const closes = handedOver.get(fd) ?? 0;
  // Nothing was written through it: there is no error to hear of but that it is closed.
  if (
    where === 'here' ||
    !isMainThread() ||
    unheard >= maximumUnheard ||
    (closes === 0 && handedOver.size >= maximumOpen)
  ) {
    try {
      closeSync(fd);
    } catch {
      // The file may be in place already; it is closed all the same (close(2)).
    }
    return;
  }
  unheard++;
  handedOver.set(fd, closes + 1);
  close(fd, () => heardOfClose(fd));
}

function heardOfClose(fd: number): void {
  unheard--;
  const closes = handedOver.get(fd) ?? 1;
  if (closes === 1) handedOver.delete(fd);
  else handedOver.set(fd, closes - 1);
}
