/** Group commit: several writes that wait for one sync. */
import { wait, type Steps } from '../system/index.ts';

/** The syncs of something that several writes share: the one that has begun, and the one that comes after it. */
export interface SyncedTogether {
  syncing: SharedSync | undefined;
  next: SharedSync | undefined;
}

/**
 * One sync for all callers that come before it begins. A sync that has begun may have missed the caller's rename; the
 * next one cannot. If that one has failed, so has the next: the kernel reports a failed write-back once, and it may have
 * been that of the caller's rename (Rebello et al., ATC '20).
 */
export function* syncTogether(
  shared: SyncedTogether,
  sync: () => Steps<true | 'unsupported'>,
): Steps<true | 'unsupported'> {
  if (shared.next !== undefined) return yield* shared.next.result();
  const own = new SharedSync();
  shared.next = own;
  const before = shared.syncing;
  if (before !== undefined) yield* before.ended();
  shared.next = undefined;
  shared.syncing = own;
  try {
    if (before !== undefined) yield* before.result();
    own.succeed(yield* sync());
  } catch (error) {
    own.fail(error);
  }
  if (shared.syncing === own) shared.syncing = undefined;
  return yield* own.result();
}

/** One sync that several writes wait for. */
export class SharedSync {
  #outcome: { durable: true | 'unsupported' } | { error: unknown } | undefined;
  readonly #waiting: (() => void)[] = [];

  succeed(durable: true | 'unsupported'): void {
    this.#end({ durable });
  }

  fail(error: unknown): void {
    this.#end({ error });
  }

  #end(outcome: { durable: true | 'unsupported' } | { error: unknown }): void {
    this.#outcome = outcome;
    for (const wake of this.#waiting) wake();
  }

  *ended(): Steps<void> {
    if (this.#outcome === undefined) yield* wait<void>((wake) => void this.#waiting.push(() => wake()));
  }

  *result(): Steps<true | 'unsupported'> {
    yield* this.ended();
    const outcome = this.#outcome;
    if (outcome !== undefined && 'durable' in outcome) return outcome.durable;
    throw outcome?.error;
  }
}
