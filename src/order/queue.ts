/** The writes of one file: those that wait for their turn, and the newest content that was committed. */
import { queueMicrotask, wait, type Steps } from '../system/index.ts';
import type { Operation } from '../files/index.ts';
import type { Durability, PathName } from '../contract/index.ts';

/** A call that waits in a queue, or has its turn. */
export interface Waiting {
  readonly number: number;
  readonly operation: Pick<Operation, 'settings' | 'locking'>;
  /** Whether newer content may take its place. */
  readonly supersedable: boolean;
  queue: FileQueue | undefined;
  wake: ((overtakenBy: Committed | undefined) => void) | undefined;
  limitWait: (() => void) | undefined;
}

/** The queues of a process, by the paths and files that they are for. */
export type FileQueues = Map<string, FileQueue>;

/** The pending writes of one file. */
export class FileQueue {
  readonly #queues: FileQueues;
  active: Waiting | undefined;
  readonly #waiting: Waiting[] = [];
  readonly #names: string[] = [];
  #beginning = false;
  /** How many of the waiting calls may not be skipped. */
  #fixed = 0;
  /**
   * How many of the waiting calls will hold a lock during their turn, for as long as a callback of the caller takes.
   */
  #locking = 0;

  constructor(queues: FileQueues) {
    this.#queues = queues;
  }

  /** Whether a wait in this queue may take long, so that it has to be bounded. */
  get isLocking(): boolean {
    return this.#locking > 0 || this.active?.operation.locking !== undefined;
  }

  /** Whether the next call has to wait. */
  get isBusy(): boolean {
    return this.#beginning || this.active !== undefined;
  }

  /** Starts the first turn when the program has made all the calls that it makes now. */
  beginSoon(): void {
    this.#beginning = true;
    queueMicrotask(() => {
      this.#beginning = false;
      this.#proceed();
    });
  }

  answerTo(name: string): void {
    this.#queues.set(name, this);
    this.#names.push(name);
  }

  add(turn: Waiting): void {
    let position = this.#waiting.length;
    while (position > 0 && (this.#waiting[position - 1] as Waiting).number > turn.number) position--;
    this.#waiting.splice(position, 0, turn);
    this.#count(turn, 1);
    if (this.isLocking)
      for (const waiting of turn.operation.locking === undefined ? [turn] : this.#waiting.slice(position))
        waiting.limitWait?.();
  }

  #count(turn: Waiting, by: 1 | -1): void {
    if (!turn.supersedable) this.#fixed += by;
    if (turn.operation.locking !== undefined) this.#locking += by;
  }

  drop(turn: Waiting): void {
    this.#waiting.splice(this.#waiting.indexOf(turn), 1);
    this.#count(turn, -1);
  }

  /** This queue turned out to be for the same file as another: its waiting calls move there, and so do later ones. */
  moveTo(other: FileQueue, active: Waiting): void {
    // Each may leave the other queue at once.
    for (const turn of this.#waiting.splice(0)) {
      turn.queue = other;
      other.add(turn);
    }
    for (const name of this.#names) other.answerTo(name);
    this.#names.length = 0;
    this.#fixed = 0;
    this.#locking = 0;
    if (this.active === active) this.active = undefined;
  }

  next(ended: Waiting, record: Committed | undefined): void {
    if (this.active !== ended) return;
    this.active = undefined;
    if (record !== undefined) this.#wakeOvertaken(record);
    this.#proceed();
  }

  #proceed(): void {
    const turn = this.#choose();
    if (turn === undefined) {
      for (const name of this.#names) if (this.#queues.get(name) === this) this.#queues.delete(name);
      return;
    }
    this.active = turn;
    turn.wake?.(undefined);
  }

  /** Wakes the calls that newer content serves and whose promise it keeps. */
  #wakeOvertaken(record: Committed): void {
    for (const turn of this.#waiting.splice(0)) {
      if (turn.supersedable && record.replaces(turn.number) && record.covers(turn.operation.settings.durability)) {
        turn.queue = undefined;
        turn.wake?.(record);
      } else {
        this.#waiting.push(turn);
      }
    }
  }

  /** The newest of the calls that wait before the first that may not be skipped; or that one. */
  #choose(): Waiting | undefined {
    const limit = this.#fixed === 0 ? this.#waiting.length : this.#waiting.findIndex((turn) => !turn.supersedable);
    const [turn] = this.#waiting.splice(Math.max(limit - 1, 0), 1);
    if (turn !== undefined) this.#count(turn, -1);
    return turn;
  }
}

/** Content that has been renamed into place, and the results of its syncs. */
export class Committed {
  readonly number: number;
  readonly path: PathName;
  /**
   * The number of the call that set all of the content: later ones, which have a lock, built on what was there. What is
   * older than it was replaced; of a call in between nobody has seen the content.
   */
  readonly base: number;
  /** Its confirmed durability; undefined until then. */
  confirmed: { durability: Durability; durable: boolean | 'unsupported' } | undefined;
  /** Why it could not be confirmed durable. */
  error: unknown;
  /** Whether the name was removed, or is a symbolic link now: there is no content to sync. */
  isName = false;
  readonly #waiting: (() => void)[] = [];
  #settled = false;

  constructor(number: number, path: PathName, base: number = number) {
    this.number = number;
    this.path = path;
    this.base = base;
  }

  /** Whether the content of an older call would have been replaced by this one. */
  replaces(number: number): boolean {
    return number < this.base;
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
  /** The first was committed first. */
  readonly #newest = new Map<string, Committed>();
  /** The oldest outstanding call when a record had to stay for it: when that has ended, records may go. */
  #staysFor = Infinity;

  find(file: string): Committed | undefined {
    return this.#newest.get(file);
  }

  /** Notes content that is newer than the known one. */
  note(file: string, record: Committed): void {
    this.#newest.delete(file);
    if (this.#callsFor.has(file)) this.#newest.set(file, record);
    else if (this.#outstanding.size > 0) {
      this.#newest.set(file, record);
      this.#stay();
    }
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
    if (file !== undefined) this.#callForEnds(file);
    if (this.#oldest > this.#staysFor) this.#forgetOld();
  }

  #callForEnds(file: string): void {
    const others = (this.#callsFor.get(file) ?? 1) - 1;
    if (others > 0) {
      this.#callsFor.set(file, others);
      return;
    }
    this.#callsFor.delete(file);
    const record = this.#newest.get(file);
    if (record === undefined) return;
    if (record.number <= this.#oldest) this.#newest.delete(file);
    else this.#stay();
  }

  /** The lowest number of a call that may be for any file. */
  get #oldest(): number {
    const [oldest = Infinity] = this.#outstanding;
    return oldest;
  }

  #stay(): void {
    this.#staysFor = Math.min(this.#staysFor, this.#oldest);
  }

  #forgetOld(): void {
    this.#staysFor = Infinity;
    for (const [file, record] of this.#newest) {
      if (this.#callsFor.has(file)) continue;
      if (record.number > this.#oldest) {
        this.#stay();
        break;
      }
      this.#newest.delete(file);
    }
  }
}
