/** The end of a file that a crash has torn: the bytes after the last newline. They are kept in a file beside it. */
import { join, refusal, type PathName } from '../contract/index.ts';
import { call, type FileStatus, type Steps } from '../system/index.ts';
import {
  afterFailure,
  closeTemporary,
  createTemporary,
  discardTemporary,
  forgetTemporary,
  newName,
  syncDirectory,
  syncTemporary,
  writeAll,
  type LockedOperation,
  type Target,
} from '../files/index.ts';
import { assertHeld, type Lock } from '../lock/index.ts';

const newline = 0x0a;
/** Bytes that are read at a time. */
const piece = 64 << 10;

/** Where the torn end began, and where it is now. */
export interface Cut {
  readonly start: number;
  readonly path: PathName;
  readonly bytes: number;
}

/** A file whose lock is held. */
interface Locked {
  readonly operation: LockedOperation;
  readonly target: Target;
  readonly lock: Lock;
}

/** Keeps the torn end aside, and cuts it off; undefined if the file ends with a newline, or is empty. */
export function* cutTornEnd(
  locked: Locked,
  { fd, status: { size } }: { readonly fd: number; readonly status: FileStatus },
): Steps<Cut | undefined> {
  const start = yield* endOfLastLine(fd, size);
  if (start === size) return undefined;
  const { operation, target } = locked;
  const { directory, directoryPath, name } = target;
  const kept = newName(operation, name, 'recovery');
  const [accessPath, path] = [join(directory.accessPath, kept), join(directoryPath, kept)];
  yield* keepEnd(locked, fd, start, size, accessPath);
  let isAsked = false;
  try {
    if (operation.settings.durability !== 'off') yield* syncDirectory(operation, directory);
    yield* assertComplete(locked, fd, size);
    isAsked = true;
    yield* call.ftruncate(fd, start);
  } catch (error) {
    if (!isAsked || (directory.own && (yield* hasSize(fd, size)))) yield* afterFailure(call.unlink(accessPath));
    else operation.recoveryPath = path;
    throw error;
  }
  return { start, path, bytes: size - start };
}

/** Whether a cut that failed did not take place. The server of a file may do it later, so this says nothing of one. */
function* hasSize(fd: number, size: number): Steps<boolean> {
  try {
    return (yield* call.fstat(fd)).size === size;
  } catch {
    return false;
  }
}

/** The position after the last newline. */
function* endOfLastLine(fd: number, size: number): Steps<number> {
  const last = Buffer.alloc(1);
  if (size === 0) return 0;
  yield* readAll(fd, last, size - 1);
  if (last[0] === newline) return size;
  const buffer = Buffer.alloc(Math.min(piece, size));
  for (let end = size; end > 0;) {
    const some = buffer.subarray(0, Math.min(end, piece));
    yield* readAll(fd, some, end - some.length);
    const found = some.lastIndexOf(newline);
    if (found !== -1) return end - some.length + found + 1;
    end -= some.length;
  }
  return 0;
}

/** Fills the buffer. */
function* readAll(fd: number, buffer: Uint8Array, position: number): Steps<void> {
  for (let filled = 0; filled < buffer.length;) {
    const count = yield* call.read(fd, buffer.subarray(filled), position + filled);
    if (count === 0) throw refusal('ERR_VERSION_CONFLICT', 'somebody who does not take its lock has shortened it');
    filled += count;
  }
}

/**
 * Copies the end to a new file, which gets a name that no sweep removes when it is whole, and synced if that is asked
 * for. Before that it is a temporary file.
 */
function* keepEnd(
  { operation, target }: Locked,
  fd: number,
  start: number,
  size: number,
  accessPath: PathName,
): Steps<void> {
  const temporary = yield* createTemporary(operation, target, target.name, { mode: 0o600 });
  try {
    const buffer = Buffer.alloc(Math.min(piece, size - start));
    for (let position = start; position < size; position += buffer.length) {
      const some = buffer.subarray(0, Math.min(buffer.length, size - position));
      yield* readAll(fd, some, position);
      yield* writeAll(operation, temporary.fd, some);
    }
    if (operation.settings.durability !== 'off') yield* syncTemporary(operation, temporary);
    yield* closeTemporary(temporary);
    yield* call.rename(temporary.accessPath, accessPath);
    forgetTemporary(temporary);
  } catch (error) {
    yield* discardTemporary(temporary);
    // A network filesystem may report an error for a rename that took place.
    if (!temporary.open) yield* afterFailure(call.unlink(accessPath));
    throw error;
  }
}

/** The last step before the cut: whoever has the lock by now, or does not take it, may have written more. */
function* assertComplete({ lock }: Locked, fd: number, size: number): Steps<void> {
  yield* assertHeld(lock);
  if ((yield* call.fstat(fd)).size !== size)
    throw refusal('ERR_VERSION_CONFLICT', 'somebody who does not take its lock is writing to it');
}
