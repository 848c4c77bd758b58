/** Appending to a file under its lock: the torn end of a crash first, then the data, and back if that fails. */
import { codeOf, refusal, type PathName } from '../contract/index.ts';
import {
  call,
  fileType,
  O_APPENDING,
  O_NEW_APPENDING,
  whenDescriptorsAllow,
  type FileStatus,
  type Steps,
} from '../system/index.ts';
import {
  afterFailure,
  during,
  isSameInode,
  lookAt,
  syncFile,
  throwIfAborted,
  writeAll,
  type LockedOperation,
  type Target,
} from '../files/index.ts';
import { assertHeld, type Lock } from '../lock/index.ts';
import { commitName, confirmDone, type Name } from './name.ts';
import { cutTornEnd } from './torn-end.ts';

/** The end of a file without a newline, which was cut off and is kept in another file. */
export interface TornEnd {
  readonly path: PathName;
  readonly bytes: number;
}

/** What appending did. */
export interface AppendResult {
  /** The file, symbolic links followed. */
  readonly path: PathName;
  /** How many bytes were appended. */
  readonly bytes: number;
  /** Whether the file was made for them. */
  readonly created: boolean;
  /** The torn end that was cut off before, if there was one. */
  readonly torn: TornEnd | undefined;
  /** Whether they survive a power cut: confirmed, not asked for, or impossible on this filesystem. */
  readonly durable: boolean | 'unsupported';
}

/** The name of a file, whose lock is held. */
export interface Place extends Name {
  readonly operation: LockedOperation;
  readonly lock: Lock;
}

/** The open file. */
interface Log {
  readonly fd: number;
  readonly status: FileStatus;
  readonly created: boolean;
}

export function* appendTo(
  name: Name & { readonly operation: LockedOperation },
  lock: Lock,
  bytes: Uint8Array,
): Steps<AppendResult> {
  const { operation, target } = name;
  const place = { ...name, lock };
  const log = yield* during(
    operation,
    'resolve',
    whenDescriptorsAllow(operation, () => openLog(operation, target)),
  );
  let torn;
  let isOpen = true;
  try {
    torn = yield* during(operation, 'cut', cutTornEnd(place, log));
    operation.recoveryPath = torn?.path;
    yield* appendOrGoBack(place, log, torn === undefined ? log.status.size : torn.start, bytes);
    isOpen = false;
    yield* during(operation, 'close', call.close(log.fd));
    yield* during(operation, 'rename', assertStillThere(target, log));
  } catch (error) {
    if (isOpen) yield* afterFailure(call.close(log.fd));
    else operation.outcome = 'unknown';
    throw error;
  }
  commitName(place);
  const durable = yield* confirmDone(place);
  return {
    path: operation.path,
    bytes: bytes.byteLength,
    created: log.created,
    torn: torn && { path: torn.path, bytes: torn.bytes },
    durable: durable === true && operation.unsynced === true ? 'unsupported' : durable,
  };
}

/** Opens the file, or makes it. */
function* openLog(operation: LockedOperation, { accessPath }: Target): Steps<Log> {
  for (let tries = 1; ; tries++) {
    try {
      return yield* examined(operation, accessPath, yield* call.open(accessPath, O_APPENDING, 0), false);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
    try {
      const { mode } = operation.settings;
      return yield* examined(operation, accessPath, yield* call.open(accessPath, O_NEW_APPENDING, mode ?? 0o666), true);
    } catch (error) {
      // Somebody has just made it.
      if (codeOf(error) !== 'EEXIST' || tries === 10) throw error;
    }
  }
}

function* examined(
  { settings, environment }: LockedOperation,
  accessPath: PathName,
  fd: number,
  created: boolean,
): Steps<Log> {
  try {
    if (created && settings.mode !== undefined && environment.platform !== 'win32')
      yield* call.fchmod(fd, settings.mode);
    const status = yield* call.fstat(fd);
    if (fileType(status.mode) !== 'file') throw refusal('EINVAL', 'it is not a regular file');
    return { fd, status, created };
  } catch (error) {
    yield* afterFailure(call.close(fd));
    if (created) yield* afterFailure(call.unlink(accessPath));
    throw error;
  }
}

/** Appends and syncs. A failure takes back what was written. */
function* appendOrGoBack(place: Place, log: Log, size: number, bytes: Uint8Array): Steps<void> {
  const { operation, lock } = place;
  let written = 0;
  try {
    throwIfAborted(operation, 'write');
    yield* during(
      operation,
      'write',
      writeAll(operation, log.fd, bytes, (count) => (written += count)),
    );
    if ((yield* call.fstat(log.fd)).size !== size + written) yield* during(operation, 'write', assertHeld(lock));
    if (operation.settings.durability !== 'off') yield* during(operation, 'sync', syncFile(operation, log.fd));
  } catch (error) {
    if (!(yield* isTakenBack(place, log, size, written))) operation.outcome = 'unknown';
    throw error;
  }
}

/** Takes back what was written, if nobody else has written since. */
function* isTakenBack(
  { target, lock }: Place,
  { fd, created, status }: Log,
  size: number,
  written: number,
): Steps<boolean> {
  try {
    yield* assertHeld(lock);
    if ((yield* call.fstat(fd)).size !== size + written) return false;
    if (written > 0) yield* call.ftruncate(fd, size);
    if (created && isSameInode(yield* lookAt(target), status)) yield* call.unlink(target.accessPath);
    return true;
  } catch {
    return false;
  }
}

/** Fails if the path leads to another file by now: whoever reads it does not find what was appended. */
function* assertStillThere(target: Target, { status }: Log): Steps<void> {
  if (!isSameInode(yield* lookAt(target), status))
    throw refusal('ERR_VERSION_CONFLICT', 'somebody replaced or renamed it meanwhile; the data is in the old file');
}
