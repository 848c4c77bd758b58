import { call, lastChange, type Steps } from '../system/index.ts';
import type { Folder } from './folder.ts';
import type { Operation } from './operation.ts';
import { createTemporary, discardTemporary } from './temporary.ts';

/**
 * What time it is by the filesystem, as a new file tells: this machine's clock may be another one than that by which the
 * files there were changed, and may be wrong. Undefined where no file can be created: the age of none is known then.
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
    return undefined; // As in a directory that may be read only.
  }
}
