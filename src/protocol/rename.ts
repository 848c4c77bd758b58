/** The moment of truth: one system call that puts the new file into place, and what to think if it fails. */
import { codeOf } from '../errors.ts';
import { call, type Steps } from '../system/calls.ts';
import { whileBusy } from './busy.ts';
import { lockLost } from './lock.ts';
import { lookAt, type Place } from './place.ts';
import { afterFailure, forgetTemporary, unlinkIfThere, type TemporaryFile } from './temporary.ts';
import { Placed } from './placed.ts';
import type { Turn } from './turns.ts';
import type { Write } from './write.ts';

export interface Renamed {
  /** Newer content that came first; then this was not renamed. */
  readonly newer?: Placed;
  /** This content's entry in the order; undefined if newer content replaced it meanwhile. */
  readonly record: Placed | undefined;
  readonly atomic: boolean;
}

/** Renames the temporary file over the target or, to create only, links it there. */
export function* renameInto(write: Write, place: Place, temporary: TemporaryFile, turn: Turn): Steps<Renamed> {
  const newer = turn.newer(place);
  if (newer !== undefined) return { newer, record: undefined, atomic: true };
  const other = yield* turn.finishOther(place);
  if (other !== undefined && other > turn.number) return { newer: new Placed(other, write.path), record: undefined, atomic: true };
  const begun = turn.begin(place, temporary.reach);
  try {
    yield* whileBusy(write, () => renameOnce(write, place, temporary));
  } catch (error) {
    turn.end(place);
    const finished = begun.finished && ['ENOENT', 'EEXIST'].includes(codeOf(error) ?? '');
    if (!finished && !(yield* happened(write, place, temporary))) throw yield* explained(write, temporary, error);
  }
  turn.end(place);
  write.outcome = 'new';
  const record = turn.placed(place, begun.finished);
  // After a link the temporary name is a second one of the new file.
  if (!write.settings.overwrite) yield* whileBusy(write, () => unlinkIfThere(temporary.reach));
  forgetTemporary(temporary);
  return { record, atomic: true };
}

function* renameOnce({ settings, locking }: Write, place: Place, temporary: TemporaryFile): Steps<void> {
  // The last thing before the rename: what comes between is caught by who takes over the lock, which removes the temporary file.
  if (locking?.check !== undefined) yield* locking.check();
  if (settings.overwrite) yield* call.rename(temporary.reach, place.reach);
  else yield* call.link(temporary.reach, place.reach);
}

/** Who takes over a lock removes its owner's temporary file. */
function* explained(write: Write, temporary: TemporaryFile, error: unknown): Steps<unknown> {
  if (write.locking === undefined || codeOf(error) !== 'ENOENT' || (yield* lookAt(temporary)) !== undefined) return error;
  forgetTemporary(temporary);
  return lockLost(error);
}

/** Whether a rename that reported a failure took place all the same, as it can on a network filesystem. */
function* happened(write: Write, place: Place, temporary: TemporaryFile): Steps<boolean> {
  let own, now;
  try {
    own = temporary.status ?? (temporary.open ? yield* call.fstat(temporary.fd) : undefined);
    now = yield* lookAt(place);
  } catch {
    // The error of the rename is the one to report; but nobody knows what is there.
    write.outcome = 'unknown';
    return false;
  }
  if (own === undefined || now?.ino !== own.ino || now.dev !== own.dev) return false;
  yield* afterFailure(call.unlink(temporary.reach));
  return true;
}
