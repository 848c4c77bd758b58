import type { Durability, PathName } from '../contract/index.ts';
import { wait, type Steps } from '../system/index.ts';

/** Content that has been renamed into place, and the results of its syncs. */
export class Committed {
  readonly number: number;
  readonly path: PathName;
  /** Its confirmed durability; undefined until then. */
  confirmed: { durability: Durability; durable: boolean | 'unsupported' } | undefined;
  /** Why it could not be confirmed durable. */
  error: unknown;
  readonly #waiting: (() => void)[] = [];
  #settled = false;

  constructor(number: number, path: PathName) {
    this.number = number;
    this.path = path;
  }

  confirm(durability: Durability, durable: boolean | 'unsupported'): void {
    this.confirmed = { durability, durable };
    this.#settle();
  }

  fail(error: unknown): void {
    this.error = error;
    this.#settle();
  }

  #settle(): void {
    this.#settled = true;
    for (const wake of this.#waiting) wake();
  }

  *settled(): Steps<void> {
    if (!this.#settled) yield* wait<void>((wake) => void this.#waiting.push(() => wake()));
  }

  covers(durability: Durability): boolean {
    return this.confirmed !== undefined && rank[this.confirmed.durability] >= rank[durability];
  }
}

const rank: Record<Durability, number> = { off: 0, normal: 1, full: 2 };
