/** Putting right what a dead owner of a transaction's lock was at: before anybody who takes the lock over reads the file. */
import { display, join, type PathName } from '../path.ts';
import { type Steps } from '../system/calls.ts';
import { removeStaged } from './changes.ts';
import { closeDirectory } from './directory.ts';
import type { OpenFolder } from './files.ts';
import { decodeNote, type Whereabouts } from './journal.ts';
import { withLock, type LockPlace } from './lock.ts';
import { hasRecord } from './record.ts';
import { openWith, settleRecord, unreachable, type Settled } from './settle.ts';
import type { Dead } from './takeover.ts';
import { newLockedWrite, type Write } from './write.ts';

/** Hears what was put right. */
export type Tell = (settled: Settled) => void;

/** What whoever takes over the lock of a transaction's file has to do first: see `takeover.ts`. */
export function* settleDead(write: Write, { note, folder }: Dead, tell?: Tell): Steps<void> {
  const { id, home: where } = decodeNote(note);
  const home = yield* openHome(write, folder.directoryPath, where, id);
  try {
    // On its own: with nobody to tell, an optional call would not do what stands in its argument.
    const settled = yield* settleUnderLock(write, home, id);
    tell?.(settled);
    if (yield* hasRecord(write, home, id, 'journal')) return;
    const removed = yield* removeStaged(write, folder.directory, id);
    tell?.({ completed: [], removed: removed.map((name) => join(folder.directoryPath, name)) });
  } finally {
    closeDirectory(write, home.directory);
  }
}

export function* openHome(write: Write, from: PathName, where: Whereabouts, id: string): Steps<OpenFolder> {
  const home = yield* openWith(write, from, where, id, 'journal');
  if (home === undefined) throw notHome(where);
  return home;
}

export function notHome({ path }: Whereabouts): Error {
  return unreachable(`"${display(path)}", where the journal of a transaction is, cannot be found: it is not mounted, or was moved or replaced`);
}

/** Under the lock of the record: one at a time. */
export function* settleUnderLock(write: Write, home: OpenFolder, id: string): Steps<Settled> {
  return yield* underLocks(write, [{ ...home, name: `untorn-j-${id}` }], () => settleRecord(write, home, id));
}

/** Performs steps under the locks of some files, taken in their order. */
export function* underLocks<T>(write: Write, [first, ...rest]: readonly LockPlace[], steps: () => Steps<T>, tell?: Tell): Steps<T> {
  if (first === undefined) return yield* steps();
  const { settings, surroundings, blocking } = write;
  const locked = newLockedWrite(join(first.directoryPath, first.name), settings, surroundings, blocking);
  locked.locking.deadline = performance.now() + settings.lock.timeout;
  const request = { ...locked.locking, settle: (dead: Dead) => settleDead(write, dead, tell) };
  return yield* withLock(locked, first, request, () => underLocks(write, rest, steps, tell));
}
