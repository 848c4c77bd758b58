/**
 * Waiting for a lock whose directory is not to be used: it belongs to somebody else in a sticky directory, or cannot be
 * written.
 *
 * Nothing is put into it. When its holder has died it is removed, if that may be done, as by the superuser; else it is
 * waited for.
 */
import { codeOf } from '../contract/errors.ts';
import { join } from '../contract/path-name.ts';
import type { Steps } from '../system/port.ts';
import { isExclusive } from '../files/directory.ts';
import type { Write } from '../files/operation.ts';
import { inFound, rmdirIn, type FoundDirectory } from '../files/owned.ts';
import { lookAtHolder, signOf } from './holder.ts';
import type { Barred, LockPlace } from './home.ts';
import { heldName } from './name.ts';
import { takeOver, type TakeoverRequest } from './takeover.ts';
import type { Patience } from './wait.ts';

/** Milliseconds between two looks. */
const pause = 10;

/** Removes the lock of a dead holder, or waits for a moment. */
export function* waitOutside(
  write: Write,
  place: LockPlace,
  { name, uid }: Barred,
  { request, patience }: { readonly request: TakeoverRequest; readonly patience: Patience },
): Steps<void> {
  const why = uid === undefined ? 'which this user may not write' : `which user ${uid} has made in a sticky directory`;
  patience.holder = { name, owner: undefined, why };
  const remove = function* (home: FoundDirectory): Steps<void> {
    const holder = yield* lookAtHolder(write, home);
    if (holder !== undefined) {
      const sign = signOf(write, holder, yield* isExclusive(place.directory));
      if (!patience.isOver(holder, sign)) return;
      const lock = join(place.directory.reach, name);
      yield* takeOver(write, { folder: place, home, lock }, holder, request);
    }
    yield* rmdirIn(write, home, heldName);
    yield* rmdirIn(write, place, name);
  };
  try {
    yield* inFound(write, place, name, remove);
  } catch (error) {
    if (!['EACCES', 'EPERM'].includes(codeOf(error) ?? '')) throw error;
  }
  yield* patience.wait(pause);
}
