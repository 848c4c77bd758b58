/** Closing files that were only read or examined, so that no caller waits for it. */
import { close, closeSync } from 'node:fs';
import { now } from './globals.ts';
import { linkOr } from './processes.ts';
import { byPathOnly } from './random.ts';

/** How many descriptors may be open for another thread to close. */
const maximumOpen = 16;
/**
 * How many closes may be unreported: in a loop of synchronous calls none is ever reported, and each takes a kilobyte.
 */
const maximumUnheard = 4096;
/**
 * Descriptors that were handed over, with the number of unreported closes of each. If a number comes again, the
 * descriptor was closed.
 */
const handedOver = new Map<number, number>();
let unheard = 0;
let mainThread: boolean | undefined;

/**
 * Descriptors that a worker has handed over when it calls process.exit() stay open for as long as the process lives.
 */
function isMainThread(): boolean {
  // Node loads thirty modules to answer it; proc(5) also names the thread that the process began with.
  mainThread ??=
    (!byPathOnly && linkOr('/proc/thread-self') === `${process.pid}/task/${process.pid}`) ||
    process.getBuiltinModule('node:worker_threads').isMainThread;
  return mainThread;
}

/** A close here that takes longer, in milliseconds, has waited for a disk: so many are handed over then. */
const quick = 0.1;
const manyLater = 100;
let later = 0;

/**
 * Closes a file that nothing was written through: the only thing to report is that it is closed. The last close of a
 * replaced file frees its blocks, which can take longer than all the rest: another thread does it. In memory that takes
 * less time than handing it over ('quicker').
 */
export function release(fd: number, where: 'here' | 'elsewhere' | 'quicker'): void {
  const closes = handedOver.get(fd) ?? 0;
  if (
    where === 'here' ||
    (where === 'quicker' && later-- <= 0) ||
    !isMainThread() ||
    unheard >= maximumUnheard ||
    (closes === 0 && handedOver.size >= maximumOpen)
  ) {
    const began = now();
    try {
      closeSync(fd);
    } catch {
      // The file may be committed already; it is closed all the same (close(2)).
    }
    if (where === 'quicker' && now() - began > quick) later = manyLater;
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
