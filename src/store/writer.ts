/**
 * Writing only the newest of many values to a store.
 *
 * Every write has a condition, the version that was there before it. So a request whose outcome is unknown, and which
 * may take effect later, can never replace a newer value of this writer.
 */
import {
  assertFunction,
  chunkBytes,
  forCaller,
  isChunk,
  isThenable,
  misuse,
  readDuration,
  record,
  type Chunk,
  type Version,
} from '../contract/index.ts';
import { clearTimeout, setTimeout } from '../system/index.ts';
import { encode, readIndent, stringify, type Indentation, type WriteJsonOptions } from '../json/index.ts';
import type { Store, StoreResult } from './contract.ts';
import { checkedKey, checkedStore } from './store.ts';
import { isConflict } from './update.ts';

/** How a {@link StoreWriter} writes. */
export interface StoreWriterOptions<T = unknown> {
  /**
   * Makes text or bytes of a value, when its turn comes. @default strings and bytes as they are, other values as JSON
   */
  serialize?: ((value: T) => Chunk) | undefined;
  /** For JSON. @default one line */
  indent?: WriteJsonOptions['indent'];
  /** Milliseconds for which values are collected; later values do not extend it. @default 0 */
  delay?: number | undefined;
  /**
   * Called for each write that failed; unawaited promises of `write()` are then not unhandled rejections.
   * @default none
   */
  onError?: ((error: unknown) => void) | undefined;
}

interface Saving<T> {
  value: T | (() => T);
  readonly promise: Promise<StoreResult>;
  readonly resolve: (result: StoreResult) => void;
  readonly reject: (error: unknown) => void;
}

/** Writes a key over and over, always the newest of its values; see {@link createWriter}. */
export class StoreWriter<T = unknown> {
  readonly store: Store;
  readonly key: string;
  readonly #options: StoreWriterOptions<T>;
  readonly #indent: Indentation;
  #running: Saving<T> | undefined;
  #waiting: Saving<T> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isDue = false;
  #failure: { readonly error: unknown } | undefined;
  #closed = false;
  /** What is there, as far as this writer knows. */
  #version: Version | undefined;

  /** @internal Use {@link createWriter}. */
  constructor(store: Store, key: string, indent: Indentation, options: StoreWriterOptions<T>) {
    this.store = store;
    this.key = key;
    this.#indent = indent;
    this.#options = options;
  }

  /**
   * Writes a value, or the result of a function that is called when its turn comes. Resolves when this value or a newer
   * one is acknowledged; values that share a write share its promise. It rejects if that write failed, also with an
   * unknown outcome; later values get their turn.
   */
  write(value: T | (() => T)): Promise<StoreResult> {
    if (this.#closed) return Promise.reject(misuse('ERR_INVALID_STATE', `The writer of "${this.key}" is closed`));
    const saving = this.#waiting ?? this.#newSaving(value);
    saving.value = value;
    this.#waiting = saving;
    this.#next();
    return saving.promise;
  }

  /** Resolves once the newest value is acknowledged, without waiting for the delay; rejects if it was not. */
  async flush(): Promise<void> {
    this.#hurry();
    const last = this.#waiting ?? this.#running;
    if (last !== undefined) await forCaller(last.promise);
    else if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Writes what waits; later values are refused. The store stays open. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.flush();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #newSaving(value: T | (() => T)): Saving<T> {
    const { delay = 0, onError } = this.#options;
    let settle: Pick<Saving<T>, 'resolve' | 'reject'>;
    const done = new Promise<StoreResult>((resolve, reject) => (settle = { resolve, reject }));
    if (delay > 0) this.#timer = setTimeout(() => this.#hurry(), delay).unref();
    else this.#isDue = true;
    return { value, promise: forCaller(done, onError !== undefined), ...settle! };
  }

  #hurry(): void {
    this.#isDue = this.#waiting !== undefined;
    this.#next();
  }

  /** Begins with the waiting value, if it may. */
  #next(): void {
    if (this.#waiting === undefined || this.#running !== undefined || !this.#isDue) return;
    clearTimeout(this.#timer);
    this.#running = this.#waiting;
    this.#waiting = undefined;
    this.#isDue = false;
    void this.#run(this.#running);
  }

  async #run(saving: Saving<T>): Promise<void> {
    let tell: () => void;
    try {
      const result = await this.#replace(this.#bytesOf(saving.value));
      this.#failure = undefined;
      tell = () => saving.resolve(result);
    } catch (error) {
      this.#version = undefined;
      this.#failure = { error };
      tell = () => {
        saving.reject(error);
        this.#options.onError?.(error);
      };
    }
    this.#running = undefined;
    this.#next();
    tell();
  }

  /** The newest value replaces whatever others wrote. */
  async #replace(content: Uint8Array): Promise<StoreResult> {
    for (;;) {
      const ifMatch = this.#version ?? (await this.store.read(this.key)).version;
      try {
        const result = await this.store.write(this.key, content, { ifMatch });
        this.#version = result.version;
        return result;
      } catch (error) {
        if (!isConflict(error)) throw error;
        this.#version = undefined;
      }
    }
  }

  #bytesOf(given: T | (() => T)): Uint8Array {
    const { serialize } = this.#options;
    const value = typeof given === 'function' ? (given as () => T)() : given;
    const text = serialize === undefined ? value : serialize(value);
    if (isThenable(value) || isThenable(text))
      throw misuse(
        'ERR_INVALID_RETURN_VALUE',
        'The function passed to write(), or "options.serialize", returned a promise',
      );
    if (serialize !== undefined || isChunk(text)) return chunkBytes(text, 'utf8');
    return encode(stringify(text, undefined, this.#indent.forced ?? this.#indent.otherwise, undefined, this.key), '\n');
  }
}

/**
 * Makes a writer for a key that is written often, as a program's state: of waiting values only the newest is written.
 *
 * It replaces whatever others write under the key; use {@link updateJson} where others write too. Unlike that of a file
 * it cannot save at an exit: call `flush()` or `close()` before the program ends.
 *
 * @throws {TypeError} for a wrong argument.
 * @example State
 * ```ts
 * import { createWriter, openStore } from 'untorn/store';
 *
 * const store = await openStore('file:state/');
 * const state = createWriter<{ count: number }>(store, 'state', { onError: console.error });
 * for (let count = 0; count < 1000; count++) void state.write({ count });
 * await state.close();
 * ```
 */
export function createWriter<T = unknown>(
  store: Store,
  key: string,
  options?: StoreWriterOptions<T> | null,
): StoreWriter<T> {
  const fields = record(options, 'options', ['serialize', 'indent', 'delay', 'onError']);
  for (const name of ['serialize', 'onError'])
    if (fields[name] !== undefined) assertFunction(fields[name], `options.${name}`);
  return new StoreWriter(checkedStore(store), checkedKey(key), readIndent(fields['indent']), {
    serialize: fields['serialize'] as StoreWriterOptions<T>['serialize'],
    delay: readDuration(fields['delay'], 'options.delay', 0),
    onError: fields['onError'] as StoreWriterOptions<T>['onError'],
  });
}
