import { call, lastChange, type Steps } from '../system/index.ts';
import type { Folder } from './folder.ts';
import type { Operation } from './operation.ts';
import { createTemporary, discardTemporary } from './temporary.ts';

/**
 * The time of the filesystem, from a new file. This machine's clock may differ from the clock that sets the times of
 * files there, and may be wrong. Undefined if no file can be created: the ages are unknown then.
 */
export function* timeIn(operation: Operation, folder: Folder): Steps<bigint | undefined> {
  try {
    const temporary = yield* createTemporary(operation, folder, 'clock', { mode: 0o600 });
    try {
      return lastChange(yield* call.fstat(temporary.fd));
    } finally {
      yield* discardTemporary(temporary);
    }
  } catch {
    return undefined; // For example in a directory that may only be read.
  }
}
