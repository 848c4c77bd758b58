import { display, type PathName } from './path.ts';

/** What the target holds after a failure. */
export type Outcome = 'old' | 'new' | 'unknown';

/** Where in a replacement a failure happened. */
export type Step =
  | 'resolve'
  | 'make parents'
  | 'wait'
  | 'lock'
  | 'read'
  | 'unlock'
  | 'update'
  | 'create temporary file'
  | 'read source'
  | 'write'
  | 'set metadata'
  | 'sync'
  | 'close'
  | 'back up'
  | 'rename'
  | 'write in place'
  | 'sync directory'
  | 'commit'
  | 'complete';

/** What a {@link WriteError} is made of. */
export interface WriteErrorDetails {
  path: PathName;
  step: Step;
  outcome: Outcome;
  cause: unknown;
  /** What a transaction was to do with the file, if not to replace it. */
  operation?: 'remove' | 'rename' | undefined;
  temporaryPath?: PathName | undefined;
  backupPath?: PathName | undefined;
  files?: readonly FileState[] | undefined;
}

/** What a file holds of a transaction that is committed and could not be completed; see {@link WriteError.files}. */
export interface FileState {
  readonly path: PathName;
  /** `'old'` and `'new'` as before and after the transaction; of a file that is removed `'new'` says that it is gone. */
  readonly holds: Outcome;
}

const brand: unique symbol = Symbol.for('untorn.WriteError');

/**
 * A replacement that failed, or that took place and could not be confirmed durable.
 *
 * `outcome` says what the target holds now: `'old'` (nothing changed; if there was no file, there is none),
 * `'new'` (the new content is in place, but what came after, as the sync of its directory, failed), or
 * `'unknown'` (the system would not say).
 *
 * An abort has `name` `'AbortError'` and `code` `'ABORT_ERR'`, as everywhere in Node.js.
 */
export class WriteError extends Error {
  /**
   * The code of the cause, as `'ENOSPC'`; or `'ERR_UNTORN_SOURCE'` where a data source failed without a code,
   * `'ERR_UNTORN_OVERTAKEN'` where a later synchronous write came first, `'ERR_UNTORN_DATA_CHANGED'` where the memory
   * of the data was transferred or has shrunk since the call, `'ERR_UNTORN_MOVED'` where the path leads elsewhere than when the write began (its
   * directory was moved or exchanged, or it is a symbolic link by now), and `'ERR_UNTORN_UNEXPECTED'` for all else.
   * Of locks: `'ERR_LOCK_TIMEOUT'`, `'ERR_LOCK_DEADLOCK'`, `'ERR_LOCK_LOST'`, `'ERR_LOCK_UNSUPPORTED'` where the filesystem
   * lets two have one lock, `'ERR_LOCK_UNSETTLED'` where it is that of a transaction that only another user can recover.
   * Of transactions: `'ERR_UNTORN_UNREACHABLE'`, `'ERR_UNTORN_MISSING'`. And `'ERR_VERSION_CONFLICT'` where the target did
   * not hold the expected version.
   */
  readonly code: string;
  /** The error number of the system call, where one failed. */
  readonly errno: number | undefined;
  /** The system call that failed, where one did. */
  readonly syscall: string | undefined;
  /** The target: the path with its last symbolic links followed as far as they were. */
  readonly path: PathName;
  /** Where in the replacement it failed. */
  readonly step: Step;
  /** What the target holds now. */
  readonly outcome: Outcome;
  /** The temporary file with the new content, where it was kept. */
  temporaryPath?: PathName;
  /** The copy of the old content, where one was left for recovery. */
  readonly backupPath?: PathName;
  /**
   * Of a transaction that is committed and could not be completed here: what each of its files holds now, backups included. The
   * rest is done by `recover()`, or by the next one who takes one of its locks. `outcome` is `'new'` only if all of them hold the new.
   */
  readonly files?: readonly FileState[];
  /** The version that is in place instead of the expected one, with the code `'ERR_VERSION_CONFLICT'`. */
  readonly currentVersion?: string;

