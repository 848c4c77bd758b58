/**
 * Read, change, replace, under the file's lock; and compare, replace, which is the same without content.
 *
 * Promise: no change that is made in this way is lost, in any processes and threads; and a change by a writer that does
 * not take the lock is noticed, not overwritten. A crash anywhere before the rename leaves the old file. The turn in
 * the process lasts from the call to the end, so that writes of this process do not come between either.
 */
import {
  codeOf,
  type Content,
  assertIntact,
  type PathName,
  writeResult,
  type UpdateResult,
  type WriteResult,
  type Source,
  newHash,
  versionOf,
  type Version,
} from '../contract/index.ts';
import { type Steps, whenDescriptorsAllow } from '../system/index.ts';
import {
  during,
  lockAgain,
  reporting,
  throwIfAborted,
  type LockedOperation,
  type Operation,
  readTarget,
  versionInPlace,
  type Read,
  type Snapshot,
  openTarget,
  closeTarget,
  lookAgain,
  shareTarget,
  type Target,
} from '../files/index.ts';
import { expectVersion, underLock } from '../journal/index.ts';
import type { Turn } from '../order/index.ts';
import { confirmInPlace } from './rename.ts';
import type { AtHand } from './deferred-content.ts';
import { complete } from './replace.ts';
import { createStaged } from './stage.ts';
import { skipUnchanged } from './unchanged.ts';

/** The caller's result for the old content: new content, nothing if the file is to stay, or an error of its own. */
export type Changed = { readonly content: Content | undefined } | { readonly error: unknown };

export type Change = (old: Buffer | undefined, version: Version, rereading: Rereading) => Steps<Changed>;

/** The read content, and how to read it again if it may not be changed yet. */
export interface Rereading {
  readonly read: Read;
  readonly again: () => Steps<Read>;
}

/** The end of an update. The caller's own errors are passed on unchanged. */
export type Updated = { readonly result: UpdateResult } | { readonly error: unknown };

/** Looks at the target, and determines what to write then. */
type Prepare = (target: Target) => Steps<{ readonly seen: Snapshot; readonly changed: () => Steps<Changed> }>;

/**
 * Gives the content of the target to `change`, and replaces it by the result. If a writer without the lock changes the
 * target meanwhile, it begins again, as often as it may; the turn in the process stays its own.
 */
export function* updateTarget(operation: LockedOperation, turn: Turn, change: Change, retries = 0): Steps<Updated> {
  const given = operation.path;
  try {
    for (let left = retries; ; left--) {
      try {
        return yield* updateOnce(operation, turn, change);
      } catch (error) {
        if (left === 0 || operation.outcome !== 'old' || codeOf(error) !== 'ERR_VERSION_CONFLICT') throw error;
      }
      operation.path = given;
      lockAgain(operation);
    }
  } finally {
    turn.leave();
  }
}

function* updateOnce(operation: LockedOperation, turn: Turn, change: Change): Steps<Updated> {
  const prepare: Prepare = function* (target) {
    const seen = yield* readTarget(operation, target);
    function* again(): Steps<Read> {
      return Object.assign(seen, yield* readTarget(operation, target));
    }
    return { seen, changed: () => change(seen.content, seen.version, { read: { ...seen }, again }) };
  };
  return yield* reporting(operation, replaceLocked(operation, turn, prepare));
}

/** Replaces the target if it has the expected version. */
export function* replaceMatching(operation: LockedOperation, turn: Turn, content: AtHand): Steps<WriteResult> {
  const prepare: Prepare = function* (target) {
    return {
      seen: yield* versionInPlace(operation, target),
      *changed() {
        const bytes = content.kind === 'bytes' ? content.bytes : yield* content.make(operation, target);
        return { content: { kind: 'bytes', bytes } };
      },
    };
  };
  try {
    const updated = yield* reporting(operation, replaceLocked(operation, turn, prepare));
    if ('error' in updated) throw updated.error;
    return updated.result;
  } finally {
    turn.leave();
  }
}

function* replaceLocked(operation: LockedOperation, turn: Turn, prepare: Prepare): Steps<Updated> {
  throwIfAborted(operation);
  yield* turn.enter();
  const target = yield* claimTarget(operation, turn, operation.path);
  try {
    return yield* underLock(operation, target, function* () {
      const { seen, changed } = yield* prepare(target);
      expectVersion(operation, target, seen);
      const outcome = yield* during(operation, 'update', changed());
      if ('error' in outcome) return outcome;
      try {
        throwIfAborted(operation, 'update');
        return { result: yield* replaceBy(operation, turn, shareTarget(target), seen, outcome.content) };
      } finally {
        if (outcome.content?.kind === 'source') outcome.content.source.close();
      }
    });
  } finally {
    closeTarget(operation, target);
  }
}

/** Finds the target, as soon as it is this call's turn to change it. */
export function* claimTarget(operation: Operation, turn: Turn, given: PathName): Steps<Target> {
  for (;;) {
    operation.path = given;
    const target = yield* whenDescriptorsAllow(operation, () => openTarget(operation));
    let left = false;
    const leave = (): void => {
      left = true;
      closeTarget(operation, target);
    };
    try {
      if (yield* turn.claim(target, leave)) return target;
    } catch (error) {
      if (!left) closeTarget(operation, target);
      throw error;
    }
  }
}

/** Replaces the content that was seen, and closes the target. */
function* replaceBy(
  operation: LockedOperation,
  turn: Turn,
  target: Target,
  seen: Snapshot,
  content: Content | undefined,
): Steps<UpdateResult> {
  let staged;
  let known;
  try {
    // Making the content may have taken long.
    yield* lookAgain(operation, target);
    const done = yield* leftAsItIs(operation, turn, target, seen, content);
    if (done !== undefined) return done;
    known = hashing(content as Content);
    staged = yield* createStaged(operation, target, content?.kind === 'bytes' ? content.bytes : undefined);
  } finally {
    if (staged === undefined) closeTarget(operation, target);
  }
  const result = yield* complete(operation, staged, turn, known.hashed);
  return { ...result, version: known.version() };
}

/** The result if the file is to stay as it is, or has the new content already. */
function* leftAsItIs(
  operation: Operation,
  turn: Turn,
  target: Target,
  seen: Snapshot,
  content: Content | undefined,
): Steps<UpdateResult | undefined> {
  if (content?.kind === 'source') return undefined;
  if (content !== undefined) {
    const skipped = yield* skipUnchanged(operation, target, turn, content.bytes);
    return skipped && { ...skipped, version: versionOf(content.bytes) };
  }
  const durable = target.existing === undefined ? false : yield* confirmInPlace(operation, target);
  return {
    ...writeResult({ path: operation.path, bytes: seen.status?.size ?? 0, replaced: false, unchanged: true, durable }),
    version: seen.version,
  };
}

/** Content whose version is known once it has been read. */
function hashing(content: Content): { hashed: Content; version: () => Version } {
  if (content.kind === 'bytes') {
    // Before it is written: afterwards the caller's memory may be gone.
    assertIntact(content.bytes);
    const version = versionOf(content.bytes);
    return { hashed: content, version: () => version };
  }
  const hash = newHash();
  const { source } = content;
  const bytes: Source['bytes'] = (chunk) => {
    const piece = source.bytes(chunk);
    hash.update(piece);
    return piece;
  };
  return {
    hashed: {
      kind: 'source',
      source: {
        async: source.async,
        atHand: source.atHand,
        next: () => source.next(),
        close: () => source.close(),
        bytes,
      },
    },
    version: () => hash.digest('hex'),
  };
}
