/**
 * Writing into the target, for files that cannot be replaced: bind-mounted ones (rename(2) fails with EBUSY), and ones
 * in a directory that is not writable.
 *
 * Promise: it is not atomic, and readers may see a mixture; but nothing is lost. Before the first byte changes, the old
 * content is whole and synced in a recovery file (`untorn-r-…`), and so is the new content in the temporary file. A
 * failure puts the old content back. A crash leaves the recovery file, which no sweep removes.
 */
import { codeOf, refusal, display, join, type PathName, type NotKept } from '../contract/index.ts';
import { fileType, O_NEW, O_NOFOLLOW, O_RDONLY, O_RDWR, call, type FileStatus, type Steps } from '../system/index.ts';
import {
  copyContent,
  openDirectory,
  syncDirectory,
  type Directory,
  type Folder,
  type Operation,
  makeNoted,
  syncParents,
  preserving,
  type Settings,
  syncFile,
  assertStillThere,
  type Target,
  newName,
  statusOf,
  type TemporaryFile,
  afterFailure,
  unlinkIfThere,
} from '../files/index.ts';

/** The privileges of an executable; the kernel removes them when the file is written. */
const capability = 'security.capability';

/** A folder for copies if the target's own is not writable: the user's state directory, or one in the system's. */
export function* openStateFolder(operation: Operation): Steps<Folder & { readonly directory: Directory }> {
  let problem: unknown;
  for (const path of operation.environment.stateDirectories()) {
    try {
      yield* makePrivate(operation, path);
      return { directory: yield* openDirectory(operation, path), directoryPath: path };
    } catch (error) {
      problem = error;
    }
  }
  throw problem;
}

