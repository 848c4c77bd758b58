/** One change of a transaction before its commit, and the checks when its files are examined again. */
import { refusal, type NotKept, type PathName } from '../contract/index.ts';
import { O_TO_SYNC, type GivenPath, call, type FileStatus, type Steps } from '../system/index.ts';
import { type Operation, type Target, examineTemporary, statusOf, type TemporaryFile } from '../files/index.ts';
import { finishTemporary, openSame } from '../replace/index.ts';

interface Common {
  readonly operation: Operation;
  readonly place: Target;
}

/** New content. */
export interface Put extends Common {
  readonly kind: 'put';
  temporary: TemporaryFile;
  readonly bytes: number;
  notKept: NotKept[];
}

export interface Removal extends Common {
  readonly kind: 'remove';
}

export interface Renaming extends Common {
  readonly kind: 'rename';
  /** The new name, and its settings. */
  readonly to: Target;
  readonly toWrite: Operation;
}

export type DraftChange = Put | Removal | Renaming;

/** The files of a change: for a new name, the old one too. */
export function filesOf(change: DraftChange): (GivenPath & { readonly place: Target })[] {
  const files = [{ ...change.operation, place: change.place }];
  return change.kind === 'rename'
    ? [...files, { path: change.toWrite.path, given: change.toWrite.dest as PathName, place: change.to }]
    : files;
}

/** Whether a file is the same as before, with nothing about it changed. */
export function isUnchanged(before: FileStatus | undefined, now: FileStatus | undefined): boolean {
  return before?.ino === now?.ino && before?.ctimeNs === now?.ctimeNs;
}

/** Sets the metadata again, since the file to be replaced is another one by now. */
export function* restage(change: Put): Steps<void> {
  const { operation, place: target } = change;
  // For reading: its mode may be that of a file that its owner may not write.
  const fd = yield* openSame(change.temporary.accessPath, statusOf(change.temporary), O_TO_SYNC);
  const again: TemporaryFile = {
    ...change.temporary,
    fd,
    open: true,
    // Its metadata is not that of a new file any more.
    status: undefined,
    attributes: undefined,
    private: change.temporary.private || target.existing !== undefined,
  };
  change.temporary = again;
  yield* examineTemporary(operation, target, again);
  again.status ??= yield* call.fstat(fd);
  change.notKept = yield* finishTemporary(operation, target, again);
}

export function missing(): Error {
  return refusal('ENOENT', 'there is no such file');
}
