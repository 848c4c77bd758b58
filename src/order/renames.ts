/** Renames that are under way in other threads of this process. A synchronous write cannot wait for them. */
import { codeOf, type PathName } from '../contract/index.ts';
import { call, type Steps } from '../system/index.ts';
import { whileBusy, type Operation } from '../files/index.ts';

/** A rename, or for `overwrite: false` a link, that is under way in another thread. */
export interface RenameUnderWay {
  /** The number of the call. */
  readonly number: number;
  readonly temporary: PathName;
  /** The target, through the same directory: another path may lead through another mount. */
  readonly target: PathName;
  /** The descriptor of a temporary file that has no name. */
  readonly nameless: number | undefined;
  readonly overwrite: boolean;
  /** Whether the call has been made. */
  tried: boolean;
  /** Whether a synchronous write has finished it. */
  finished: boolean;
}

/**
 * Performs a rename that is under way in another thread: then it is done, whichever thread was first, and cannot come
 * later.
 */
export function* finishRename(operation: Operation, other: RenameUnderWay): Steps<void> {
  try {
    yield* whileBusy(operation, () =>
      other.overwrite
        ? call.rename(other.temporary, other.target)
        : other.nameless === undefined
          ? call.link(other.temporary, other.target)
          : call.linkOpen(other.nameless, other.target),
    );
    other.finished = true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT')
      other.finished = true; // It has just been renamed.
    else if (codeOf(error) === 'EEXIST') other.finished = yield* isSame(other);
    else throw error;
  }
}

function* isSame({ nameless, temporary, target }: RenameUnderWay): Steps<boolean> {
  const one = yield* nameless === undefined ? call.lstat(temporary) : call.fstat(nameless);
  const two = yield* call.lstat(target);
  return one.ino === two.ino && one.dev === two.dev;
}
