/**
 * Calls that have begun and do not stand in the queue of their file: those that have not found it yet, and those whose
 * data is still being read. Nobody waits for them unless one of the two builds on what is there.
 */
export class Outside<Call> {
  /** Calls of which nobody knows yet where their path leads, by their numbers, lowest first. */
  readonly #unknown = new Map<number, Call>();
  /** The numbers of the others, by file. */
  readonly #known = new Map<string, Set<number>>();

  begins(number: number, call: Call): void {
    this.#unknown.set(number, call);
  }

  /** A call has ended, or stands in the queue of its file. */
  isQueued(number: number): void {
    this.#unknown.delete(number);
  }

  /** A call is for this file. */
  leadsTo(file: string, number: number): void {
    this.#unknown.delete(number);
    const numbers = this.#known.get(file);
    if (numbers === undefined) this.#known.set(file, new Set([number]));
    else numbers.add(number);
  }

  /** It is for another file, or has ended. */
  leavesFile(file: string, number: number): void {
    const numbers = this.#known.get(file);
    numbers?.delete(number);
    if (numbers?.size === 0) this.#known.delete(file);
  }

  /** The calls before this one of which nobody knows yet where their path leads. */
  unknownBefore(number: number): Call[] {
    const calls: Call[] = [];
    for (const [other, call] of this.#unknown) {
      if (other >= number) break;
      calls.push(call);
    }
    return calls;
  }

  /** Whether a call before this one may be for the file. */
  mayHaveBefore(number: number, file: string): boolean {
    const [unknown = Infinity] = this.#unknown.keys();
    return unknown < number || this.hasBefore(number, file);
  }

  /** Whether a call before this one is known to be for the file. */
  hasBefore(number: number, file: string): boolean {
    for (const other of this.#known.get(file) ?? []) if (other < number) return true;
    return false;
  }
}
