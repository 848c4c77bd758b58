/** `ifUnchanged: 'skip'`: the file has the same bytes already. */
import { codeOf, assertIntact, writeResult, type WriteResult } from '../contract/index.ts';
import { fileType, O_NOFOLLOW, O_RDONLY, call, type FileStatus, type Steps } from '../system/index.ts';
import { whileOpen, holds, holdSame, type Operation, lookAgain, type Target } from '../files/index.ts';
import type { Committed, Turn } from '../order/index.ts';
import { confirmInPlace } from './rename.ts';
import { withMore } from './stage.ts';

/** Whether the target is as the write would leave it: it has these bytes, or the content of another open file. */
export function* isUnchanged(
  operation: Operation,
  target: Target,
  content: Uint8Array | { readonly fd: number; readonly size: number },
): Steps<boolean> {
  const { existing } = target;
  if (operation.settings.ifUnchanged !== 'skip' || existing === undefined || fileType(existing.mode) !== 'file')
    return false;
  if (ArrayBuffer.isView(content)) assertIntact(content);
  const size = ArrayBuffer.isView(content) ? content.byteLength : content.size;
  if (existing.size !== size || !hasGivenMetadata(operation, existing)) return false;
  return yield* withMore(operation, target, () => whileOpen(operation, targetHolds(target, content)));
}

function* targetHolds(target: Target, content: Uint8Array | { readonly fd: number }): Steps<boolean> {
  let fd;
  try {
    fd = yield* call.open(target.accessPath, O_RDONLY | O_NOFOLLOW, 0);
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

/** Codes for a file that is not readable, in use (Windows), or gone: then it is written. */
export const unreadable: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EBUSY', 'ENOENT']);

function hasGivenMetadata({ settings: { mode, uid, gid }, environment }: Operation, existing: FileStatus): boolean {
  // Windows has the read-only attribute only.
  const bits = environment.platform === 'win32' ? 0o200 : 0o7777;
  return (
    ((mode ?? existing.mode) & bits) === (existing.mode & bits) &&
    (uid ?? existing.uid) === existing.uid &&
    (gid ?? existing.gid) === existing.gid
  );
}

/** Unchanged content takes its place in the order all the same: older calls do not come after it. */
export function* skipUnchanged(
  operation: Operation,
  target: Target,
  turn: Turn,
  content: Uint8Array | { fd: number; size: number },
): Steps<WriteResult | undefined> {
  if (!(yield* isUnchanged(operation, target, content))) return undefined;
  if ((yield* turn.finishOther(target)) !== undefined) {
    yield* lookAgain(operation, target);
    if (!(yield* isUnchanged(operation, target, content))) return undefined;
  }
  const record = turn.committed(target);
  const durable = yield* confirmUnchanged(operation, target, record);
  return writeResult({
    path: operation.path,
    bytes: ArrayBuffer.isView(content) ? content.byteLength : content.size,
    unchanged: true,
    durable,
  });
}

function* confirmUnchanged(
  operation: Operation,
  target: Target,
  record: Committed | undefined,
): Steps<boolean | 'unsupported'> {
  try {
    const durable = yield* withMore(operation, target, () => confirmInPlace(operation, target));
    record?.confirm(operation.settings.durability, durable);
    return durable;
  } catch (error) {
    record?.fail(error);
    throw error;
  }
}
