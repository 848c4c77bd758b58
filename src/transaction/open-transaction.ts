/** A transaction in its callback: a draft collects the changes. */
import {
  forCaller,
  readData,
  readSyncData,
  type Content,
  type Data,
  type SyncData,
  misuse,
  flag,
  record,
  type PathLike,
} from '../contract/index.ts';
import {
  runAsync,
  environment,
  givenPath,
  targetPath,
  type GivenPath,
  judge,
  type Steps,
  runSync,
} from '../system/index.ts';
import type { Settings } from '../files/index.ts';
import {
  formatOptions,
  readFormat,
  readReadOptions,
  type ReadJsonOptions,
  missing,
  valueOf,
  type SchemaInput,
  type SchemaOutput,
  type StandardSchema,
  assertValid,
  newValue,
  type NewValue,
  ownError,
} from '../json/index.ts';
import { Draft } from './draft.ts';
import {
  readOptionsOfFile,
  type TransactionJsonOptions,
  type TransactionRemoveOptions,
  type TransactionRenameOptions,
  type TransactionWriteOptions,
} from './options.ts';

/** The common part of the two kinds of transactions. */
export abstract class AnyTransaction {
  /** @internal */
  declare readonly draft: Draft;
  readonly #settings: Settings;
  #ended = false;

  /** @internal */
  constructor(settings: Settings, blocking: boolean) {
    this.#settings = settings;
    // Not enumerable: printing the object does not show its internals.
    Object.defineProperty(this, 'draft', {
      value: new Draft(settings, environment, blocking, { judge }),
    });
  }

  /** @internal */
  end(): void {
    this.#ended = true;
  }

  /** @internal */
  protected put(
    path: PathLike,
    options: TransactionWriteOptions | BufferEncoding | null | undefined,
    read: (encoding: BufferEncoding) => Content,
  ): Steps<void> {
    this.#assertOpen();
    const { settings } = readOptionsOfFile(options, [], this.#settings);
    const target = targetPath(path);
    return this.draft.put(target, settings, read(settings.encoding));
  }

  /** @internal */
  protected json(path: PathLike, value: unknown, options: TransactionJsonOptions | null | undefined): Steps<void> {
    this.#assertOpen();
    const { settings, fields } = readOptionsOfFile(options, formatOptions, this.#settings);
    const target = targetPath(path);
    return this.#stageValue(target, settings, newValue(target, value, readFormat(settings, fields)));
  }

  *#stageValue(target: GivenPath, settings: Settings, value: NewValue): Steps<void> {
    yield* assertValid({ ...this.draft.operation, ...target }, value);
    try {
      yield* this.draft.put(target, settings, value.content);
    } catch (error) {
      throw ownError(error);
    }
  }

  /** @internal */
  protected *readingJson(path: PathLike, options: ReadJsonOptions | null | undefined): Steps<unknown> {
    this.#assertOpen();
    const { reading } = readReadOptions(options);
    const operation = this.draft.newLook(targetPath(path));
    const bytes = yield* this.draft.read(operation);
    if (bytes === undefined && reading.initial === undefined) throw missing(operation);
    return (yield* valueOf(operation, reading, bytes)).value;
  }

  /** @internal */
  protected removal(path: PathLike, options?: TransactionRemoveOptions): Steps<void> {
    this.#assertOpen();
    const fields = record(options, 'options', ['force', 'backup']);
    const { settings } = readOptionsOfFile({ backup: fields['backup'] }, [], this.#settings);
    return this.draft.remove(targetPath(path), { ...settings, symlink: 'replace' }, flag(fields, 'force', false));
  }

  /** @internal */
  protected renaming(from: PathLike, to: PathLike, options?: TransactionRenameOptions): Steps<void> {
    this.#assertOpen();
    const { settings } = readOptionsOfFile(record(options, 'options', ['overwrite']), [], this.#settings);
    return this.draft.rename(givenPath(from, 'from'), givenPath(to, 'to'), { ...settings, symlink: 'replace' });
  }

  /** @internal */
  protected *reading(path: PathLike, encoding: BufferEncoding | undefined): Steps<Buffer | string> {
    this.#assertOpen();
    const operation = this.draft.newLook(targetPath(path));
    const bytes = yield* this.draft.read(operation);
    if (bytes === undefined) throw missing(operation);
    return encoding === undefined ? bytes : bytes.toString(encoding);
  }

  #assertOpen(): void {
    if (this.#ended)
      throw misuse(
        'ERR_INVALID_STATE',
        'The transaction has ended: await all of its calls before its callback returns',
      );
  }
}

/** The files to change together; see {@link transaction}. */
export class Transaction extends AnyTransaction {
  /** Calls that have not ended. */
  readonly #calls = new Set<Promise<unknown>>();
  /** Why it cannot be committed. */
  #failure: { readonly error: unknown } | undefined;

  /** Stages new content of a file; it takes its place at the commit. */
  writeFile(path: PathLike, data: Data, options?: TransactionWriteOptions | BufferEncoding | null): Promise<void> {
    return this.#perform(() => this.put(path, options, (encoding) => readData(data, encoding)));
  }

  /** Stages a value as JSON, like `writeJson()`: an existing file keeps its layout unless `indent` is given. */
  writeJson<S extends StandardSchema>(
    path: PathLike,
    value: SchemaInput<S>,
    options?: (TransactionJsonOptions & { schema?: S | undefined }) | null,
  ): Promise<void> {
    return this.#perform(() => this.json(path, value, options));
  }

  /** Removes a file at the commit; for a link, the link itself. */
  remove(path: PathLike, options?: TransactionRemoveOptions): Promise<void> {
    return this.#perform(() => this.removal(path, options));
  }

  /** Renames a file at the commit; for a link, the link itself. Neither name can then be changed otherwise. */
  rename(from: PathLike, to: PathLike, options?: TransactionRenameOptions): Promise<void> {
    return this.#perform(() => this.renaming(from, to, options));
  }

  /**
   * Reads a file as the transaction leaves it; fails with ENOENT if it leaves none. The file must still be the same at
   * the commit, which fails with `ERR_VERSION_CONFLICT` otherwise.
   */
  readFile(path: PathLike): Promise<Buffer>;
  readFile(path: PathLike, encoding: BufferEncoding): Promise<string>;
  readFile(path: PathLike, encoding?: BufferEncoding): Promise<string | Buffer> {
    return this.#keepOpen(async () => runAsync(this.reading(path, encoding)));
  }

  /** Reads a JSON file as the transaction leaves it, like `readJson()`; it must still be the same at the commit. */
  readJson<S extends StandardSchema>(
    path: PathLike,
    options: ReadJsonOptions<SchemaInput<S>> & { schema: S },
  ): Promise<SchemaOutput<S>>;
  readJson<T = unknown>(path: PathLike, options?: (ReadJsonOptions<T> & { schema?: undefined }) | null): Promise<T>;
  readJson(path: PathLike, options?: ReadJsonOptions | null): Promise<unknown> {
    return this.#keepOpen(async () => runAsync(this.readingJson(path, options)));
  }

  /** A call that fails makes the commit fail, even if nobody awaits the call. */
  #perform(steps: () => Steps<void>): Promise<void> {
    return this.#keepOpen(async () => {
      try {
        await runAsync(steps());
      } catch (error) {
        this.#failure ??= { error };
        throw error;
      }
    }, true);
  }

