/**
 * Read, change, replace, under the file's lock; and compare, replace, which is the same without content.
 *
 * Promise: of all who change the file in this way none is lost, in whatever processes and threads they run; and a
 * change by somebody who does not take the lock is noticed, not overwritten. A crash anywhere before the rename leaves
 * the old file. The turn in the process lasts from the call to the end, so that writes of this process do not come
 * between either.
 */
import {
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
import type { Steps } from '../system/index.ts';
import {
  whenDescriptorsAllow,
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
import { confirmInPlace } from './confirm.ts';
import type { AtHand } from './deferred-content.ts';
import { complete } from './replace.ts';
import { createStaged } from './stage.ts';
import { skipUnchanged } from './unchanged.ts';

/** What the caller made of the old content: new content, nothing if the file is to stay, or an error of its own. */
export type Changed = { readonly content: Content | undefined } | { readonly error: unknown };

export type Change = (old: Buffer | undefined, version: Version, rereading: Rereading) => Steps<Changed>;

/** What was read, and how to read it again, where that is not to be changed yet. */
export interface Rereading {
  readonly read: Read;
  readonly again: () => Steps<Read>;
}

/** How an update ended. An error of the caller's own is passed on as it is. */
export type Updated = { readonly result: UpdateResult } | { readonly error: unknown };

/** Looks at the target, and says what is to be written then. */
type Prepare = (target: Target) => Steps<{ readonly seen: Snapshot; readonly changed: () => Steps<Changed> }>;

/** Gives the content of the target to `change`, and replaces it by what that makes of it. */
export function* updateTarget(operation: LockedOperation, turn: Turn, change: Change): Steps<Updated> {
  const prepare: Prepare = function* (target) {
    const seen = yield* readTarget(operation, target);
    function* again(): Steps<Read> {
      const { step } = operation;
      Object.assign(seen, yield* readTarget(operation, target));
      operation.step = step;
      return seen;
    }
    return { seen, changed: () => change(seen.content, seen.version, { read: { ...seen }, again }) };
  };
  try {
    return yield* reporting(operation, replaceLocked(operation, turn, prepare));
  } finally {
    turn.leave();
  }
}

/** Replaces the target if it holds the version that was asked for. */
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
  const target = yield* claimPlace(operation, turn, operation.path);
  try {
    return yield* underLock(operation, target, function* () {
      const { seen, changed } = yield* prepare(target);
      expectVersion(operation, target, seen);
      operation.step = 'update';
      const outcome = yield* changed();
      if ('error' in outcome) return outcome;
      try {
        throwIfAborted(operation);
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
function* claimPlace(operation: Operation, turn: Turn, given: PathName): Steps<Target> {
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

/** Puts content in the place of what was seen, and leaves the place. */
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
    // It may have taken long to make.
    yield* lookAgain(operation, target);
    const done = yield* leftAsItIs(operation, turn, target, seen, content);
    if (done !== undefined) return done;
    known = hashing(content as Content);
    staged = yield* whenDescriptorsAllow(operation, () => createStaged(operation, target));
  } finally {
    if (staged === undefined) closeTarget(operation, target);
  }
  const result = yield* complete(operation, staged, turn, known.hashed);
  return { ...result, version: known.version() };
}

/** The result where the file is to stay as it is, or is as it would be made. */
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

/** Content that tells its version when it has been read. */
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
