/** Committed content of this process. */
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

/** The newest committed content of each file, kept while an older call may still come. */
export class Newest {
  /** Numbers of calls that have not settled and may be for any file, lowest first. */
  readonly #outstanding = new Set<number>();
  /** For each file, the number of calls that have not settled and are for this file only. */
  readonly #callsFor = new Map<string, number>();
  readonly #newest = new Map<string, Committed>();

  find(file: string): Committed | undefined {
    return this.#newest.get(file);
  }

  /** Notes content that is newer than the known one. */
  note(file: string, record: Committed): void {
    if (this.#outstanding.size > 0 || this.#callsFor.has(file)) this.#newest.set(file, record);
  }

  /** A call begins, and may be for any file. */
  callBegins(number: number): void {
    this.#outstanding.add(number);
  }

  /**
   * A call turns out to be for one file: nothing has to be kept for it about others. Returns false if that was known
   * already.
   */
  callIsFor(number: number, file: string): boolean {
    if (!this.#outstanding.delete(number)) return false;
    this.#callsFor.set(file, (this.#callsFor.get(file) ?? 0) + 1);
    return true;
  }

  /** A call has ended: records are forgotten that only calls as old as it could have needed. */
  callEnds(number: number, file: string | undefined): void {
    this.#outstanding.delete(number);
    if (file !== undefined) {
      const others = (this.#callsFor.get(file) ?? 1) - 1;
      if (others === 0) this.#callsFor.delete(file);
      else this.#callsFor.set(file, others);
    }
    this.#forgetOld();
  }

  #forgetOld(): void {
    if (this.#newest.size === 0) return;
    const [oldest = Infinity] = this.#outstanding;
    for (const [file, record] of this.#newest) {
      if (record.number > oldest) break;
      if (!this.#callsFor.has(file)) this.#newest.delete(file);
    }
  }
}
