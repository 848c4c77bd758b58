/** New directories of which the umask has taken rights from their owner. */
import { codeOf, join, type PathName } from '../contract/index.ts';
import { O_HOLD, call, type Steps } from '../system/index.ts';
import type { Folder } from './folder.ts';
import type { Operation } from './operation.ts';
import { closeFound, isOwn, openFound, type FoundDirectory } from './owned.ts';
import { afterFailure } from './tolerate.ts';

const own = 0o700;

/** Opens one; undefined if it no longer exists. */
export function* openMade(operation: Operation, folder: Folder, name: PathName): Steps<FoundDirectory | undefined> {
  const made = yield* widened(operation, join(folder.directory.accessPath, name), () =>
    openFound(operation, folder, name),
  );
  if (made?.fd === undefined || (made.status.mode & own) === own || !isOwn(operation, made.status)) return made;
  try {
    // A filesystem may have no modes.
    yield* afterFailure(call.fchmod(made.fd, (made.status.mode & 0o7777) | own));
    return { ...made, status: yield* call.fstat(made.fd) };
  } catch (error) {
    yield* afterFailure(closeFound(made));
    throw error;
  }
}

/** Performs steps for which its owner must be able to open it. If the owner may not, the rights are first widened. */
export function* widened<T>(operation: Operation, accessPath: PathName, steps: () => Steps<T>): Steps<T> {
  try {
    return yield* steps();
  } catch (error) {
    if (codeOf(error) !== 'EACCES' || !isNarrow(operation) || !(yield* widen(operation, accessPath))) throw error;
  }
  return yield* steps();
}

/** Whether the owner of a new directory would lack rights in it. */
export function isNarrow({ environment }: Operation): boolean {
  return (environment.umask() & own) !== 0;
}

function* widen(operation: Operation, accessPath: PathName): Steps<boolean> {
  if (O_HOLD === 0) return false;
  const fd = yield* call.open(accessPath, O_HOLD, 0);
  try {
    const status = yield* call.fstat(fd);
    const held = operation.environment.accessPath(fd, accessPath);
    if (held === accessPath || !isOwn(operation, status)) return false;
    yield* call.chmod(held, (status.mode & 0o7777) | own);
    return true;
  } finally {
    yield* call.close(fd);
  }
}