  constructor(details: WriteErrorDetails) {
    const cause = asFailure(details.cause);
    // An abort of ours is not the cause but what this error is; its reason is the cause, as in Node's own.
    super(message(details, cause), { cause: details.cause instanceof Abort ? details.cause.cause : details.cause });
    this.name = cause.code === 'ABORT_ERR' ? 'AbortError' : 'WriteError';
    this.code = cause.code ?? (details.step === 'read source' ? 'ERR_UNTORN_SOURCE' : 'ERR_UNTORN_UNEXPECTED');
    this.errno = cause.errno;
    this.syscall = cause.syscall;
    this.path = details.path;
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

interface Failure {
  code?: string | undefined;
  errno?: number | undefined;
  syscall?: string | undefined;
  currentVersion?: string;
  message?: string;
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

/** libuv has no name for some errors, a full quota among them; the system has. */
function nameOf(code: string, errno: unknown): string {
  if (!code.startsWith('Unknown system error')) return code;
  return Object.entries(process.getBuiltinModule('node:os').constants.errno).find(([, value]) => value === -Number(errno))?.[0] ?? code;
}

const doing: Record<Step, string> = {
  resolve: 'looking at it',
  'make parents': 'making its parent directories',
  wait: 'waiting for its turn',
  lock: 'waiting for its lock',
  read: 'reading the old content',
  unlock: 'releasing its lock',
  update: 'waiting for the new content',
  'create temporary file': 'creating the temporary file',
  'read source': 'reading the data',
  write: 'writing',
  'set metadata': 'setting mode, owner or attributes',
  sync: 'syncing',
  close: 'closing the temporary file',
  'back up': 'making the backup',
  rename: 'renaming',
  'write in place': 'writing in place',
  'sync directory': 'syncing the directory',
  commit: 'committing the transaction',
  complete: 'completing the transaction, which is committed',
};

const state: Record<Outcome, string> = {
  old: 'the target is untouched',
  new: 'the new content is in place, but not confirmed durable',
  unknown: 'what it holds now is unknown',
};

function message(details: WriteErrorDetails, cause: Failure): string {
  const kept = details.temporaryPath === undefined ? '' : `; the new content is kept in "${display(details.temporaryPath)}"`;
  const backup = details.backupPath === undefined ? '' : `; the old content is kept in "${display(details.backupPath)}"`;
  const when = saysAll(details.step, cause) ? '' : ` while ${doing[details.step]}`;
  return `Cannot ${details.operation ?? 'replace'} "${display(details.path)}": ${reason(details, cause)}${when}; ${stateOf(details)}${kept}${backup}`;
}

function stateOf({ outcome, files = [] }: WriteErrorDetails): string {
  const done = files.filter(({ holds }) => holds === 'new').length;
  if (outcome !== 'unknown' || files.length === 0) return state[outcome];
  return `${done} of its ${files.length} changes are made, and the rest is for recover()`;
}

/** Whether the reason says by itself what was wrong: refusals of ours do, except where an abort or a source may come at any step. */
function saysAll(step: Step, cause: Failure): boolean {
  if (isNoDirectory(step, cause)) return true;
  return cause.errno === undefined && (step === 'resolve' || /^ERR_(?:LOCK|VERSION)_/.test(cause.code ?? ''));
}

/** A system error's own words without the code, call and paths that Node puts around them. */
function reason({ cause, step }: WriteErrorDetails, failure: Failure): string {
  if (isNoDirectory(step, failure)) return `its directory does not exist (${failure.code})`;
  if (failure.syscall === 'uv_cwd') return `the working directory does not exist (${failure.code})`;
  if (failure.code === 'EDQUOT') return `disk quota exceeded (${failure.code})`;
  if (failure.errno !== undefined) {
    const known = process.getBuiltinModule('node:util').getSystemErrorMap().get(failure.errno);
    if (known !== undefined) return `${known[1]} (${failure.code})`;
  }
  return failure.message ?? String(cause);
}

/** Whether it failed since the target's directory is not there: a target that is not there is no failure. */
export function isNoDirectory(step: Step, { code, syscall }: Failure): boolean {
  return step === 'resolve' && code === 'ENOENT' && (syscall === 'open' || syscall === 'stat');
}

/** An error of the caller: wrong arguments, or a call that the object's state does not allow. */
export function misuse(code: string, text: string): TypeError {
  return Object.assign(new TypeError(text), { code });
}

/** An argument of the right type and outside of what is allowed. */
export function outOfRange(text: string): RangeError {
  return Object.assign(new RangeError(text), { code: 'ERR_OUT_OF_RANGE' });
}

/** A refusal in the terms of the system: an errno code and why. */
export function refusal(code: string, text: string): Error {
  return Object.assign(new Error(text), { code });
}

/** The error that an abort gives, in the form of Node's own. */
export function aborted(signal: AbortSignal): Error {
  return new Abort('The operation was aborted', { cause: signal.reason });
}

class Abort extends Error {
  override readonly name = 'AbortError';
  readonly code = 'ABORT_ERR';
}

/** The code of an error, if it has one. */
export function codeOf(error: unknown): string | undefined {
  return asFailure(error).code;
}
