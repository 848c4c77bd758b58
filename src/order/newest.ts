/** The newest committed content of each file, kept while an older call may still come. */
import type { Committed } from './committed.ts';

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
