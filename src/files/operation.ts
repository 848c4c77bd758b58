import {
  WriteError,
  aborted,
  codeOf,
  type FileState,
  type OperationName,
  type Outcome,
  type Step,
  type PathName,
} from '../contract/index.ts';
import { heldAround, now, type GivenPath, type Steps, type Environment } from '../system/index.ts';
import type { Folder } from './folder.ts';
import type { Settings } from './settings.ts';

/** One operation under way: what was asked for, and how far it is. */
export interface Operation {
  settings: Settings;
  readonly environment: Environment;
  /** Whether the caller blocks until it is done, and so cannot wait for other writes of this process. */
  readonly blocking: boolean;
  /** The target, with the symbolic links followed so far. */
  path: PathName;
  /**
   * The path as its caller gave it, which errors name. For a rename it is the old name, and `dest` is the new name as
   * given.
   */
  given: PathName;
  dest?: PathName;
  /** The permit to open files, while this operation holds one. */
  permit: { giveBack(): void } | undefined;
  /** Where a failure is that none of its steps says more of: see {@link during}. */
  readonly step: Step;
  /** Its last failure, and at which step that was. */
  failure?: { readonly cause: unknown; readonly step: Step };
  outcome: Outcome;
  /** What is done with the file, if it is not replaced. */
  readonly operation?: OperationName | undefined;
  /** Receives the path of the temporary file, once there is one. */
  readonly created?: ((path: PathName) => Steps<unknown>) | undefined;
  /** How it is locked, if it is. */
  readonly locking: Locking | undefined;
  /** Whether the filesystem could not sync a file, and this was not to be an error. */
  unsynced?: boolean;
  /** Where the new content was kept after a failure. */
  temporaryPath?: PathName;
  /** Where the old content is kept while the target is written in place. */
  recoveryPath?: PathName | undefined;
  /** What the files of a committed transaction hold that could not be completed. */
  files?: readonly FileState[];
}

/** The lock of an operation, and what was found under it. */
export interface Locking {
  /** The name of the lock's entry. */
  token: string;
  /** Locks that it must not wait for, since it is made in a callback that holds them. */
  readonly around?: readonly string[];
  /** Until when to wait for it, by `now()`, once the wait has begun. */
  deadline: number;
  /**
   * Once the lock is taken: checks that the target is unchanged, and fails if it is not. Takes a late time of the
   * filesystem.
   */
  check?: (time: bigint | undefined) => Steps<unknown>;
  /** Once the lock is taken: the folder for files that are to be renamed to the target. */
  folder?: Folder;
}

/** An operation under a lock. */
export type LockedOperation = Operation & { readonly locking: Locking };

export function newOperation(
  { path, given }: GivenPath,
  settings: Settings,
  environment: Environment,
  blocking: boolean,
): Operation {
  const locking = settings.ifMatch === undefined ? undefined : newLocking(settings, environment);
  return {
    path,
    given,
    settings,
    environment: settings.linger ? environment : withoutLingering(environment),
    blocking,
    locking,
    permit: undefined,
    step: 'resolve',
    outcome: 'old',
  };
}

/** An environment that closes open files at once, instead of later and in another thread. */
function withoutLingering(environment: Environment): Environment {
  const others = { release: (fd: number) => environment.release(fd, 'here'), soon: (close: () => void) => close() };
  return Object.assign(Object.create(environment) as Environment, others);
}

/** An operation that only looks at a path or tidies it up. It waits and fails like a write. */
export function newLook(
  operation: OperationName,
  path: GivenPath,
  settings: Settings,
  environment: Environment,
  blocking: boolean,
): Operation {
  return { ...newOperation(path, settings, environment, blocking), step: 'read', operation };
}

/** An operation that takes the target's lock, whatever its settings say. */
export function newLockedOperation(
  path: GivenPath,
  settings: Settings,
  environment: Environment,
  blocking: boolean,
): LockedOperation {
  return { ...newOperation(path, settings, environment, blocking), locking: newLocking(settings, environment) };
}

function newLocking({ lock }: Settings, environment: Environment): Locking {
  return { token: environment.lockToken(lock.lease), deadline: Infinity, around: heldAround() };
}

/** Prepares an operation that has released its lock to take it once more. */
export function lockAgain({ settings, environment, locking }: LockedOperation): void {
  const { timeout, lease } = settings.lock;
  locking.token = environment.lockToken(lease);
  locking.deadline = now() + timeout;
  delete locking.check;
  delete locking.folder;
}

export function isLocked(operation: Operation): operation is LockedOperation {
  return operation.locking !== undefined;
}

/**
 * Runs steps of an operation. A failure becomes an error that says where it happened, and what the target holds now.
 */
export function* reporting<T>(operation: Operation, steps: Steps<T>): Steps<T> {
  try {
    return yield* steps;
  } catch (cause) {
    throw asWriteError(operation, cause);
  }
}

/** Performs a step of an operation. What fails in it is reported as a failure of this step, or of a step within it. */
export function* during<T>(operation: Operation, step: Step, steps: Steps<T>): Steps<T> {
  try {
    return yield* steps;
  } catch (cause) {
    throw failedDuring(operation, step, cause);
  }
}

/** Notes at which step something failed, unless a step within has noted it; returns the cause. */
export function failedDuring<T>(operation: Operation, step: Step, cause: T): T {
  if (stepOf(operation, cause) === undefined) operation.failure = { cause, step };
  return cause;
}

/** At which step a failure was noted. */
export function stepOf({ failure }: Operation, cause: unknown): Step | undefined {
  return failure !== undefined && Object.is(failure.cause, cause) ? failure.step : undefined;
}

/** The error to report for a failure in an operation. */
export function asWriteError(operation: Operation, cause: unknown): WriteError {
  if (WriteError.isWriteError(cause)) return cause;
  const { path: target, given: path, recoveryPath: backupPath } = operation;
  const step = stepOf(operation, cause) ?? operation.step;
  return new WriteError({ ...operation, path, target, locked: isLocked(operation), step, cause, backupPath });
}

/**
 * Whether Node's permission model refused a call on a descriptor: the work has to be done another way, or cannot be
 * done.
 */
export function refusedByPermissions(operation: Operation, error: unknown): boolean {
  return operation.environment.descriptorsRestricted && codeOf(error) === 'ERR_ACCESS_DENIED';
}

/**
 * Fails if the caller has aborted, at the given step or the one that this is in. An abort has no effect once the new
 * content is committed.
 */
export function throwIfAborted(operation: Operation, step?: Step): void {
  const { signal } = operation.settings;
  if (signal?.aborted !== true || operation.outcome !== 'old') return;
  throw step === undefined ? aborted(signal) : failedDuring(operation, step, aborted(signal));
}
