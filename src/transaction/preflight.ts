/** Finds out before the commit what would make a promised rename or removal fail. */
import { codeOf, refusal, join, type PathName } from '../contract/index.ts';
import { O_NEW, O_NOFOLLOW, O_RDWR, call, type Steps } from '../system/index.ts';
import {
  type Operation,
  type OpenFolder,
  lookAt,
  refuseReadOnly,
  type Target,
  closeTemporary,
  createTemporary,
  discardTemporary,
  newName,
  type TemporaryFile,
  afterFailure,
} from '../files/index.ts';

/** Fails if this process can be seen not to be allowed to replace or remove the name. */
export function* refuseImmovable(operation: Operation, target: Target): Steps<void> {
  const { existing, directory } = target;
  const { platform, uid } = operation.environment;
  if (existing === undefined) return;
  refuseReadOnly(operation, target);
  if (platform === 'win32') return;
  const sticky = (directory.status.mode & 0o1000) !== 0;
  if (sticky && uid !== 0 && uid !== existing.uid && uid !== directory.status.uid)
    throw refusal('EPERM', "it is another user's in a sticky directory");
  // A file that is mounted by itself (as containers do) cannot be renamed over; nor can it be linked into its
  // directory.
  const name = newName(operation, target.name, 'temporary');
  const probe = join(directory.accessPath, name);
  const guard = operation.environment.guard('file', probe, join(target.directoryPath, name));
  try {
    yield* call.link(target.accessPath, probe);
    guard.opened();
  } catch (error) {
    // A network filesystem may report an error for a removal that took place.
    if (yield* afterFailure(call.unlink(probe))) guard.release();
    if (codeOf(error) === 'EXDEV')
      throw refusal('EBUSY', 'it is mounted by itself, and cannot be replaced; mount its directory instead');
    if (codeOf(error) === 'EPERM') yield* refuseImmutable(target);
    return;
  }
  // Twice: the first obstacle may have passed.
  if (!(yield* afterFailure(call.unlink(probe)))) yield* call.unlink(probe);
  guard.release();
}

/**
 * A user who may not link a file may often rename it. EPERM for an open too means that it is immutable or append-only.
 */
function* refuseImmutable({ accessPath }: Target): Steps<void> {
  let fd;
  try {
    fd = yield* call.open(accessPath, O_RDWR | O_NOFOLLOW, 0);
  } catch (error) {
    if (codeOf(error) === 'EPERM') throw refusal('EPERM', 'it is immutable or append-only');
    return;
  }
  yield* call.close(fd);
}

/** Fails on a filesystem that does not rename over files, as some servers do not; the kernel's own filesystems do. */
export function* refuseWithoutReplacing(operation: Operation, folder: OpenFolder, name: PathName): Steps<void> {
  if (folder.directory.own || folder.directory.syncsDirectories) return;
  const made: TemporaryFile[] = [];
  try {
    while (made.length < 2) {
      const file = yield* createTemporary(operation, folder, name, { mode: 0o600 });
      made.push(file);
      yield* closeTemporary(file);
    }
    yield* replace(made as [TemporaryFile, TemporaryFile]);
  } finally {
    for (const file of made) yield* discardTemporary(file);
  }
}

function* replace([from, to]: readonly [TemporaryFile, TemporaryFile]): Steps<void> {
  try {
    yield* call.rename(from.accessPath, to.accessPath);
  } catch (error) {
    // A network filesystem may report an error for a rename that took place.
    if ((yield* lookAt(from)) !== undefined) throw error;
  }
}

/**
 * Fails if a name is too long for its filesystem, which some filesystems report only for a file that is made. If the
 * name is longer than that of its staged file, a file with a name of as many bytes is made.
 */
export function* refuseLongName(
  operation: Operation,
  { directory, directoryPath, name, existing }: Target,
  staged: PathName,
): Steps<void> {
  const missing = Buffer.byteLength(name) - Buffer.byteLength(staged);
  if (existing !== undefined || missing <= 0) return;
  const probe = `.${operation.environment.token('temporary')}`.padEnd(Buffer.byteLength(name), 'x');
  const accessPath = join(directory.accessPath, probe);
  const guard = operation.environment.guard('file', accessPath, join(directoryPath, probe));
  guard.opened();
  try {
    yield* call.close(yield* call.open(accessPath, O_NEW, 0o600));
  } finally {
    if (yield* afterFailure(call.unlink(accessPath))) guard.release();
  }
}
