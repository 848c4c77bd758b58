/** Locks that dead owners left in a directory: what a transaction leaves is settled by them, and they hold others up for a moment. */
import { asText, join, type PathName } from '../path.ts';
import { call, lastChange, type Steps } from '../system/calls.ts';
import { parseLockToken } from '../system/lock-owner.ts';
import type { OpenFolder } from './files.ts';
import { lockSuffix } from './lock-name.ts';
import { lookAtHolder } from './lock.ts';
import { lookAt } from './place.ts';
import { takeOver, type Settle } from './takeover.ts';
import { afterFailure, unlinkIfThere } from './temporary.ts';
import type { Write } from './write.ts';

/** Frees the locks in a directory whose owners are seen to be dead, after putting right what they were at. */
export function* freeLocks(write: Write, folder: OpenFolder, names: readonly PathName[], settle: Settle): Steps<void> {
  for (const name of names) {
    const text = asText(name);
    const reach = join(folder.directory.reach, name);
    if (text.startsWith('.') && text.endsWith(lockSuffix)) yield* freeLock(write, folder, reach, settle);
    else if (text.startsWith('.') && parseLockToken(text) !== undefined) yield* removePrepared(write, reach, text);
  }
}

function* freeLock(write: Write, folder: OpenFolder, reach: PathName, settle: Settle): Steps<void> {
  const holder = yield* lookAtHolder(write, reach);
  if (holder !== undefined) {
    if (holder.owner === undefined || write.surroundings.judge(holder.owner, lastChange(holder.status)) !== 'dead') return;
    const token = write.surroundings.lockToken(holder.owner.lease);
    yield* takeOver(write, folder, reach, holder, { token, settle });
  }
  // Nobody's: whoever takes it does not need it to be there.
  yield* afterFailure(call.rmdir(reach));
}

/** A lock that was not yet in its place when its owner died. */
function* removePrepared(write: Write, reach: PathName, name: string): Steps<void> {
  const owner = parseLockToken(name);
  const status = yield* lookAt({ reach });
  if (owner === undefined || status === undefined || write.surroundings.judge(owner, lastChange(status)) !== 'dead') return;
  yield* unlinkIfThere(join(reach, name.slice(1)));
  yield* afterFailure(call.rmdir(reach));
}
