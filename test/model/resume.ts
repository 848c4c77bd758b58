import type { Request, Steps } from '#untorn/system/port.js';

/** What a call or some steps ended with. */
export type Outcome = { readonly value: unknown } | { readonly error: unknown };

/** Gives steps the outcome of what they asked for: they ask for something else, or have ended. */
export function resume(
  steps: Steps<unknown>,
  outcome: Outcome,
): { readonly request: Request } | { readonly ended: Outcome } {
  try {
    const next = 'error' in outcome ? steps.throw(outcome.error) : steps.next(outcome.value);
    return next.done === true ? { ended: { value: next.value } } : { request: next.value };
  } catch (error) {
    return { ended: { error } };
  }
}
