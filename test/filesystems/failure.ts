/** What failed, in what can be sent to another process. */
export interface Failure {
  readonly name: string;
  readonly code: string;
  readonly message: string;
  readonly outcome?: string;
  readonly step?: string;
  readonly syscall?: string;
}

export function failureOf(error: unknown): Failure {
  const { name, code, message, outcome, step, syscall } = error as Partial<Failure>;
  return {
    name: String(name),
    code: code ?? String(name),
    message: message ?? String(error),
    ...(outcome !== undefined && { outcome }),
    ...(step !== undefined && { step }),
    ...(syscall !== undefined && { syscall }),
  };
}
