/** The staged file: opens, finishes and discards the temporary file that is to replace the target. */
import { codeOf, type PathName, type NotKept } from '../contract/index.ts';
import {
  descriptorsClosed,
  releaseSpares,
  reserveSpares,
  whenDescriptorsAllow,
  withSpares,
  type Steps,
} from '../system/index.ts';
import {
  during,
  failedDuring,
  closeDirectory,
  type Directory,
  type Folder,
  applyMetadata,
  assertPrivate,
  privateMode,
  safeMode,
  throwIfAborted,
  type Operation,
  holdTemporary,
  othersRename,
  examineOld,
  openTarget,
  releaseOld,
  closeTarget,
  type Target,
  closeTemporary,
  createTemporary,
  discardTemporary,
  keepFlags,
  mayHaveFlags,
  isLocked,
  openStaging,
  keepTemporary,
  readFlags,
  readingNew,
  stagingFolder,
  syncTemporary,
  warnOfUnsafe,
  type Creation,
  type TemporaryFile,
} from '../files/index.ts';
import { openStateFolder } from './in-place.ts';

/** A temporary file that is to replace its target. */
export interface Staged {
  readonly target: Target;
  readonly temporary: TemporaryFile;
  /** Where the temporary file is: beside the target, or elsewhere if the target can only be written in place. */
  readonly folder: Folder & { readonly directory: Directory };
  /** Whether descriptors are reserved for it: see {@link withMore}. */
  readonly reserved: boolean;
}

/** Opens the target's directory and an empty temporary file in it. */
export function* stage(operation: Operation, make: typeof createReserving = createReserving): Steps<Staged> {
  const given = operation.path;
  return yield* whenDescriptorsAllow(operation, function* () {
    throwIfAborted(operation);
    operation.path = given;
    const target = yield* openTarget(operation);
    try {
      return yield* make(operation, target);
    } catch (error) {
      closeTarget(operation, target);
      throw error;
    }
  });
}

/** Creates a temporary file: beside the target, or elsewhere if that is not permitted. */
export function createStaged(
  operation: Operation,
  target: Target,
  bytes?: Uint8Array,
  syncsLater = false,
): Steps<Staged> {
  return during(operation, 'create temporary file', create(operation, target, bytes, syncsLater));
}

/** The same for a write that may open more files while its temporary file is open, and reserves descriptors for that. */
export function* createReserving(operation: Operation, target: Target, bytes?: Uint8Array): Steps<Staged> {
  const staged = yield* createStaged(operation, target, bytes);
  if (!opensMore(operation, bytes === undefined)) return staged;
  try {
    reserveSpares();
  } catch (error) {
    yield* discardTemporary(staged.temporary);
    if (staged.folder !== target) closeDirectory(operation, staged.folder.directory);
    throw failedDuring(operation, 'create temporary file', error);
  }
  return { ...staged, reserved: true };
}

/** Whether a write opens more files later. Synchronous ones are alone. */
function opensMore({ blocking, settings }: Operation, isLate: boolean): boolean {
  const { backup, makeParents, ifUnchanged } = settings;
  return !blocking && (backup !== undefined || makeParents || (isLate && ifUnchanged === 'skip'));
}

/**
 * Steps that open files while the temporary file is open. If they fail, the descriptor of the old file, which only saves
 * time, is closed.
 */
export function* withMore<T>(operation: Operation, target: Target, steps: () => Steps<T>): Steps<T> {
  return yield* withSpares(operation, function* () {
    try {
      return yield* steps();
    } catch (error) {
      releaseOld(operation, target);
      throw error;
    }
  });
}

function* create(
  operation: Operation,
  target: Target,
  bytes: Uint8Array | undefined,
  syncsLater: boolean,
): Steps<Staged> {
  if (operation.settings.temporaryDirectory !== undefined) yield* openStaging(operation, target);
  let temporary;
  warnOfUnsafe(operation, target.directory);
  try {
    if (target.existing !== undefined) {
      if (!target.examined) yield* examineOld(operation, target);
      target.flags = mayHaveFlags(operation, target) ? yield* readFlags(target) : undefined;
    }
    temporary = yield* createTemporary(
      operation,
      stagingFolder(operation, target),
      target.name,
      bytes === undefined ? { mode: privateMode(operation, target) } : creationOf(operation, target, bytes, syncsLater),
    );
  } catch (error) {
    const mayWriteInPlace = operation.settings.fallback === 'in-place' && target.existing !== undefined;
    if (!mayWriteInPlace || !['EACCES', 'EPERM', 'EROFS'].includes(codeOf(error) ?? '')) throw error;
    return yield* createElsewhere(operation, target);
  }
  try {
    yield* assertPrivate(operation, target, temporary);
    if (target.flags !== undefined) yield* keepFlags(operation, target, temporary);
  } catch (error) {
    yield* discardTemporary(temporary);
    throw error;
  }
  return { target, folder: target, temporary, reserved: false };
}

