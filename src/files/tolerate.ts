/** Steps whose failure is expected: after another error, or where there may be nothing. */
import { codeOf, type PathName } from '../contract/index.ts';
import { call, type FileStatus, type Steps } from '../system/index.ts';
import { lookAt } from './look.ts';

/**
 * Performs steps after an error that they must not hide, and says whether they succeeded. A file that is gone already
 * counts as removed.
 */
export function* afterFailure(steps: Steps<unknown>): Steps<boolean> {
  try {
    yield* steps;
    return true;
  } catch (error) {
    return codeOf(error) === 'ENOENT';
  }
}

/** The same, with a second try if they failed: the obstacle may have passed, and nobody else does it before a sweep. */
export function* twice(steps: () => Steps<unknown>): Steps<boolean> {
  return (yield* afterFailure(steps())) || (yield* afterFailure(steps()));
}

/** Removes a name, if it exists. A filesystem may report an error for a removal that took place. */
export function* unlinkIfThere(accessPath: PathName): Steps<void> {
  try {
    yield* call.unlink(accessPath);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' && !(yield* isGone(accessPath))) throw error;
  }
}

function* isGone(accessPath: PathName): Steps<boolean> {
  try {
    return (yield* lookAt({ accessPath })) === undefined;
  } catch {
    return false; // The first error is the one that counts.
  }
}

/** The result of a look; undefined if there is nothing. */
export function* ifThere(look: Steps<FileStatus>): Steps<FileStatus | undefined> {
  try {
    return yield* look;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
