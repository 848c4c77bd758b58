/**
 * Replacing a file: the whole sequence, top to bottom.
 *
 * Promise: whoever opens the target at any moment finds the whole old or the whole new content. With durability `'full'`
 * and `'normal'` the same holds after a crash of the process or the machine. Once a call with `'full'` has returned, the
 * new content survives a power cut. The order of the steps makes that safe: before the rename the target is untouched,
 * and after it nothing is undone.
 * A crash before the rename leaves the old file and a temporary one, which `sweep` recognises. A crash after it leaves
 * the new file. The old inode is not kept, so other hard links to it keep the old content.
 * See rename(2), fsync(2); Pillai et al., OSDI '14.
 */
import type { Content, NotKept, WriteResult } from '../contract/index.ts';
import { forBytes, forSources, givePermit, whenDescriptorsAllow, call, type Steps } from '../system/index.ts';
import {
  during,
  failedDuring,
  writeContent,
  writeRest,
  asWriteError,
  isLocked,
  throwIfAborted,
  type Operation,
  versionInPlace,
  versionOfFile,
  openTarget,
  closeTarget,
  lookAgain,
  refuseReadOnly,
  discardTemporary,
  examineTemporary,
  moveTemporary,
  releaseTemporary,
  type TemporaryFile,
} from '../files/index.ts';
import { expectVersion, underLock } from '../journal/index.ts';
import type { Committed, Turn } from '../order/index.ts';
import { makeBackup } from './backup.ts';
import { confirm, mayOverwrite, overwriteInstead, renameInto } from './rename.ts';
import { sizeOf, type AtHand, type LaterContent } from './deferred-content.ts';
import { abandon, createReserving, finishTemporary, leave, stage, withMore, type Staged } from './stage.ts';
import { supersede, supersededBy } from './superseded.ts';
import { skipUnchanged } from './unchanged.ts';

/** Content with the temporary file that it goes to; or the result, if there is nothing to write. */
type Begun = { readonly staged: Staged; readonly content: Content } | { readonly result: WriteResult };

/** Replaces the target with the given content, in the order of the calls. */
export function* replace(operation: Operation, turn: Turn, given: Content | LaterContent): Steps<WriteResult> {
  try {
    const begun = yield* given.kind === 'source'
      ? stageAhead(operation, turn, given)
      : stageInTurn(operation, turn, given);
    return 'result' in begun ? begun.result : yield* complete(operation, begun.staged, turn, begun.content);
  } catch (cause) {
    throw asWriteError(operation, cause);
  } finally {
    givePermit(operation);
    if (given.kind === 'source') given.source.close();
    turn.leave();
  }
}

/** Commits a temporary file that the caller has written; it takes its turn now. */
export function* commitStaged(operation: Operation, staged: Staged, turn: Turn): Steps<WriteResult> {
  try {
    return yield* complete(operation, staged, turn, undefined);
  } finally {
    turn.leave();
  }
}

/** Steps 1 to 3 for content that is available: the call waits for its turn before it opens anything. */
function* stageInTurn(operation: Operation, turn: Turn, content: AtHand): Steps<Begun> {
  throwIfAborted(operation);
  // 1. Turn.
  const newer = yield* turn.enter();
  if (newer !== undefined) return { result: supersededBy(newer, sizeOf(content)) };
  const given = operation.path;
  for (;;) {
    yield* forBytes.take(operation);
    operation.path = given;
    const begun = yield* whenDescriptorsAllow(operation, () => openInTurn(operation, turn, content));
    if (begun !== undefined) return begun;
  }
}

/** Undefined if it was not this call's turn yet: the file may have changed since it was examined. */
function* openInTurn(operation: Operation, turn: Turn, content: AtHand): Steps<Begun | undefined> {
  // 2. Target.
  const target = yield* openTarget(operation);
  let hasLeft = false;
  let isStaged = false;
  try {
    const isTurn = yield* turn.claim(target, () => {
      hasLeft = true;
      closeTarget(operation, target);
      givePermit(operation);
    });
    if (!isTurn) return undefined;
    const newer =
      turn.newer(target) ?? (turn.onBehalfOf === undefined ? undefined : yield* turn.finishStoodFor(target));
    if (newer !== undefined) return { result: yield* supersede(operation, target, turn, newer, sizeOf(content)) };
    const bytes = content.kind === 'bytes' ? content.bytes : yield* content.make(operation, target);
    const skipped =
      operation.settings.ifUnchanged === 'skip' ? yield* skipUnchanged(operation, target, turn, bytes) : undefined;
    if (skipped !== undefined) return { result: skipped };
    // 3. Temporary file.
    const staged = yield* createReserving(operation, target, bytes);
    isStaged = true;
    return { staged, content: { kind: 'bytes', bytes } };
  } finally {
    if (!hasLeft && !isStaged) closeTarget(operation, target);
  }
}

/**
 * Steps 2 and 3 for a source: it is read at its own pace, delays no other write, and takes its turn when it has ended.
 */
function* stageAhead(operation: Operation, turn: Turn, content: Content & { readonly kind: 'source' }): Steps<Begun> {
  if (content.source.atHand) yield* forSources.take(operation);
  const staged = yield* stage(operation);
  turn.identify(staged.target);
  return { staged, content };
}

/**
 * Steps 4 to 8. Afterwards nothing of the staged file is open, and no temporary file is left unless the caller asked
 * for that. `content` is undefined if the caller has written it.
 */
