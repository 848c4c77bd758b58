/** Closes files whose close has nothing to report, so that no caller waits for it. */
import { now } from './globals.ts';
import { isMainThread } from './processes.ts';
import { systems } from './systems.ts';

/** How many descriptors may wait for another thread to close them. */
const maximumOpen = 16;
/** How many closes may be unreported: in a loop of synchronous calls none is reported, and each takes a kilobyte. */
const maximumUnheard = 4096;
/**
 * Descriptors that were handed over, with the number of unreported closes of each. If a descriptor's number is handed
 * over again, it was closed before.
 */
const handedOver = new Map<number, number>();
let unheard = 0;

/**
 * A close here that takes more than `quick` milliseconds has waited for a disk: the next `manyLater` are handed over.
 */
const quick = 0.1;
const manyLater = 100;
let later = 0;

/**
 * Closes a file whose close has nothing to report. The last close of a replaced file frees its blocks, which can take
 * longer than all the rest, so another thread does it. In memory a close takes less time than handing it over
 * ('quicker').
 */
export function release(fd: number, where: 'here' | 'elsewhere' | 'quicker'): void {
  const closes = handedOver.get(fd) ?? 0;
  // If a worker calls process.exit(), the descriptors that it has handed over stay open until the process ends.
  if (
    where === 'here' ||
    !isMainThread() ||
    unheard >= maximumUnheard ||
    (closes === 0 && handedOver.size >= maximumOpen)
  ) {
    closeHere(fd);
    return;
  }
  if (where === 'quicker' && later-- <= 0) {
    const began = now();
    closeHere(fd);
    if (now() - began > quick) later = manyLater;
    return;
  }
  unheard++;
  handedOver.set(fd, closes + 1);
  systems().async.close(fd, () => heardOfClose(fd));
}

function closeHere(fd: number): void {
  try {
    systems().sync.close(fd);
  } catch {
    // The file may be committed already. The descriptor is closed even after an error (close(2)).
  }
}

function heardOfClose(fd: number): void {
  unheard--;
  const closes = handedOver.get(fd) ?? 1;
  if (closes === 1) handedOver.delete(fd);
  else handedOver.set(fd, closes - 1);
}
