import type { constants } from 'node:os';
import { message } from './error-message.ts';
import type { Failure, FileState, Outcome, Step, WriteErrorDetails } from './failure.ts';
import type { PathName } from './path-name.ts';
import { nameOf, withoutDescriptors } from './system-errors.ts';

/** The codes that this package defines. */
type OwnCode =
  | 'ABORT_ERR'
  | 'ERR_ENCODING_INVALID_ENCODED_DATA'
  | 'ERR_FS_FILE_TOO_LARGE'
  | 'ERR_STRING_TOO_LONG'
  | 'ERR_LOCK_DEADLOCK'
  | 'ERR_LOCK_LOST'
  | 'ERR_LOCK_TIMEOUT'
  | 'ERR_LOCK_UNRESOLVED'
  | 'ERR_LOCK_UNSUPPORTED'
  | 'ERR_UNTORN_COPIED'
  | 'ERR_UNTORN_DATA_CHANGED'
  | 'ERR_UNTORN_FOREIGN_JOURNAL'
  | 'ERR_UNTORN_JOURNAL'
  | 'ERR_UNTORN_JOURNAL_VERSION'
  | 'ERR_UNTORN_MISSING'
  | 'ERR_UNTORN_MOVED'
  | 'ERR_UNTORN_NO_ANSWER'
  | 'ERR_UNTORN_OVERTAKEN'
  | 'ERR_UNTORN_REFUSED'
  | 'ERR_UNTORN_SOURCE'
  | 'ERR_UNTORN_TOO_LARGE'
  | 'ERR_UNTORN_UNCONDITIONAL'
  | 'ERR_UNTORN_UNEXPECTED'
  | 'ERR_UNTORN_UNREACHABLE'
  | 'ERR_UNTORN_UNSUPPORTED'
  | 'ERR_VERSION_CONFLICT';

/**
 * The code of an error: one of the system's, one of this package's, or what the code of a data source gave its own
 * error.
 */
export type ErrorCode = keyof typeof constants.errno | OwnCode | (string & Record<never, never>);

const brand: unique symbol = Symbol.for('untorn.WriteError');

/**
 * A replacement that failed, or that took place and could not be confirmed durable.
 *
 * `outcome` says what the target holds now: `'old'` (nothing changed; if there was no file, there is none), `'new'`
 * (the new content is committed, but a later step, as the sync of its directory, failed), or `'unknown'` (the system
 * did not tell).
 *
 * An abort has `name` `'AbortError'` and `code` `'ABORT_ERR'`, as everywhere in Node.js.
 */
export class WriteError extends Error {
  /**
   * The code of the cause, as `'ENOSPC'`, or one of this package's; docs/errors.md says of each what to do.
   */
  readonly code: ErrorCode;
  /** The error number of the system call, where one failed. */
  declare readonly errno?: number;
  /** The system call that failed, where one did. */
  declare readonly syscall?: string;
  /** The path as given, as in errors of `node:fs`: a URL as its path. */
  readonly path: PathName;
  /** The new name as given, if the operation is a rename. */
  declare readonly dest?: PathName;
  /** Where in the replacement it failed. */
  readonly step: Step;
  /** What the target holds now. */
  readonly outcome: Outcome;
  /** The temporary file with the new content, where it was kept. */
  declare temporaryPath?: PathName;
  /** The copy of the old content, where one was left for recovery; of a log, its torn end that was cut off. */
  declare readonly backupPath?: PathName;
  /**
   * If a transaction is committed but could not be completed here: what each of its files holds now, backups included.
   * `recover()` completes it, or whoever takes one of its locks next.
   */
  declare readonly files?: readonly FileState[];
  /** The version that the file has instead of the expected one, with the code `'ERR_VERSION_CONFLICT'`. */
  declare readonly currentVersion?: string;

  constructor(details: WriteErrorDetails) {
    const cause = asFailure(details.cause);
    // An abort of ours is this error itself and not its cause. The abort's reason is the cause, as in Node's own.
    super(message(details, cause), {
      cause:
        details.cause instanceof Abort
          ? details.cause.cause
          : details.step === 'read source'
            ? details.cause
            : withoutDescriptors(details.cause),
    });
    this.name = cause.code === 'ABORT_ERR' ? 'AbortError' : 'WriteError';
    this.code = cause.code ?? (details.step === 'read source' ? 'ERR_UNTORN_SOURCE' : 'ERR_UNTORN_UNEXPECTED');
    if (cause.errno !== undefined) this.errno = cause.errno;
    if (cause.syscall !== undefined) this.syscall = cause.syscall;
    this.path = details.path;
    if (details.dest !== undefined) this.dest = details.dest;
    this.step = details.step;
    this.outcome = details.outcome;
    if (details.temporaryPath !== undefined) this.temporaryPath = details.temporaryPath;
    if (details.backupPath !== undefined) this.backupPath = details.backupPath;
    if (details.files !== undefined) this.files = details.files;
    if (cause.currentVersion !== undefined) this.currentVersion = cause.currentVersion;
    Object.defineProperty(this, brand, { value: true });
  }

  /** Whether a value is a WriteError, of this or of another copy of the package. */
  static isWriteError(value: unknown): value is WriteError {
    return typeof value === 'object' && value !== null && brand in value;
  }
}

function asFailure(cause: unknown): Failure {
  if (typeof cause !== 'object' || cause === null) return {};
  const { code, errno, syscall, message, currentVersion } = cause as Record<string, unknown>;
  return {
    code: typeof code === 'string' ? nameOf(code, errno) : undefined,
    errno: typeof errno === 'number' ? errno : undefined,
    syscall: typeof syscall === 'string' ? syscall : undefined,
    ...(typeof currentVersion === 'string' && { currentVersion }),
    ...(typeof message === 'string' && { message }),
  };
}

/** An error of the caller: wrong arguments, or a call that the object's state does not allow. */
export function misuse(code: string, text: string): TypeError {
  return ours(Object.assign(new TypeError(text), { code }));
}

/** Argument errors that were made here, and not by the caller's functions. */
const made = new WeakSet<object>();

function ours<E extends Error>(error: E): E {
  made.add(error);
  return error;
}

export function isOurs(error: unknown): error is Error {
  return typeof error === 'object' && error !== null && made.has(error);
}

/** An error for a function that nobody would call. */
export function noCallback(expected: string): TypeError {
  return misuse('ERR_INVALID_ARG_TYPE', `${expected}, not a function: no callback is called; await the promise`);
}

/** An argument of the right type, but out of range. */
export function outOfRange(text: string): RangeError {
  return ours(Object.assign(new RangeError(text), { code: 'ERR_OUT_OF_RANGE' }));
}

/** A refusal in the terms of the system: an errno code and a reason. */
export function refusal(code: string, text: string): Error {
  return Object.assign(new Error(text), { code });
}

/** The error of an abort, in the form of Node's own. */
export function aborted(signal: AbortSignal): Error {
  return new Abort('The operation was aborted', { cause: signal.reason });
}

class Abort extends Error {
  override readonly name = 'AbortError';
  readonly code = 'ABORT_ERR';
}

/** The code of an error, if it has one. */
export function codeOf(error: unknown): string | undefined {
  return error === undefined ? undefined : asFailure(error).code;
}

/** Whether the process or the system has no descriptor left: that passes, and says nothing of the file. */
export function isShortage(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'EMFILE' || code === 'ENFILE';
}
