/** Failures of the command line besides the library's own errors. */
import { getSystemErrorMap } from 'node:util';

/** The command line itself is wrong. */
export class UsageError extends Error {
  /** The command whose help is useful. */
  command: string | undefined;
}

/** Standard input, standard output or a command failed; the file is untouched. */
export class Failure extends Error {}

/** There was no content, and the file has some. */
export class Empty extends Error {}

/** The work is done; only its printed result is lost. */
export class Unheard extends Error {}

/** The file exists, but it was only to be created. */
export class Conflict extends Error {}

/** A system error in words, with its code: "no space left on device (ENOSPC)". */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, errno } = error as NodeJS.ErrnoException;
  const known = errno === undefined ? undefined : getSystemErrorMap().get(errno);
  return known === undefined ? error.message : `${known[1]} (${code})`;
}

export function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}

/** The command of `untorn run` failed, or could not be run; `status` is the exit status to pass on. */
export class CommandFailed extends Failure {
  readonly status: number;

  constructor(text: string, status: number, options?: ErrorOptions) {
    super(text, options);
    this.status = status;
  }
}

/** A signal came while a command ran. It ends this process too, as soon as everything is cleaned up. */
export class Interrupted extends Error {
  readonly signal: NodeJS.Signals;

  constructor(signal: NodeJS.Signals) {
    super(`Interrupted by ${signal}`);
    this.signal = signal;
  }
}
