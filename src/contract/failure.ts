/** The details of a failure. */
import type { PathName } from './path-name.ts';

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
  | 'remove'
  | 'cut'
  | 'write in place'
  | 'sync directory'
  | 'commit'
  | 'complete';

/**
 * The operation on a path, if it is not a replacement: another change of a file or a name, or a function that only
 * reads or tidies up.
 */
export type OperationName =
  | 'remove'
  | 'rename'
  | 'link'
  | 'copy'
  | 'append to'
  | 'lock'
  | 'read'
  | 'inspect'
  | 'sweep'
  | 'recover'
  | 'replace directory';

/** The details that make a {@link WriteError}. */
export interface WriteErrorDetails {
  path: PathName;
  // The new name, if the operation is a rename.
  dest?: PathName | undefined;
  // The file that the path leads to.
  target?: PathName | undefined;
  // Whether the target is locked, so that it may not be written in place.
  locked?: boolean | undefined;
  step: Step;
  outcome: Outcome;
  cause: unknown;
  // The operation on the file, if it is not a replacement.
  operation?: OperationName | undefined;
  temporaryPath?: PathName | undefined;
  backupPath?: PathName | undefined;
  files?: readonly FileState[] | undefined;
}

/** What a file of a committed transaction holds that could not be completed; see `WriteError.files`. */
export interface FileState {
  readonly path: PathName;
  /** `'old'` and `'new'`: as before and after the transaction; a removed file is `'new'` when it is gone. */
  readonly holds: Outcome;
}

/** The details of a cause. */
export interface Failure {
  code?: string | undefined;
  errno?: number | undefined;
  syscall?: string | undefined;
  currentVersion?: string;
  message?: string;
}
