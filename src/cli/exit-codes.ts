/** Exit codes: a caller can tell from them what the file holds now. */
import { WriteError, type Outcome } from '../errors.ts';
import { Conflict, UsageError } from './failures.ts';

export const exits = { done: 0, failed: 1, usage: 2, conflict: 3, notDurable: 4, unknown: 5 } as const;

const afterFailure: Record<Outcome, number> = { old: exits.failed, new: exits.notDurable, unknown: exits.unknown };

/** The exit code for what was thrown. */
export function exitCode(error: unknown): number {
  if (error instanceof UsageError) return exits.usage;
  if (error instanceof Conflict) return exits.conflict;
  if (WriteError.isWriteError(error)) return afterFailure[error.outcome];
  return exits.failed;
}
