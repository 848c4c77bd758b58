/** `ifUnchanged: 'skip'`: the same bytes are in place already. */
import { codeOf } from '../contract/errors.ts';
import { assertIntact } from '../contract/memory.ts';
import { writeResult, type WriteResult } from '../contract/result.ts';
import { fileType, O_NOFOLLOW, O_RDONLY } from '../system/flags.ts';
import { call, type FileStatus, type Steps } from '../system/port.ts';
import { whileOpen } from '../files/busy.ts';
import { holds, holdSame } from '../files/copy.ts';
import type { Write } from '../files/operation.ts';
import { lookAgain, type Place } from '../files/target.ts';
import type { Placed } from '../order/committed.ts';
import type { Turn } from '../order/turn.ts';
import { confirmInPlace } from './confirm.ts';

/** Whether the target is as the write would leave it: these bytes, or what another open file holds. */
export function* isUnchanged(
  write: Write,
  place: Place,
  content: Uint8Array | { readonly fd: number; readonly size: number },
): Steps<boolean> {
  const { existing } = place;
  if (write.settings.ifUnchanged !== 'skip' || existing === undefined || fileType(existing.mode) !== 'file')
    return false;
  if (ArrayBuffer.isView(content)) assertIntact(content);
  const size = ArrayBuffer.isView(content) ? content.byteLength : content.size;
  if (existing.size !== size || !hasGivenMetadata(write, existing)) return false;
  return yield* whileOpen(write, targetHolds(place, content));
}

function* targetHolds(place: Place, content: Uint8Array | { readonly fd: number }): Steps<boolean> {
  let fd;
  try {
    fd = yield* call.open(place.reach, O_RDONLY | O_NOFOLLOW, 0);
  } catch (error) {
    if (unreadable.has(codeOf(error) ?? '')) return false;
    throw error;
  }
  try {
    return yield* ArrayBuffer.isView(content) ? holds(fd, content) : holdSame(fd, content.fd);
  } finally {
    yield* call.close(fd);
  }
}

/** Not to be read, in use (Windows), or gone: then it is written. */
export const unreadable: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EBUSY', 'ENOENT']);

function hasGivenMetadata({ settings: { mode, uid, gid }, surroundings }: Write, existing: FileStatus): boolean {
  // Windows has the read-only attribute only.
  const bits = surroundings.platform === 'win32' ? 0o200 : 0o7777;
  return (
    ((mode ?? existing.mode) & bits) === (existing.mode & bits) &&
    (uid ?? existing.uid) === existing.uid &&
    (gid ?? existing.gid) === existing.gid
  );
}

/** Content that is in place already takes its place in the order all the same: older calls do not come after it. */
export function* skipUnchanged(
  write: Write,
  place: Place,
  turn: Turn,
  content: Uint8Array | { fd: number; size: number },
): Steps<WriteResult | undefined> {
  if (!(yield* isUnchanged(write, place, content))) return undefined;
  if ((yield* turn.finishOther(place)) !== undefined) {
    yield* lookAgain(write, place);
    if (!(yield* isUnchanged(write, place, content))) return undefined;
  }
  const record = turn.placed(place);
  const durable = yield* confirmUnchanged(write, place, record);
  return writeResult({
    path: write.path,
    bytes: ArrayBuffer.isView(content) ? content.byteLength : content.size,
    unchanged: true,
    durable,
  });
}

function* confirmUnchanged(write: Write, place: Place, record: Placed | undefined): Steps<boolean | 'unsupported'> {
  try {
    const durable = yield* confirmInPlace(write, place);
    record?.confirm(write.settings.durability, durable);
    return durable;
  } catch (error) {
    record?.fail(error);
    throw error;
  }
}