  /** The transaction does not end before the call has: files that the call opens would never be closed. */
  #keepOpen<T>(begin: () => Promise<T>, heard = false): Promise<T> {
    const call = begin();
    this.#calls.add(call);
    return forCaller(
      call.finally(() => this.#calls.delete(call)),
      heard,
    );
  }

  /**
   * @internal Waits for all calls, after which no more are accepted; fails if a call failed that was to change
   * something.
   */
  async settled(): Promise<void> {
    while (this.#calls.size > 0) await Promise.allSettled(this.#calls);
    this.end();
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

/** The files to change together, with methods that block; see {@link transactionSync}. */
export class TransactionSync extends AnyTransaction {
  #failure: { readonly error: unknown } | undefined;

  /** Stages new content of a file; it takes its place at the commit. */
  writeFile(path: PathLike, data: SyncData, options?: TransactionWriteOptions | BufferEncoding | null): void {
    this.#perform(() => this.put(path, options, (encoding) => readSyncData(data, encoding)));
  }

  /** Stages a value as JSON; see {@link Transaction.writeJson}. */
  writeJson<S extends StandardSchema>(
    path: PathLike,
    value: SchemaInput<S>,
    options?: (TransactionJsonOptions & { schema?: S | undefined }) | null,
  ): void {
    this.#perform(() => this.json(path, value, options));
  }

  /** Removes a file at the commit; for a link, the link itself. */
  remove(path: PathLike, options?: TransactionRemoveOptions): void {
    this.#perform(() => this.removal(path, options));
  }

  /** Renames a file at the commit; see {@link Transaction.rename}. */
  rename(from: PathLike, to: PathLike, options?: TransactionRenameOptions): void {
    this.#perform(() => this.renaming(from, to, options));
  }

  /** Reads a file as the transaction leaves it; fails with ENOENT if it leaves none. */
  readFile(path: PathLike): Buffer;
  readFile(path: PathLike, encoding: BufferEncoding): string;
  readFile(path: PathLike, encoding?: BufferEncoding): string | Buffer {
    return runSync(this.reading(path, encoding));
  }

  /** Reads a JSON file as the transaction leaves it; see {@link Transaction.readJson}. */
  readJson<S extends StandardSchema>(
    path: PathLike,
    options: ReadJsonOptions<SchemaInput<S>> & { schema: S },
  ): SchemaOutput<S>;
  readJson<T = unknown>(path: PathLike, options?: (ReadJsonOptions<T> & { schema?: undefined }) | null): T;
  readJson(path: PathLike, options?: ReadJsonOptions | null): unknown {
    return runSync(this.readingJson(path, options));
  }

  #perform(steps: () => Steps<void>): void {
    try {
      runSync(steps());
    } catch (error) {
      this.#failure ??= { error };
      throw error;
    }
  }

  /** @internal Fails if a call did. */
  settled(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
