/**
 * Several files whose contents one sync of their filesystem makes durable (syncfs(2)), instead of one sync for each.
 *
 * Promise: as of a single replacement. All contents are written and closed, then the filesystem is synced, and only then
 * is the first file renamed. If that sync fails, every file is the old one. Since Linux 5.8 syncfs reports errors of
 * files that are closed already.
 */
import { isShortage, type Content, type WriteResult } from '../contract/index.ts';
import {
  call,
  chain,
  type Environment,
  forBytes,
  givePermit,
  O_DIRECTORY,
  O_TO_SYNC,
  uninterrupted,
  withoutWaiting,
  type Steps,
} from '../system/index.ts';
import {
  afterFailure,
  applyMetadata,
  asWriteError,
  closeTarget,
  closeTemporary,
  during,
  examineTemporary,
  isSame,
  lookAt,
  openTarget,
  othersRename,
  releaseOld,
  SharedSync,
  statusOf,
  throwIfAborted,
  type Directory,
  type Operation,
} from '../files/index.ts';
import type { Turn } from '../order/index.ts';
import { openSame } from './in-place.ts';
import { commitLate, putInPlace, replace, writeBytes, type Written } from './replace.ts';
import { abandon, createStaged, leave, type Staged } from './stage.ts';

/** How many directories stay open for the syncs of groups, in all; a file in another one is replaced by itself. */
const maximumHeld = 16;

class Held {
  count = 0;
}

/** The files of one sync. */
export class Group {
  /** How many have not been written yet. */
  #left: number;
  readonly #synced = new SharedSync();
  /**
   * A descriptor for each filesystem, opened for this group before its first file was written there. The kernel reports
   * a failed write-back once to each open descriptor, so a shared one could tell somebody else (syncfs(2)).
   */
  readonly #descriptors = new Map<bigint, number>();
  readonly #directories = new Set<Directory>();
  readonly #held: Held;

  constructor(count: number, environment: Environment) {
    this.#left = count;
    this.#held = environment.state.of(Held);
  }

  /** Prepares the sync of a file in this directory; false if too many directories are open already. */
  *admit(directory: Directory): Steps<boolean> {
    const { accessPath, status } = directory;
    if (!this.#directories.has(directory)) {
      if (this.#held.count >= maximumHeld) return false;
      this.#held.count++;
      this.#directories.add(directory);
    }
    // Uninterrupted, so that no file of the group is written before.
    if (!this.#descriptors.has(status.dev))
      this.#descriptors.set(status.dev, yield* uninterrupted(call.open(accessPath, O_DIRECTORY, 0)));
    return true;
  }

  /** Waits until the contents of all files are durable. */
  *sync(): Steps<void> {
    yield* this.withdrawOne();
    yield* this.#synced.result();
  }

  /** One file less to wait for. The last one syncs the filesystems. */
  *withdrawOne(): Steps<void> {
    if (--this.#left > 0) return;
    let failure;
    for (const fd of this.#descriptors.values()) {
      const { error } = yield* chain([['syncfs', fd]]);
      failure ??= error;
      yield* afterFailure(call.close(fd));
    }
    this.#held.count -= this.#directories.size;
    if (failure === undefined) this.#synced.succeed(true);
    else this.#synced.fail(failure);
  }
}

/** Replaces one file of a group. */
export function* replaceInGroup(
  operation: Operation,
  turn: Turn,
  content: Content & { readonly kind: 'bytes' },
  group: Group,
): Steps<WriteResult> {
  const given = operation.path;
  let written;
  try {
    // 1. Turn: it waits for no other call, which may wait for a file of this group.
    if (turn.takeAtOnce()) {
      yield* forBytes.take(operation);
      written = yield* withoutWaiting(writeAndClose(operation, turn, content, group));
    }
  } catch (error) {
    // By itself it can wait for a descriptor.
    if (!isShortage(error)) {
      turn.leave();
      yield* group.withdrawOne();
      throw asWriteError(operation, error);
    }
  } finally {
    givePermit(operation);
  }
  if (written === undefined) {
    operation.path = given;
    yield* group.withdrawOne();
    return yield* replace(operation, turn, content);
  }
  let { staged } = written;
  try {
    turn.identify(staged.target);
    yield* during(operation, 'sync', group.sync());
    if (isSame(yield* uninterrupted(lookAt(staged.target)), staged.target.existing))
      return yield* putInPlace(operation, staged, turn, written);
    staged = yield* reopened(staged);
    return yield* commitLate(operation, staged, turn, written.bytes);
  } catch (error) {
    yield* abandon(operation, staged);
    throw asWriteError(operation, error);
  } finally {
    leave(operation, staged);
    turn.leave();
  }
}

interface Closed extends Written {
  readonly staged: Staged;
}

/** Steps 2 to 5; undefined, with nothing left, if the file has to be replaced by itself. */
function* writeAndClose(
  operation: Operation,
  turn: Turn,
  content: Content & { readonly kind: 'bytes' },
  group: Group,
): Steps<Closed | undefined> {
  throwIfAborted(operation);
  const target = yield* openTarget(operation);
  let staged;
  try {
    const { local, canSync } = target.directory;
    const isAlike = local && canSync && !othersRename(operation, target.directory);
    if (!isAlike || !turn.claimAtOnce(target) || !(yield* group.admit(target.directory))) {
      closeTarget(operation, target);
      return undefined;
    }
    staged = yield* createStaged(operation, target, content.bytes, true);
  } catch (error) {
    closeTarget(operation, target);
    throw error;
  }
  try {
    const { temporary } = staged;
    yield* examineTemporary(operation, target, temporary);
    const bytes = yield* writeBytes(operation, temporary, content);
    const notKept = yield* applyMetadata(operation, target, temporary);
    // On a local filesystem this and a look at a name take less time than a trip to another thread.
    yield* uninterrupted(during(operation, 'close', closeTemporary(temporary)));
    releaseOld(operation, target);
    return { staged, bytes, notKept };
  } catch (error) {
    yield* abandon(operation, staged);
    leave(operation, staged);
    throw error;
  }
}

/** The file to be replaced is another one by now: its metadata is set, and the new file is synced by itself. */
function* reopened(staged: Staged): Steps<Staged> {
  const { temporary } = staged;
  const fd = yield* openSame(temporary.accessPath, statusOf(temporary), O_TO_SYNC);
  // Its metadata is not that of a new file any more.
  const seen = { status: undefined, attributes: undefined };
  return {
    ...staged,
    temporary: { ...temporary, ...seen, fd, open: true, synced: false, closesSilently: false, private: true },
  };
}