/** Makes a directory for this user alone, or checks that it is one. */
function* makePrivate(operation: Operation, path: PathName): Steps<void> {
  try {
    yield* makeNoted(operation, path, 0o700);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
  const status = yield* call.lstat(path);
  const { uid, platform } = operation.environment;
  if (
    fileType(status.mode) !== 'directory' ||
    (platform !== 'win32' && (status.uid !== uid || (status.mode & 0o077) !== 0))
  ) {
    throw refusal('EPERM', `"${display(path)}" is not a private directory of this user`);
  }
}

/** Overwrites the target with the content of the temporary file; the recovery file goes into `folder`. */
export function* writeInPlace(
  operation: Operation,
  target: Target,
  temporary: TemporaryFile,
  folder: Folder & { readonly directory: Directory },
): Steps<NotKept[]> {
  yield* assertStillThere(operation, target);
  refuseToLose(operation, target);
  const fresh = yield* openSame(temporary.accessPath, statusOf(temporary));
  try {
    const fd = yield* openSame(target.accessPath, target.existing, O_RDWR);
    try {
      const recovery = yield* keepOld(operation, target, fd, folder);
      const notKept: NotKept[] = mayHaveCapability(target) ? ['xattr'] : [];
      yield* overwrite(operation, target, fresh, fd, recovery, notKept);
      yield* unlinkIfThere(recovery.accessPath);
      operation.recoveryPath = undefined;
      return notKept;
    } finally {
      yield* call.close(fd);
    }
  } finally {
    yield* call.close(fresh);
  }
}

/** Whether the old file has a capability, or nothing can tell whether it has one. */
function mayHaveCapability({ attributes }: Target): boolean {
  return typeof attributes === 'string' || attributes?.includes(capability) === true;
}

/** Refuses to lose attributes that would go with the old content, before anything is written. */
function refuseToLose({ settings: { preserve, mode }, environment: { uid } }: Operation, target: Target): void {
  const { existing } = target;
  if (mayHaveCapability(target) && preserve.xattr === 'require')
    throw refusal('EPERM', `"${capability}" would be lost with the old content`);
  const hasSetIds = existing !== undefined && (existing.mode & 0o6000) !== 0;
  if (hasSetIds && mode === undefined && preserve.mode === 'require' && uid !== 0 && uid !== existing.uid)
    throw refusal('EPERM', 'the set-id bits would be lost with the old content');
}

/** Opens a file that must still be the examined one. */
export function* openSame(
  accessPath: PathName,
  status: FileStatus | undefined,
  flags: number = O_RDONLY,
): Steps<number> {
  const fd = yield* call.open(accessPath, flags | O_NOFOLLOW, 0);
  try {
    const found = yield* call.fstat(fd);
    if (found.ino === status?.ino && found.dev === status.dev) return fd;
    throw refusal('EAGAIN', 'another file has taken its place meanwhile');
  } catch (error) {
    yield* afterFailure(call.close(fd));
    throw error;
  }
}

interface Recovery {
  readonly accessPath: PathName;
  readonly path: PathName;
}

/** Copies the old content to a file of its own and syncs that; only its final name says that it is whole. */
function* keepOld(
  operation: Operation,
  target: Target,
  fd: number,
  folder: Folder & { readonly directory: Directory },
): Steps<Recovery> {
  const started = join(folder.directory.accessPath, newName(operation, target.name, 'temporary'));
  const name = newName(operation, target.name, 'recovery');
  const accessPath = join(folder.directory.accessPath, name);
  const copy = yield* call.open(started, O_NEW, 0o600);
  try {
    try {
      yield* copyContent(fd, copy);
      yield* syncFile(operation, copy);
    } finally {
      yield* call.close(copy);
    }
    yield* call.rename(started, accessPath);
    const atOnce = { ...operation, blocking: true };
    yield* syncDirectory(atOnce, folder.directory);
    // The state directory may be new: a crash could then take it away with all its contents.
    yield* syncParents(atOnce, folder);
  } catch (error) {
    // The target is unchanged. A rename that reported a failure may have taken place.
    for (const path of [started, accessPath]) yield* afterFailure(call.unlink(path));
    throw error;
  }
  return { accessPath, path: join(folder.directoryPath, name) };
}

function* overwrite(
  operation: Operation,
  target: Target,
  fresh: number,
  fd: number,
  recovery: Recovery,
  notKept: NotKept[],
): Steps<void> {
  operation.outcome = 'unknown';
  operation.recoveryPath = recovery.path;
  try {
    yield* copyInto(operation, target, fresh, fd, operation.settings, notKept);
    operation.outcome = 'new';
  } catch (error) {
    yield* putBack(operation, target, fd, recovery, error);
    throw error;
  }
}

/** The rights to the file that are to change; the others stay. */
type Access = Pick<Settings, 'mode' | 'uid' | 'gid'>;

/**
 * Copies a whole file over another one, whose writing position is at its start. Rights are taken before the content is
 * written and given after it.
 */
function* copyInto(
  operation: Operation,
  { existing }: Target,
  from: number,
  fd: number,
  { mode, uid, gid }: Access,
  notKept: NotKept[],
): Steps<void> {
  const { settings } = operation;
  if (settings.mode !== undefined && existing !== undefined)
    yield* call.fchmod(fd, existing.mode & settings.mode & 0o777);
  const size = yield* copyContent(from, fd);
  yield* call.ftruncate(fd, size);
  if (uid !== undefined || gid !== undefined) yield* call.fchown(fd, uid ?? -1, gid ?? -1);
  if (mode !== undefined) yield* call.fchmod(fd, mode);
  if (uid !== undefined || gid !== undefined || mode !== undefined)
    yield* assertAccess(operation, fd, { mode, uid, gid });
  if (mode === undefined && existing !== undefined) yield* keepSetIds(operation, fd, existing, notKept);
  yield* syncFile(operation, fd);
}

/** A change of the mode or the owner may succeed without effect. */
function* assertAccess({ environment }: Operation, fd: number, { mode, uid, gid }: Access): Steps<void> {
  if (environment.platform === 'win32') return;
  const now = yield* call.fstat(fd);
  const isSet =
    (mode ?? now.mode & 0o7777) === (now.mode & 0o7777) && (uid ?? now.uid) === now.uid && (gid ?? now.gid) === now.gid;
  if (!isSet) throw refusal('EPERM', 'the file cannot have this mode or owner here');
}

/** The kernel removes set-id bits from a file that is written. They are given back to the same owner and group. */
function* keepSetIds({ settings }: Operation, fd: number, existing: FileStatus, notKept: NotKept[]): Steps<void> {
  const mode = existing.mode & 0o7777;
  if ((mode & 0o6000) === 0 || settings.preserve.mode === 'off') return;
  function* giveBack(): Steps<void> {
    const before = yield* call.fstat(fd);
    if (before.uid === existing.uid && before.gid === existing.gid && (before.mode & 0o7777) !== mode)
      yield* call.fchmod(fd, mode);
    if (((yield* call.fstat(fd)).mode & 0o7777) !== mode)
      throw refusal('EPERM', 'the set-id bits were lost with the old content');
  }
  yield* preserving(settings.preserve.mode, giveBack(), 'mode', notKept);
}

/** The previous rights of the file, as far as the write was to change them. */
function accessBefore({ settings }: Operation, { existing }: Target): Access {
  return {
    mode: settings.mode === undefined || existing === undefined ? undefined : existing.mode & 0o7777,
    uid: settings.uid === undefined ? undefined : existing?.uid,
    gid: settings.gid === undefined ? undefined : existing?.gid,
  };
}

function* putBack(operation: Operation, target: Target, fd: number, recovery: Recovery, cause: unknown): Steps<void> {
  try {
    const old = yield* call.open(recovery.accessPath, O_RDONLY | O_NOFOLLOW, 0);
    try {
      const again = yield* openSame(target.accessPath, yield* call.fstat(fd), O_RDWR);
      try {
        yield* copyInto(operation, target, old, again, accessBefore(operation, target), []);
      } finally {
        yield* call.close(again);
      }
    } finally {
      yield* call.close(old);
    }
  } catch (error) {
    // Both causes matter: why it was not written, and why it could not be undone.
    // oxlint-disable-next-line preserve-caught-error -- it is one of the errors
    throw new AggregateError(
      [cause, error],
      `${String(cause)}; and the old content could not be put back: ${String(error)}`,
    );
  }
  operation.outcome = 'old';
  operation.recoveryPath = undefined;
  yield* afterFailure(call.unlink(recovery.accessPath));
}