function* createElsewhere(operation: Operation, target: Target): Steps<Staged> {
  const folder = yield* openStateFolder(operation);
  try {
    return {
      target,
      folder,
      temporary: yield* createTemporary(operation, folder, target.name, { mode: 0o600 }),
      reserved: false,
    };
  } catch (error) {
    closeDirectory(operation, folder.directory);
    throw error;
  }
}

/** The largest content, in bytes, that is chained to the creation of its file. An abort is noticed before and after. */
const small = 1 << 20;

/**
 * How to create a file whose content is available. Its write and sync are chained to its creation if nothing is decided
 * or changed after them: the file has its final mode from the start, on a filesystem that is known to keep it.
 */
function creationOf(operation: Operation, target: Target, bytes: Uint8Array, syncsLater: boolean): Creation {
  const { environment, settings } = operation;
  const { local } = target.directory;
  const final = safeMode(operation, target);
  const mode = final ?? privateMode(operation, target);
  const isComplete = mode === final && (target.existing === undefined || settings.preserve.times === 'off');
  const isChained =
    local && isComplete && target.flags === undefined && bytes.byteLength > 0 && bytes.byteLength <= small;
  return {
    mode,
    closesSilently: local,
    nameless: !syncsLater && staysNameless(operation, target),
    // A locked write needs a time of the filesystem: see `assertUnchanged`.
    ...((mode !== undefined || !local || syncsLater || isLocked(operation)) && {
      reads: readingNew(operation, target),
    }),
    ...(isChained && {
      content: bytes,
      syncs: settings.durability !== 'off' && !syncsLater && !environment.descriptorsRestricted,
    }),
  };
}

/**
 * Whether a file gets its name only when it is complete: nothing is left of it after a kill. A file that replaces another
 * one would need a name for the rename all the same. Without a journal a new name may reach the disk before the count of
 * names of its inode does.
 */
function staysNameless({ settings, locking, environment }: Operation, { directory }: Target): boolean {
  const { overwrite, keepOnError, prefix } = settings;
  return (
    !overwrite &&
    environment.namesOpenFiles &&
    !keepOnError &&
    prefix === undefined &&
    locking === undefined &&
    directory.local &&
    (directory.unless !== 'no journal' || environment.hasJournal(directory.status.dev))
  );
}

/**
 * Sets the metadata of a temporary file that has all of its content, syncs and closes it; returns what was not kept.
 */
export function* finishTemporary(
  operation: Operation,
  target: Target,
  temporary: TemporaryFile,
  withMetadata = true,
): Steps<NotKept[]> {
  const notKept = withMetadata ? yield* applyMetadata(operation, target, temporary) : [];
  throwIfAborted(operation, 'set metadata');
  if (operation.settings.durability !== 'off' && !temporary.synced)
    yield* during(operation, 'sync', syncTemporary(operation, temporary));
  if (!temporary.closesSilently) {
    const isHeld = withMetadata && othersRename(operation, target.directory);
    if (isHeld) yield* during(operation, 'close', holdTemporary(operation, temporary));
    yield* during(operation, 'close', closeTemporary(temporary));
  }
  return notKept;
}

/**
 * Discards the temporary file after a failure. It is kept if the caller asked for that, or the target may be damaged.
 */
export function* abandon(operation: Operation, staged: Staged): Steps<void> {
  const { temporary, folder, target } = staged;
  const keep = operation.outcome === 'unknown' || (operation.outcome === 'old' && operation.settings.keepOnError);
  if (keep && temporary.linked)
    operation.temporaryPath = yield* keepTemporary(operation, temporary, target.staging ?? folder, target.name);
  else yield* discardTemporary(temporary);
  if (temporary.linked) operation.temporaryPath = temporary.path;
}

/** Gives up a staged file. After a failure it is kept if the caller asked for that; returns its path. */
export function* giveUp(operation: Operation, staged: Staged, failed: boolean): Steps<PathName | undefined> {
  if (failed) yield* abandon(operation, staged);
  else yield* discardTemporary(staged.temporary);
  leave(operation, staged);
  return operation.temporaryPath;
}

/** Closes what a staged file had open. */
export function leave(operation: Operation, { target, folder, reserved }: Staged): void {
  if (reserved) releaseSpares();
  closeTarget(operation, target);
  if (folder !== target) closeDirectory(operation, folder.directory);
  const { blocking, environment } = operation;
  // An asynchronous call closes its directory soon.
  if (blocking) descriptorsClosed();
  else environment.soon(() => environment.soon(descriptorsClosed));
}
