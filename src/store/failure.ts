/** The failures of engines, and what callers see of them. */
import { aborted, codeOf, refusal, WriteError, type Outcome, type Step } from '../contract/index.ts';

/** A failure of an engine. `'old'`: it is certain that nothing was changed. */
export function failure(outcome: 'old' | 'unknown', code: string, text: string, cause?: unknown): Error {
  return Object.assign(refusal(code, text), { outcome, cause });
}

/** What is known after an error of an engine. */
function outcomeOf(error: unknown, otherwise: Outcome): Outcome {
  const said = typeof error === 'object' && error !== null && (error as { outcome?: unknown }).outcome;
  return said === 'old' || said === 'unknown' ? said : otherwise;
}

/** Where a call failed, and how. */
interface Failed {
  readonly path: string;
  readonly step: Step;
  readonly operation?: 'read' | 'remove' | undefined;
  /** The outcome of an error that does not tell it. */
  readonly otherwise: 'old' | 'unknown';
  readonly signal?: AbortSignal | undefined;
}

export function asWriteError({ path, step, operation, otherwise, signal }: Failed, error: unknown): WriteError {
  if (WriteError.isWriteError(error)) return error;
  const isAbort = signal?.aborted === true && (codeOf(error) === undefined || codeOf(error) === 'ABORT_ERR');
  return new WriteError({
    path,
    step,
    operation,
    outcome: otherwise === 'old' ? 'old' : outcomeOf(error, otherwise),
    cause: isAbort ? aborted(signal) : error,
  });
}

/** The refusal of a condition that was not met. */
export function conflict(currentVersion: string | undefined): Error {
  const text = 'it does not have the expected version';
  return Object.assign(
    failure('old', 'ERR_VERSION_CONFLICT', currentVersion === undefined ? text : `${text}, but "${currentVersion}"`),
    currentVersion === undefined ? {} : { currentVersion },
  );
}

/** What happens while a request is sent or awaited; its errors are told apart by code, never by text. */
export function connectionFailure(error: unknown): Error {
  const cause: unknown = (error as { cause?: unknown }).cause ?? error;
  const code = codeOf(cause) ?? codeOf(error);
  const said = (cause as { message?: unknown }).message;
  const text = typeof said === 'string' && said !== '' ? said : 'the connection failed';
  if (code !== undefined && neverSent.has(code)) return failure('old', code, text, error);
  return failure('unknown', code ?? 'ERR_UNTORN_NO_ANSWER', `no answer tells what became of it: ${text}`, error);
}

/** Codes of a connection that was never made, so that nothing was sent. */
const neverSent = new Set([
  'EAI_AGAIN',
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'UND_ERR_CONNECT_TIMEOUT',
  // Bun's name for it.
  'ConnectionRefused',
]);
