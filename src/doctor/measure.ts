/**
 * Tries what cannot be told beforehand: one durable write, a lock, and the metadata of the file.
 *
 * Promise: the file itself is not touched. The file that is written has the name of a temporary one, so that a sweep
 * removes it if this process is killed, and it is gone at the end.
 */
import { codeOf, join, type NotKept, type PathName } from '../contract/index.ts';
import { now, type Steps } from '../system/index.ts';
import {
  afterFailure,
  newLockedOperation,
  newName,
  newOperation,
  readOptions,
  type Target,
  unlinkIfThere,
  type Operation,
} from '../files/index.ts';
import { Turn } from '../order/index.ts';
import { createStaged, finishTemporary, giveUp, replaceFile, stage, updateTarget } from '../replace/index.ts';
import type { Measured } from './inspection.ts';

/** Bytes of the file that is written. */
const size = 4096;

export interface Attempt {
  readonly measured: Measured | undefined;
  readonly lockable: boolean;
  /** Why no lock can be had, or why the write failed. */
  readonly failure: unknown;
  readonly notKept: readonly NotKept[] | undefined;
}

/** `existing`: the file whose metadata is to be kept. */
export function* attempt(
  { environment, blocking, settings: { signal } }: Operation,
  folder: PathName,
  existing: PathName | undefined,
): Steps<Attempt> {
  // What is not safe here has been told; a lock is refused all the same.
  const settings = readOptions({ signal, linger: false, filesystem: 'any' });
  const to = (path: PathName): Operation => newOperation({ path, given: path }, settings, environment, blocking);
  const path = join(folder, newName(to(folder), 'doctor', 'temporary'));
  const guard = environment.guard('file', path);
  let measured: Measured | undefined;
  let isLocked = false;
  let failure: unknown;
  try {
    guard.opened();
    const write = (operation: Operation) =>
      replaceFile(operation, new Turn(operation), { kind: 'bytes', bytes: new Uint8Array(size) });
    yield* write(to(path));
    const began = now();
    const { durable } = yield* write(to(path));
    measured = { milliseconds: now() - began, durable };
    const locked = newLockedOperation(
      { path, given: path },
      { ...settings, filesystem: 'safe' },
      environment,
      blocking,
    );
    // oxlint-disable-next-line require-yield -- it stands where an update changes the content
    yield* updateTarget(locked, new Turn(locked), function* () {
      return { content: undefined };
    });
    isLocked = true;
  } catch (error) {
    if (codeOf(error) === 'ABORT_ERR') throw error;
    failure = error;
  } finally {
    yield* afterFailure(unlinkIfThere(path));
    guard.release();
  }
  const notKept = existing === undefined || measured === undefined ? undefined : yield* metadataOf(to(existing));
  return { measured, lockable: isLocked, failure, notKept };
}

/** What of the metadata a temporary file beside it could not be given; undefined if that failed. */
function* metadataOf(operation: Operation): Steps<readonly NotKept[] | undefined> {
  try {
    // It gets the mode that a file with content gets.
    const create = (one: Operation, target: Target) => createStaged(one, target, new Uint8Array());
    const staged = yield* stage(operation, create);
    try {
      return yield* finishTemporary(operation, staged.target, staged.temporary);
    } finally {
      yield* giveUp(operation, staged, false);
    }
  } catch {
    return undefined; // The write has told why.
  }
}
