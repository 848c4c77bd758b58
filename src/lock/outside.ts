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
import type { Operation } from '../files/operation.ts';
import { inFound, rmdirIn, type FoundDirectory } from '../files/owned.ts';
import { lookAtHolder, signOf } from './holder.ts';
import type { Barred, FileIn } from './home.ts';
import { heldName } from './name.ts';
import { takeOver, type TakeoverRequest } from './takeover.ts';
import type { Patience } from './wait.ts';

/** Milliseconds between two looks. */
const pause = 10;

/** Removes the lock of a dead holder, or waits for a moment. */
export function* waitOutside(
  operation: Operation,
  target: FileIn,
  { name, uid }: Barred,
  { request, patience }: { readonly request: TakeoverRequest; readonly patience: Patience },
): Steps<void> {
  const why = uid === undefined ? 'which this user may not write' : `which user ${uid} has made in a sticky directory`;
  patience.holder = { name, owner: undefined, why };
  const remove = function* (home: FoundDirectory): Steps<void> {
    const holder = yield* lookAtHolder(operation, home);
    if (holder !== undefined) {
      const sign = signOf(operation, holder, yield* isExclusive(target.directory));
      if (!patience.isOver(holder, sign)) return;
      const lock = join(target.directory.reach, name);
      yield* takeOver(operation, { folder: target, home, lock }, holder, request);
    }
    yield* rmdirIn(operation, home, heldName);
    yield* rmdirIn(operation, target, name);
  };
  try {
    yield* inFound(operation, target, name, remove);
  } catch (error) {
    if (!['EACCES', 'EPERM'].includes(codeOf(error) ?? '')) throw error;
  }
  yield* patience.wait(pause);
}
