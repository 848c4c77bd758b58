/** Exit codes: a caller can tell from them what the file holds now. */
import { WriteError, type Outcome } from '../contract/index.ts';
import { CommandFailed, Conflict, Empty, Unheard, UsageError } from './failures.ts';

export const exits = {
  done: 0,
  failed: 1,
  usage: 2,
  conflict: 3,
  notDurable: 4,
  unknown: 5,
  locked: 6,
  empty: 7,
  unheard: 8,
} as const;

type Kind = keyof typeof exits;

/** Our exit codes for a command that runs another: 126 and above are the shell's. */
const besideCommand = [0, 121, 122, 123, 124, 125, 120, 119, 118] as const;

const byCode: Readonly<Record<string, Kind>> = {
  ERR_LOCK_TIMEOUT: 'locked',
  ERR_LOCK_LOST: 'locked',
  ERR_VERSION_CONFLICT: 'conflict',
};
const afterFailure: Readonly<Record<Exclude<Outcome, 'old'>, Kind>> = { new: 'notDurable', unknown: 'unknown' };

/** The exit code of a thrown error; `beside` says that the command runs another. */
export function exitCode(error: unknown, beside: boolean): number {
  return error instanceof CommandFailed ? error.status : codeFor(kindOf(error), beside);
}

/** The exit code for what happened; `beside` says that the command runs another. */
export function codeFor(kind: Kind, beside: boolean): number {
  return beside ? besideCommand[exits[kind]] : exits[kind];
}

function kindOf(error: unknown): Kind {
  if (error instanceof UsageError) return 'usage';
  if (error instanceof Conflict) return 'conflict';
  if (error instanceof Empty) return 'empty';
  if (error instanceof Unheard) return 'unheard';
  if (!WriteError.isWriteError(error)) return 'failed';
  // The transaction is committed, and a recovery completes it.
  if (error.files !== undefined) return 'notDurable';
  return error.outcome === 'old' ? (byCode[error.code] ?? 'failed') : afterFailure[error.outcome];
}
