/** What the calls of one program did, and whether that is what was promised. */
import assert from 'node:assert/strict';
import { WriteError, type WriteResult } from 'untorn';
import type { Call } from './actions.ts';

type State = 'running' | 'succeeded' | 'failed' | 'discarded';

/** One call. Its place in the order lies between two moments, which are one where the call itself decides it. */
export class Entry {
  readonly call: Call;
  readonly content: string;
  readonly #history: History;
  state: State = 'running';
  result: WriteResult | undefined;
  error: unknown;
  aborted = false;
  /** When the program made the call. */
  readonly made: number;
  /** Its place in the order is not before this, nor after that. */
  first: number;
  last = Infinity;
  settled = Infinity;
  /** What was in the file when it settled. */
  seen: string | undefined;

  constructor(history: History, call: Call, content: string) {
    this.call = call;
    this.content = content;
    this.#history = history;
    this.made = this.first = history.moment();
    if (call.kind.startsWith('writeFile') || call.kind === 'atomicWriteSync') this.last = this.first;
  }

  /** It has not taken its place yet. */
  begins(): void {
    this.first = this.#history.moment();
  }

  /** It has taken its place. */
  isOrdered(): void {
    this.last = this.#history.moment();
  }

  /** A synchronous call has returned: its content is there at this moment. */
  isBlocking(): void {
    assert.equal(
      short(this.#history.look(this.call)),
      short(this.content),
      `what ${this.name} wrote is not there when it returns`,
    );
  }

  resolve(result: WriteResult | undefined): void {
    if (this.call.kind.endsWith('FileSync') || this.call.kind === 'atomicWriteSync') this.isBlocking();
    this.result = result;
    this.#settle('succeeded');
  }

  reject(error: unknown): void {
    this.error = error;
    this.#settle('failed');
  }

  discarded(): void {
    this.#settle('discarded');
  }

  #settle(state: State): void {
    this.state = state;
    this.seen = this.#history.look(this.call);
    this.settled = this.#history.moment();
    this.last = Math.min(this.last, this.settled);
  }

  /** Whether the new content got into the file, for all that the call says. */
  get placed(): boolean {
    return this.state === 'succeeded' || (WriteError.isWriteError(this.error) && this.error.outcome !== 'old');
  }

  get creates(): boolean {
    return this.call.options.overwrite === false;
  }

  get name(): string {
    return `${this.call.kind} ${short(this.content)}`;
  }
}

export class History {
  readonly entries: Entry[] = [];
  /** When which file was removed by somebody else. */
  readonly removals: { readonly file: string; readonly moment: number }[] = [];
  readonly #read: (file: string) => string | undefined;
  #clock = 0;

  constructor(read: (file: string) => string | undefined) {
    this.#read = read;
  }

  moment(): number {
    return ++this.#clock;
  }

  look(call: Call): string | undefined {
    return this.#read(call.target.file);
  }

  begin(call: Call, content: string): Entry {
    const entry = new Entry(this, call, content);
    this.entries.push(entry);
    return entry;
  }

  /** Judges all of it, when everything has settled. */
  check(files: readonly string[]): void {
    for (const file of files) {
      const entries = this.entries.filter(({ call }) => call.target.file === file);
      const removals = this.removals.filter((removal) => removal.file === file).map(({ moment }) => moment);
      for (const entry of entries) {
        checkTold(entry, entries, removals);
        if (entry.placed) checkSeen(entry, entries, removals);
      }
      checkEnd(this.#read(file), entries, removals);
    }
  }
}

/** The result or the error is one that this call may give. */
function checkTold(entry: Entry, all: readonly Entry[], removals: readonly number[]): void {
  const { state, error, result, call, made, settled, name } = entry;
  if (state === 'failed') {
    const code = (error as NodeJS.ErrnoException).code;
    const removed = removals.some((moment) => moment > made && moment < settled);
    const expected =
      (error as Error).constructor.name === 'NoMore' ||
      (error as { cause?: Error }).cause?.constructor.name === 'NoMore'
        ? call.fate === 'fail'
        : (code === 'ABORT_ERR' && entry.aborted) ||
          (code === 'EEXIST' && entry.creates) ||
          (code === 'ERR_UNTORN_OVERTAKEN' && call.options.mode !== undefined && newer(entry, all)) ||
          (code === 'ENOENT' && removed);
    assert.ok(expected, `${name} fails with ${String((error as Error).stack)}`);
  }
  if (state !== 'succeeded') return;
  assert.ok(
    call.fate === 'commit' || call.kind.startsWith('writeFileSync') || (call.kind === 'writeFile' && !call.source),
    `${name} succeeds, though its source failed`,
  );
  if (result === undefined) return;
  assert.equal(result.bytes, entry.content.length);
  if (result.superseded) assert.ok(newer(entry, all), `${name} is superseded by nothing`);
  const before = all.find(
    (other) =>
      entry.creates &&
      other.placed &&
      other.settled < made &&
      !removals.some((moment) => moment > other.made && moment < settled),
  );
  assert.equal(before, undefined, `${name} creates what ${before?.name} had created`);
}

/** Whether there is content that may come after this one's. */
function newer(entry: Entry, all: readonly Entry[]): boolean {
  return all.some((other) => other !== entry && other.placed && other.last > entry.first);
}

/** A call that is over has its content in place, or newer content, or somebody removed it. */
function checkSeen(entry: Entry, all: readonly Entry[], removals: readonly number[]): void {
  const { seen, made, settled, name } = entry;
  const removedAt = removals.findLast((moment) => moment > made && moment < settled);
  if (seen === undefined) {
    assert.notEqual(removedAt, undefined, `the file is absent when ${name} is over`);
    return;
  }
  const notOlder = (other: Entry): boolean =>
    other.last > entry.first || (removedAt !== undefined && other.creates && other.settled > removedAt);
  const fits = all.some(
    (other) => other.content === seen && other.placed && other.made < settled && (other === entry || notOlder(other)),
  );
  assert.ok(fits, `older content ${short(seen)} is in place when ${name} is over`);
}

/** At the end there is what the last successful call wrote. */
function checkEnd(content: string | undefined, all: readonly Entry[], removals: readonly number[]): void {
  const removedAt = removals.at(-1) ?? 0;
  const placed = all.filter((entry) => entry.placed);
  if (content === undefined) {
    const after = placed.find((entry) => entry.made > removedAt);
    assert.equal(after, undefined, `the file is absent at the end, after ${after?.name}`);
    return;
  }
  const last = (entry: Entry): boolean =>
    !placed.some((other) => other.first > entry.last && !(entry.creates && removedAt > other.made));
  const fits = placed.some((entry) => entry.content === content && entry.settled > removedAt && last(entry));
  assert.ok(fits, `${short(content)} is in place at the end`);
}

function short(content: string | undefined): string | undefined {
  return content === undefined || content.length < 20 ? content : `${content.slice(0, 10)}… (${content.length})`;
}
