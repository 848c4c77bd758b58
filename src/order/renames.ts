/** Renames that other threads of this process are at, for synchronous writes, which cannot wait for them. */
import { codeOf, type PathName } from '../contract/index.ts';
import { call, type Steps } from '../system/index.ts';
import { whileBusy, type Operation, type Target } from '../files/index.ts';

/** A rename, or to create only a link, that another thread is at. */
export interface RenameUnderWay {
  /** That of the call. */
  readonly number: number;
  readonly temporary: PathName;
  readonly overwrite: boolean;
  /** Whether the call has been made. */
  tried: boolean;
  /** Whether a synchronous write made sure that it is done. */
  finished: boolean;
}

/** Does a rename that another thread is at: then it is done, whoever was first, and cannot come later. */
export function* finishRename(operation: Operation, target: Target, other: RenameUnderWay): Steps<void> {
  try {
    yield* whileBusy(operation, () =>
      other.overwrite ? call.rename(other.temporary, target.accessPath) : call.link(other.temporary, target.accessPath),
    );
    other.finished = true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT')
      other.finished = true; // It has just been renamed.
    else if (codeOf(error) === 'EEXIST') other.finished = yield* isSame(other.temporary, target.accessPath);
    else throw error;
  }
}

function* isSame(path: PathName, other: PathName): Steps<boolean> {
  const [one, two] = [yield* call.lstat(path), yield* call.lstat(other)];
  return one.ino === two.ino && one.dev === two.dev;
}
