/** A store on an engine: checks what is given, and tells failures apart. */
import {
  absent,
  aborted,
  chunkBytes,
  isChunk,
  misuse,
  readSignal,
  record,
  wrongType,
  type Chunk,
  type Version,
} from '../contract/index.ts';
import { setTimeout } from '../system/index.ts';
import type { Engine, Store, StoreCallOptions, StoreEntry, StoreResult, StoreWriteOptions } from './contract.ts';
import { asWriteError, conflict, failure } from './failure.ts';

/** Milliseconds between two attempts to watch. */
const pause = 200;

/**
 * Makes a store of an engine of your own; {@link Engine} says what it has to do, and `untorn/store/testing` whether it
 * does.
 *
 * @throws {TypeError} `ERR_INVALID_ARG_TYPE` if it is no engine.
 */
export function storeOn(engine: Engine): Store {
  if (typeof engine !== 'object' || engine === null || typeof engine.write !== 'function')
    throw wrongType('engine', 'an engine', engine);
  return new EngineStore(engine);
}

class EngineStore implements Store {
  readonly #engine: Engine;
  readonly watch: Store['watch'];

  constructor(engine: Engine) {
    this.#engine = engine;
    this.watch =
      engine.changes === undefined
        ? undefined
        : (key, options) => this.#watch(checkedKey(key), readSignal(record(options, 'options', ['signal'])['signal']));
  }

  get address(): string {
    return this.#engine.address;
  }

  get durable(): Store['durable'] {
    return this.#engine.durable;
  }

  get maxBytes(): number {
    return this.#engine.maxBytes;
  }

  async read(key: string, options?: StoreCallOptions | null): Promise<StoreEntry> {
    const signal = readSignal(record(options, 'options', ['signal'])['signal']);
    return this.#read(checkedKey(key), signal);
  }

  async write(key: string, content: Chunk, options?: StoreWriteOptions | null): Promise<StoreResult> {
    const { ifMatch, signal } = readConditions(options);
    const path = this.#pathOf(checkedKey(key));
    if (!isChunk(content)) throw wrongType('content', 'a string, a Buffer, a TypedArray or an ArrayBuffer', content);
    const bytes = chunkBytes(content, 'utf8');
    const failed = { path, step: 'write', signal } as const;
    if (bytes.byteLength > this.maxBytes)
      throw asWriteError({ ...failed, otherwise: 'old' }, tooLarge(bytes.byteLength, this.maxBytes));
    if (signal?.aborted === true) throw asWriteError({ ...failed, otherwise: 'old' }, aborted(signal));
    try {
      const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const written = await this.#engine.write(key, buffer, ifMatch, signal);
      if ('conflict' in written) throw conflict(written.conflict);
      return { version: written.version, durable: written.durable ?? this.durable };
    } catch (error) {
      throw asWriteError({ ...failed, otherwise: 'unknown' }, error);
    }
  }

  async remove(key: string, options?: StoreWriteOptions | null): Promise<boolean | undefined> {
    const { ifMatch, signal } = readConditions(options);
    const failed = { path: this.#pathOf(checkedKey(key)), step: 'write', operation: 'remove', signal } as const;
    if (signal?.aborted === true) throw asWriteError({ ...failed, otherwise: 'old' }, aborted(signal));
    try {
      const found = await this.#engine.remove(key, ifMatch, signal);
      if ('conflict' in found) throw conflict(found.conflict);
      return found.removed;
    } catch (error) {
      throw asWriteError({ ...failed, otherwise: 'unknown' }, error);
    }
  }

  get lockedUpdate(): Engine['update'] {
    return this.#engine.update?.bind(this.#engine);
  }

  async close(): Promise<void> {
    await this.#engine.close?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #pathOf(key: string): string {
    return `${this.address}${key}`;
  }

  async #read(key: string, signal: AbortSignal | undefined): Promise<StoreEntry> {
    try {
      if (signal?.aborted === true) throw aborted(signal);
      return await this.#engine.read(key, signal);
    } catch (error) {
      throw asWriteError({ path: this.#pathOf(key), step: 'read', operation: 'read', otherwise: 'old', signal }, error);
    }
  }

  /** Reads again whenever the changes end, so none is missed that is still the newest. */
  async *#watch(key: string, given: AbortSignal | undefined): AsyncGenerator<StoreEntry, void, void> {
    const own = new AbortController();
    const signal = given === undefined ? own.signal : AbortSignal.any([given, own.signal]);
    let last: Version | undefined;
    let failures = 0;
    try {
      for (;;) {
        try {
          const entry = await this.#read(key, signal);
          if (entry.version !== last) yield entry;
          last = entry.version;
          for await (const change of this.#engine.changes!(key, entry, signal)) {
            if (change.version !== last) yield change;
            last = change.version;
            failures = 0;
          }
          if (signal.aborted) throw aborted(signal);
          failures++;
        } catch (error) {
          // The first attempt tells the caller at once what is wrong.
          if (signal.aborted || last === undefined) {
            throw asWriteError(
              { path: this.#pathOf(key), step: 'read', operation: 'read', otherwise: 'old', signal },
              error,
            );
          }
          failures++;
        }
        await new Promise((wake) => setTimeout(wake, Math.min(pause * failures, 5000)));
      }
    } finally {
      own.abort();
    }
  }
}

function tooLarge(bytes: number, limit: number): Error {
  return failure('old', 'ERR_UNTORN_TOO_LARGE', `${bytes} bytes are more than the ${limit} that this store takes`);
}

function readConditions(options: StoreWriteOptions | null | undefined): {
  ifMatch: Version | undefined;
  signal: AbortSignal | undefined;
} {
  const fields = record(options, 'options', ['ifMatch', 'signal']);
  const ifMatch = fields['ifMatch'];
  if (ifMatch !== undefined && (typeof ifMatch !== 'string' || ifMatch === ''))
    throw wrongType('options.ifMatch', `a version that this store gave, or '${absent}'`, ifMatch);
  return { ifMatch, signal: readSignal(fields['signal']) };
}

/** Keys that every engine can have, and that no URL or filesystem takes for another. */
export function checkedKey(key: unknown): string {
  if (typeof key !== 'string') throw wrongType('key', 'a string', key);
  const parts = key.split('/');
  const isFit =
    Buffer.byteLength(key) <= 512 &&
    !/\p{Surrogate}/u.test(key) &&
    // oxlint-disable-next-line no-control-regex -- they are what is refused
    !/[\u0000-\u001f\u007f]/.test(key) &&
    parts.every((part) => part !== '' && part !== '.' && part !== '..');
  if (!isFit)
    throw misuse(
      'ERR_INVALID_ARG_VALUE',
      `"key" must be 1 to 512 bytes of text without control characters, in parts between slashes that are not empty, "." or "..", not ${JSON.stringify(key.slice(0, 80))}`,
    );
  return key;
}

/** How the engine of a store updates under its own lock, if it has one. */
export function lockedUpdateOf(store: Store): Engine['update'] {
  return store instanceof EngineStore ? store.lockedUpdate : undefined;
}

/** Fails unless a value is a store: a path is never one. */
export function checkedStore(value: unknown): Store {
  if (value instanceof EngineStore) return value;
  const { read, write } = (typeof value === 'object' && value !== null ? value : {}) as Partial<Store>;
  if (typeof read === 'function' && typeof write === 'function') return value as Store;
  throw wrongType('store', 'a store, as openStore() gives it', value);
}
