/** What there is to say of a failure. */
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
  | 'write in place'
  | 'sync directory'
  | 'commit'
  | 'complete';

/**
 * What is done with a path, if it is not replaced: by a transaction, or by a function that only looks at it or tidies
 * it up.
 */
export type OperationName = 'remove' | 'rename' | 'read' | 'sweep' | 'recover' | 'replace directory';

/** What a {@link WriteError} is made of. */
export interface WriteErrorDetails {
  path: PathName;
  /** The new name, of what is renamed. */
  dest?: PathName | undefined;
  /** The file itself, where the path leads. */
  target?: PathName | undefined;
  /** Whether it is locked, so that it may not be written in place. */
  locked?: boolean | undefined;
  step: Step;
  outcome: Outcome;
  cause: unknown;
  /** What was to be done with the file, if not to replace it. */
  operation?: OperationName | undefined;
  temporaryPath?: PathName | undefined;
  backupPath?: PathName | undefined;
  files?: readonly FileState[] | undefined;
}

/** What a file holds of a transaction that is committed and could not be completed; see `WriteError.files`. */
export interface FileState {
  readonly path: PathName;
  /**
   * `'old'` and `'new'` as before and after the transaction; of a file that is removed `'new'` says that it is gone.
   */
  readonly holds: Outcome;
}

/** What a cause says of itself. */
export interface Failure {
  code?: string | undefined;
  errno?: number | undefined;
  syscall?: string | undefined;
  currentVersion?: string;
  message?: string;
}
