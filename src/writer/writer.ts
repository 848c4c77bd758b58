import {
  forCaller,
  chunkBytes,
  isChunk,
  misuse,
  readDuration,
  display,
  type PathLike,
  type PathName,
  type WriteResult,
} from '../contract/index.ts';
import {
  runAsync,
  environment,
  targetPath,
  type GivenPath,
  type Steps,
  runSync,
  prepareToSave,
  unwatch,
  watch,
  type Unsaved,
} from '../system/index.ts';
import {
  failedDuring,
  newOperation,
  type Operation,
  readOptionsAnd,
  type Settings,
  type Target,
} from '../files/index.ts';
import { Turn } from '../order/index.ts';
import { type LaterContent, replaceFile } from '../replace/index.ts';
import {
  ownError,
  previousContent,
  assertUtf8,
  type FormatSettings,
  readCodec,
  readFunction,
  readIndent,
  stringify,
  encode,
  indentedBy,
  layOut,
  type Layout,
  layoutAt,
} from '../json/index.ts';
import { asNow, notLater } from './given-value.ts';
import { Saving } from './saving.ts';
import type { WriterOptions } from './writer-options.ts';

type Form = Pick<FormatSettings, 'format' | 'indent'>;

/**
 * Writes a file over and over, always the newest of its values; see {@link createWriter}.
 *
 * It holds at most the value that is being written and the newest one that waits.
 */
export class Writer<T = unknown> {
  /** The file, as an absolute path. */
  readonly path: PathName;
  readonly #target: GivenPath;
  readonly #settings: Settings;
  readonly #options: WriterOptions<T>;
  readonly #form: Form;
  readonly #unsaved: Unsaved = { start: () => this.#hurry(), saveNow: () => this.#saveAtEnd() };
  #layout: Layout | undefined;
  #running: Saving<T> | undefined;
  #waiting: Saving<T> | undefined;
  /** Why the newest value is not committed. */
  #failure: { readonly error: unknown } | undefined;
  #closed = false;

  /** @internal Use {@link createWriter}. */
  constructor(target: GivenPath, settings: Settings, form: Form, options: WriterOptions<T>) {
    this.path = target.path;
    this.#target = target;
    this.#settings = settings;
    this.#form = form;
    this.#options = options;
    prepareToSave();
  }

