import { call, lastChange, type Mount, type Steps } from '../system/index.ts';
import { filesystemAt } from './filesystems.ts';
import type { Folder } from './folder.ts';
import type { Operation } from './operation.ts';
import { createTemporary, discardTemporary } from './temporary.ts';

/** Whether something that had its last change at a time is too young to count as left. */
export type IsYoung = (lastChangeNs: bigint) => boolean;

/** The age in milliseconds from which something counts as left, if the caller gives none: a day. */
const usualAge = 86_400_000;

/**
 * The time of the filesystem, from a new file. This machine's clock may differ from the clock that sets the times of
 * files there, and may be wrong. Undefined if no file can be created: the ages are unknown then.
 */
export function* timeIn(operation: Operation, folder: Folder): Steps<bigint | undefined> {
  return yield* ofNewFile(operation, folder, function* (fd) {
    return lastChange(yield* call.fstat(fd));
  });
}

/**
 * How to tell what owners have left that cannot be judged, for example on another machine: it has not changed for
 * `olderThan` milliseconds. If the time cannot be determined, everything is young. So it is where each machine sets times
 * by its own clock, unless the caller gives an age: if one of the clocks is days ahead, the file of a live writer looks
 * old.
 */
export function* youngIn(operation: Operation, folder: Folder, olderThan: number | undefined): Steps<IsYoung> {
  const time = yield* ofNewFile(operation, folder, function* (fd) {
    const mount = (): Mount | undefined => operation.environment.mountOf(fd);
    if (olderThan === undefined && (yield* filesystemAt(folder.directory.accessPath, mount)).manyClocks === true)
      return undefined;
    return lastChange(yield* call.fstat(fd));
  });
  return (lastChangeNs) => time === undefined || Number((time - lastChangeNs) / 1_000_000n) < (olderThan ?? usualAge);
}

function* ofNewFile<T>(operation: Operation, folder: Folder, use: (fd: number) => Steps<T>): Steps<T | undefined> {
  try {
    const temporary = yield* createTemporary(operation, folder, 'clock', { mode: 0o600 });
    try {
      return yield* use(temporary.fd);
    } finally {
      yield* discardTemporary(temporary);
    }
  } catch {
    return undefined; // For example in a directory that may only be read.
  }
}
