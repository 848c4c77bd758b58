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
import type { GivenPath, Steps, Environment } from '../system/index.ts';
import type { Folder } from './folder.ts';
import type { Settings } from './settings.ts';

/** One replacement under way: what was asked for, and how far it is. */
export interface Operation {
  settings: Settings;
  readonly environment: Environment;
  /** Whether the caller blocks until it is done; it can then not wait for other writes of this process. */
  readonly blocking: boolean;
  /** The target, with the symbolic links followed that have been met so far. */
  path: PathName;
  /** The path as its caller gave it, by which errors name it; of a new name the old one, and `dest` as it was given. */
  given: PathName;
  dest?: PathName;
  /** The permit to open files that it holds. */
  permit: { giveBack(): void } | undefined;
  step: Step;
  outcome: Outcome;
  /** What is to be done with the file, if not to replace it. */
  readonly operation?: OperationName | undefined;
  /** How it is locked, if it is. */
  readonly locking: Locking | undefined;
  /** Whether the filesystem could not sync a file, and that was to be no error. */
  unsynced?: boolean;
  /** Where the new content was kept on a failure. */
  temporaryPath?: PathName;
  /** Where the old content is while the target is written in place. */
  recoveryPath?: PathName | undefined;
  /** What the files hold of a transaction that is committed and could not be completed. */
  files?: readonly FileState[];
}

/** The lock of a write, and what was found under it. */
export interface Locking {
  /** The name of the lock's entry. */
  readonly token: string;
  /** Until when it is waited for, by `now()`, once that has begun. */
  deadline: number;
  /**
   * Once it is taken: looks whether the target is unchanged, and fails if not. Takes a late time of the filesystem's.
   */
  check?: (time: bigint | undefined) => Steps<unknown>;
  /** Once it is taken: where what is to be renamed to the target is made. */
  folder?: Folder;
}

/** A write under a lock. */
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

/** Where what is open is closed at once, not later and in another thread. */
function withoutLingering(environment: Environment): Environment {
  const others = { release: (fd: number) => environment.release(fd, 'here'), soon: (close: () => void) => close() };
  return Object.assign(Object.create(environment) as Environment, others);
}

/** What only looks at a path, or tidies it up: like a write in how it waits and fails. */
export function newLook(
  operation: OperationName,
  path: GivenPath,
  settings: Settings,
  environment: Environment,
  blocking: boolean,
): Operation {
  return { ...newOperation(path, settings, environment, blocking), step: 'read', operation };
}

/** A write that takes the target's lock, whatever its settings say. */
export function newLockedOperation(
  path: GivenPath,
  settings: Settings,
  environment: Environment,
  blocking: boolean,
): LockedOperation {
  return { ...newOperation(path, settings, environment, blocking), locking: newLocking(settings, environment) };
}

function newLocking({ lock }: Settings, environment: Environment): Locking {
  return { token: environment.lockToken(lock.lease), deadline: Infinity };
}

export function isLocked(operation: Operation): operation is LockedOperation {
  return operation.locking !== undefined;
}

/** Runs steps of a replacement; what fails in them becomes an error that says where, and what the target holds now. */
export function* reporting<T>(operation: Operation, steps: Steps<T>): Steps<T> {
  try {
    return yield* steps;
  } catch (cause) {
    throw asWriteError(operation, cause);
  }
}

/** The error to report for a failure in a replacement. */
export function asWriteError(operation: Operation, cause: unknown): WriteError {
  if (WriteError.isWriteError(cause)) return cause;
  const { path: target, given: path, recoveryPath: backupPath } = operation;
  return new WriteError({ ...operation, path, target, locked: isLocked(operation), cause, backupPath });
}

/**
 * Whether Node's permission model refused a call on a descriptor; what that was to do has to be done otherwise, or
 * cannot be.
 */
export function refusedByPermissions(operation: Operation, error: unknown): boolean {
  return operation.environment.descriptorsRestricted && codeOf(error) === 'ERR_ACCESS_DENIED';
}

/** Fails if the caller has aborted. That is without effect once the new content is in place. */
export function throwIfAborted(operation: Operation): void {
  const { signal } = operation.settings;
  if (signal?.aborted === true && operation.outcome === 'old') throw aborted(signal);
}
