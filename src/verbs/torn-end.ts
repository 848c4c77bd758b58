/** The end of a file that a crash has torn: the bytes after the last newline. They are kept in a file beside it. */
import { join, refusal, type PathName } from '../contract/index.ts';
import { call, O_NEW, type FileStatus, type Steps } from '../system/index.ts';
import {
  afterFailure,
  newName,
  syncDirectory,
  syncFile,
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
  const path = yield* keepEnd(locked, fd, start, size);
  yield* call.ftruncate(fd, start);
  return { start, path, bytes: size - start };
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

/** Copies the end to a new file that no sweep removes, durably; returns its path. None is left if it must not be cut. */
function* keepEnd(locked: Locked, fd: number, start: number, size: number): Steps<PathName> {
  const { operation, target } = locked;
  const { directory, directoryPath, name } = target;
  const kept = newName(operation, name, 'recovery');
  const accessPath = join(directory.accessPath, kept);
  const to = yield* call.open(accessPath, O_NEW, 0o600);
  try {
    try {
      const buffer = Buffer.alloc(Math.min(piece, size - start));
      for (let position = start; position < size; position += buffer.length) {
        const some = buffer.subarray(0, Math.min(buffer.length, size - position));
        yield* readAll(fd, some, position);
        yield* writeAll(operation, to, some);
      }
      if (operation.settings.durability !== 'off') yield* syncFile(operation, to);
    } finally {
      yield* call.close(to);
    }
    if (operation.settings.durability !== 'off') yield* syncDirectory(operation, directory);
    yield* assertComplete(locked, fd, size);
  } catch (error) {
    yield* afterFailure(call.unlink(accessPath));
    throw error;
  }
  return join(directoryPath, kept);
}

/** The last step before the cut: whoever has the lock by now, or does not take it, may have written more. */
function* assertComplete({ lock }: Locked, fd: number, size: number): Steps<void> {
  yield* assertHeld(lock);
  if ((yield* call.fstat(fd)).size !== size)
    throw refusal('ERR_VERSION_CONFLICT', 'somebody who does not take its lock is writing to it');
}