export function* complete(
  operation: Operation,
  staged: Staged,
  turn: Turn,
  content: Content | undefined,
): Steps<WriteResult> {
  const { target, temporary } = staged;
  try {
    if (operation.created !== undefined) yield* operation.created(temporary.path);
    if (content?.kind !== 'bytes') return yield* completeLate(operation, staged, turn, content);
    yield* examineTemporary(operation, target, temporary);
    // 4. Contents.
    return yield* commit(operation, staged, turn, yield* writeBytes(operation, temporary, content));
  } catch (error) {
    yield* abandon(operation, staged);
    throw asWriteError(operation, error);
  } finally {
    leave(operation, staged);
  }
}

/** Writes what the chain of the file's creation has not written; returns the size of the content. */
export function* writeBytes(
  operation: Operation,
  { fd, begun, written }: TemporaryFile,
  content: Content & { readonly kind: 'bytes' },
): Steps<number> {
  return (
    written ??
    (yield* begun === undefined ? writeContent(operation, fd, content) : writeRest(operation, fd, content.bytes, begun))
  );
}

/**
 * Steps 4 to 8 for content that may take long to come. The turn, the target's lock if the call takes it, and another
 * look at the target come after the content.
 */
function* completeLate(
  operation: Operation,
  staged: Staged,
  turn: Turn,
  content: Content | undefined,
): Steps<WriteResult> {
  const { target, temporary } = staged;
  const bytes =
    content === undefined
      ? yield* sizeWritten(operation, temporary)
      : yield* writeContent(operation, temporary.fd, content);
  // It keeps open what it has while it waits.
  while (!(yield* turn.claim(target, () => undefined)));
  if (!isLocked(operation) || operation.locking.check !== undefined)
    return yield* commitLate(operation, staged, turn, bytes);
  return yield* underLock(operation, target, function* (lock) {
    yield* during(operation, 'lock', moveTemporary(operation, temporary, lock.folder));
    expectVersion(operation, target, yield* versionInPlace(operation, target));
    const version = yield* during(operation, 'read source', versionOfFile(temporary.fd));
    return { ...(yield* commitLate(operation, staged, turn, bytes)), version };
  });
}

function* sizeWritten(operation: Operation, temporary: TemporaryFile): Steps<number> {
  throwIfAborted(operation, 'sync');
  return (yield* during(operation, 'sync', call.fstat(temporary.fd))).size;
}

export function* commitLate(operation: Operation, staged: Staged, turn: Turn, bytes: number): Steps<WriteResult> {
  const { target, temporary } = staged;
  yield* lookAgain(operation, target);
  if (operation.settings.ifUnchanged === 'skip') {
    const content = { fd: temporary.fd, size: bytes };
    const skipped = yield* skipUnchanged(operation, target, turn, content);
    if (skipped !== undefined) {
      yield* discardTemporary(temporary);
      return skipped;
    }
  }
  yield* examineTemporary(operation, target, temporary);
  return yield* commit(operation, staged, turn, bytes);
}

/** Steps 5 to 8 for a temporary file with all of its content. */
function* commit(operation: Operation, staged: Staged, turn: Turn, bytes: number): Steps<WriteResult> {
  const { target, temporary, folder } = staged;
  const first = turn.newer(target);
  if (first !== undefined) return yield* giveWay(operation, staged, turn, first, bytes);
  refuseReadOnly(operation, target);
  // 5. Metadata; a file that is written in place keeps its own. 6. Sync and close.
  const notKept = yield* finishTemporary(operation, target, temporary, folder === target);
  return yield* putInPlace(operation, staged, turn, { bytes, notKept });
}

/** What was written, and what could not be kept. */
export interface Written {
  readonly bytes: number;
  readonly notKept: readonly NotKept[];
}

/** Steps 7 and 8 for a temporary file that is complete. */
export function* putInPlace(
  operation: Operation,
  staged: Staged,
  turn: Turn,
  { bytes, notKept }: Written,
): Steps<WriteResult> {
  const { target, temporary } = staged;
  throwIfAborted(operation, 'close');
  // 7. Backup, then rename.
  const backup =
    operation.settings.backup === undefined || target.existing === undefined
      ? undefined
      : yield* during(
          operation,
          'back up',
          withMore(operation, target, () => makeBackup(operation, target, turn)),
        );
  let renamed;
  try {
    throwIfAborted(operation, backup === undefined ? 'close' : 'back up');
    renamed = yield* mayOverwrite(operation, staged)
      ? overwriteInstead(operation, staged, turn)
      : renameInto(operation, target, temporary, turn);
    if (renamed.newer !== undefined) return yield* giveWay(operation, staged, turn, renamed.newer, bytes);
  } catch (error) {
    if (operation.outcome === 'old' && backup !== undefined) yield* backup.undo();
    throw failedDuring(operation, 'rename', error);
  }
  // 8. Committed. Nothing is undone from here on.
  const isAlone = target.directory.users === 1;
  releaseTemporary(operation, temporary);
  // Other writes hold the directory open anyway, so this one no longer needs its permit.
  if (!isAlone) givePermit(operation);
  const durable = yield* confirm(operation, target, renamed);
  if (backup !== undefined)
    yield* during(
      operation,
      'back up',
      withMore(operation, target, () => backup.finish()),
    );
  const { record, atomic } = renamed;
  return {
    path: operation.path,
    bytes,
    replaced: target.existing !== undefined,
    unchanged: false,
    superseded: record === undefined,
    atomic,
    durable,
    backupPath: backup?.path,
    notKept: renamed.notKept ?? notKept,
    version: undefined,
  };
}

function* giveWay(
  operation: Operation,
  { target, temporary }: Staged,
  turn: Turn,
  newer: Committed,
  bytes: number,
): Steps<WriteResult> {
  yield* discardTemporary(temporary);
  return yield* supersede(operation, target, turn, newer, bytes);
}