  /**
   * Writes a value, or the result of a function that is called when its turn comes; changes to a value until then are
   * written too.
   *
   * The promise resolves when this value or a newer one is committed, with the result of that write; values that share
   * a write share its promise. It rejects if that write failed, or with the error of the serializer; the file then has
   * the old content, and later values get their turn.
   *
   * @throws {TypeError} by rejecting: `ERR_INVALID_STATE` once it is closed.
   */
  write(value: T | (() => T)): Promise<WriteResult> {
    if (this.#closed)
      return Promise.reject(misuse('ERR_INVALID_STATE', `The writer of "${display(this.#target.given)}" is closed`));
    const isOwn = this.#options.serialize === undefined && this.#form.format === undefined;
    const given = isOwn ? asNow(value) : value;
    const turn = new Turn(newOperation(this.#target, this.#settings, environment, false));
    const saving = this.#waiting ?? new Saving<T>(turn, given, this.#options.onError !== undefined);
    if (saving === this.#waiting) {
      saving.turn.leave();
      saving.turn = turn;
      saving.value = given;
    } else {
      this.#await(saving);
    }
    this.#next();
    return saving.promise;
  }

  /** Resolves once the newest value is committed, without waiting for the delay; rejects if it could not be written. */
  async flush(): Promise<void> {
    this.#hurry();
    const last = this.#waiting ?? this.#running;
    if (last !== undefined) await forCaller(last.promise);
    else if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Commits the newest value, blocking, also while an earlier one is being written. */
  flushSync(): void {
    const running = this.#running;
    const waiting = this.#waiting;
    const saving = waiting ?? running;
    if (saving === undefined && this.#failure !== undefined) throw this.#failure.error;
    if (saving === undefined || saving.overtakenBy !== undefined) return;
    if (waiting !== undefined) this.#take(waiting);
    try {
      const operation = newOperation(this.#target, this.#settings, environment, true);
      const result = runSync(replaceFile(operation, new Turn(operation, saving.turn), this.#content(saving)));
      // One that is under way still has to clean up.
      if (running !== undefined) running.overtakenBy = result;
      if (waiting === undefined) this.#failure = undefined;
      else this.#succeed(waiting, result);
    } catch (error) {
      if (waiting !== undefined) this.#fail(waiting, error);
      throw ownError(error);
    } finally {
      waiting?.turn.leave();
      this.#rest();
    }
  }

  /** Writes waiting values; later values are refused. Rejects as `flush()` does, and is closed all the same. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.flush();
  }

  /** Closes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Makes a new write the waiting one. */
  #await(saving: Saving<T>): void {
    const { delay = 0 } = this.#options;
    this.#waiting = saving;
    if (delay > 0) saving.timer = setTimeout(() => this.#hurry(), delay).unref();
    else saving.due = true;
    watch(this.#unsaved);
  }

  #take(saving: Saving<T>): void {
    clearTimeout(saving.timer);
    this.#waiting = undefined;
  }

  #hurry(): void {
    if (this.#waiting !== undefined) this.#waiting.due = true;
    this.#next();
  }

  /** Begins with the waiting write if it may. */
  #next(): void {
    const saving = this.#waiting;
    if (saving === undefined || this.#running !== undefined || !saving.due) return;
    this.#take(saving);
    this.#running = saving;
    void this.#run(saving);
  }

  async #run(saving: Saving<T>): Promise<void> {
    let tell: () => void;
    try {
      const result = await runAsync(replaceFile(saving.turn.operation, saving.turn, this.#content(saving)));
      tell = () => this.#succeed(saving, result);
    } catch (error) {
      const { overtakenBy } = saving;
      tell = () => (overtakenBy === undefined ? this.#fail(saving, error) : this.#succeed(saving, overtakenBy));
    }
    this.#running = undefined;
    this.#next();
    this.#rest();
    tell();
  }

  /** Nothing is left to be saved. */
  #rest(): void {
    if (this.#running === undefined && this.#waiting === undefined) unwatch(this.#unsaved);
  }

  #succeed(saving: Saving<T>, result: WriteResult): void {
    this.#failure = undefined;
    saving.resolve(result);
  }

  #fail(saving: Saving<T>, cause: unknown): void {
    const error = ownError(cause);
    this.#failure = { error };
    saving.reject(error);
    this.#options.onError?.(error);
  }

  #content(saving: Saving<T>): LaterContent {
    return { kind: 'later', make: (operation, target) => this.#bytes(saving, operation, target) };
  }

  *#bytes(saving: Saving<T>, operation: Operation, target: Target): Steps<Uint8Array> {
    const isLate = this.#form.format !== undefined && saving.serialized === undefined;
    const previous = isLate ? yield* previousContent(operation, target) : undefined;
    try {
      saving.serialized ??= this.#serialize(saving.value as T | (() => T), previous);
    } catch (error) {
      throw failedDuring(operation, 'read source', error);
    }
    saving.value = undefined;
    if (typeof saving.serialized !== 'string') return saving.serialized;
    if (this.#form.indent.forced !== undefined) return encode(saving.serialized, '\n');
    return layOut(
      saving.serialized,
      (this.#layout ??= indentedBy(yield* layoutAt(target), this.#form.indent.otherwise)),
    );
  }

  #serialize(given: T | (() => T), previous: Buffer | undefined): string | Uint8Array {
    const value =
      typeof given === 'function' ? notLater('The function passed to write()', (given as () => T)()) : given;
    const { serialize } = this.#options;
    if (this.#form.format !== undefined) return this.#form.format.contentOf(value, previous);
    if (serialize !== undefined)
      return chunkBytes(notLater('"options.serialize"', serialize(value)), this.#settings.encoding);
    if (isChunk(value)) return chunkBytes(value, this.#settings.encoding);
    return stringify(value, undefined, this.#form.indent.forced, undefined, this.#target.given);
  }

  #saveAtEnd(): void {
    try {
      this.flushSync();
    } catch (error) {
      // The error has been reported, unless it is an error of `onError` itself.
      if (this.#options.onError === undefined || error !== this.#failure?.error) throw error;
    }
  }
}

/**
 * Makes a writer for a file that is written often, as a program's state.
 *
 * Of waiting values only the newest is serialized, and written as by {@link writeFile}: a thousand unawaited calls cost
 * two writes, with a `delay` one. A value has the place of its `write()` in the order of all writes of this process: a
 * later `writeFile()` of the file wins.
 *
 * Waiting values are saved when the process ends, also at `process.exit()`, after an uncaught exception, and at a
 * signal that the program does not handle. A failure is reported to `onError`; without it on standard error, and the
 * exit status is 1. `kill -9`, `worker.terminate()` and a power cut lose uncommitted values.
 *
 * @see docs/functions.md#state
 * @throws {TypeError | RangeError} for wrong arguments.
 * @example Keep a program's state
 * ```ts
 * const state = createWriter('state.json', { delay: 100 });
 * void state.write({ count: 1 });
 * await state.write({ count: 2 }); // in place now
 * await state.close();
 * ```
 */
export function createWriter<T = unknown>(path: PathLike, options?: WriterOptions<T> | null): Writer<T> {
  const { settings, fields } = readOptionsAnd(options, ['serialize', 'format', 'indent', 'delay', 'onError']);
  if (!settings.overwrite)
    throw misuse('ERR_INVALID_ARG_VALUE', '"options.overwrite" must be true: a writer replaces its file each time');
  const serialize = readFunction('serialize', fields['serialize']) as WriterOptions<T>['serialize'];
  const onError = readFunction('onError', fields['onError']) as WriterOptions<T>['onError'];
  if (settings.ifMatch !== undefined)
    throw misuse('ERR_INVALID_ARG_VALUE', '"options.ifMatch" is for one write, not for a writer');
  const format = readCodec(fields);
  if (format !== undefined) assertUtf8(settings);
  if (serialize !== undefined && format !== undefined)
    throw misuse('ERR_INVALID_ARG_VALUE', '"options.serialize" and "options.format" exclude each other');
  const delay = readDuration(fields['delay'], 'options.delay', 0);
  return new Writer(
    targetPath(path),
    settings,
    { format, indent: readIndent(fields['indent']) },
    { serialize, delay, onError },
  );
}
