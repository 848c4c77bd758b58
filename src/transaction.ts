import { readData, readSyncData, type Content, type Data, type SyncData } from './data.ts';
import { misuse } from './errors.ts';
import { readOptions, type Durability, type LockOptions, type Settings, type WriteOptions } from './options.ts';
import { absolutePath, describe, type PathLike, type PathName } from './path.ts';
import { Draft } from './protocol/draft.ts';
import { LockSet } from './protocol/locks.ts';
import { commitDraft, type Committed } from './protocol/transaction.ts';
import { asWriteError } from './protocol/write.ts';
import type { NotKept } from './result.ts';
import { runAsync } from './system/async-driver.ts';
import type { Steps } from './system/calls.ts';
import { surroundings } from './system/surroundings.ts';
import { runSync } from './system/sync-driver.ts';
import { judge } from './system/owner.ts';

/** How to run a transaction. */
export interface TransactionOptions {
  /**
   * - `'full'`: all or nothing across crashes and power cuts, and once the call has returned, all.
   * - `'normal'`: the same here, since to be all or nothing takes the same syncs.
   * - `'off'`: all or nothing if the process is killed; after a power cut anything may be.
   * @default 'full'
   */
  durability?: Durability | undefined;
  /** Aborts the transaction; without effect from the commit on. */
  signal?: AbortSignal | undefined;
  /** How long a rename is tried again while another process has a file open on Windows. Milliseconds. @default 5000 */
  retry?: { timeout?: number | undefined } | undefined;
  /** Files to lock before the callback runs, and how long to wait for locks. */
  lock?: TransactionLockOptions | undefined;
}

/** How a transaction locks its files. */
export interface TransactionLockOptions extends LockOptions {
  /**
   * Files to lock before the callback runs (symbolic links followed), so that nobody who uses locks changes them until the
   * end; others are locked at the commit. `timeout` is for each time. @default none
   */
  files?: readonly PathLike[] | undefined;
}

/** What one file of a transaction takes: the options of `writeFile()` but for those that are the transaction's. */
export type TransactionWriteOptions = Omit<WriteOptions, 'durability' | 'signal' | 'retry' | 'lock' | 'fallback' | 'temporary' | 'ifUnchanged' | 'flush'>;

/** How to remove a file. */
export interface TransactionRemoveOptions {
  /** Whether a file that is not there is no error. @default false */
  force?: boolean | undefined;
  /** Keep the removed file, as {@link WriteOptions.backup}. */
  backup?: WriteOptions['backup'];
}

/** How to rename a file. */
export interface TransactionRenameOptions {
  /** Whether a file of the new name is replaced; `false` fails with EEXIST. @default true */
  overwrite?: boolean | undefined;
}

/** What a transaction did with one file. */
export interface TransactionFile {
  readonly operation: 'write' | 'remove' | 'rename';
  /** The file; of a rename its new name. */
  readonly path: PathName;
  /** Of a rename its old name. */
  readonly from?: PathName;
  /** Size of new content in bytes. */
  readonly bytes?: number;
  /** Whether there was a file at `path` before. */
  readonly replaced: boolean;
  /** Whether somebody who holds no lock put newer content there since the commit; that stays. */
  readonly superseded: boolean;
  /** Where the replaced or removed content was kept, if asked for and there was any. */
  readonly backupPath: PathName | undefined;
  /** What of the replaced file could not be kept. */
  readonly notKept: readonly NotKept[];
}

/** What a transaction did. */
export interface TransactionResult {
  /** One record for each file, in no particular order. */
  readonly files: readonly TransactionFile[];
  /** Whether all of it survives a power cut: confirmed, not asked for, or the filesystem cannot. */
  readonly durable: boolean | 'unsupported';
}

const notForOneFile = ['durability', 'signal', 'retry', 'lock', 'fallback', 'temporary', 'ifUnchanged', 'flush'] as const;

/** What the two kinds of transactions have in common. */
abstract class AnyTransaction {
  /** @internal */
  readonly draft: Draft;
  readonly #settings: Settings;
  #ended = false;

  constructor(settings: Settings, blocking: boolean) {
    this.#settings = settings;
    this.draft = new Draft(settings, surroundings, blocking, { olderThan: 86_400_000, judge, now: Date.now });
  }

  /** @internal */
  end(): void {
    this.#ended = true;
  }

  protected put(path: PathLike, options: TransactionWriteOptions | BufferEncoding | null | undefined, read: (encoding: BufferEncoding) => Content): Steps<void> {
    this.#assertOpen();
    const settings = this.#settingsOf(options);
    const target = absolutePath(path);
    return this.draft.put(target, settings, read(settings.encoding));
  }

  protected removal(path: PathLike, options: TransactionRemoveOptions = {}): Steps<void> {
    this.#assertOpen();
    const { force = false, ...rest } = options;
    if (typeof force !== 'boolean') throw misuse('ERR_INVALID_ARG_TYPE', `"options.force" must be a boolean, not ${describe(force)}`);
    refuseOthers(rest, ['backup']);
    return this.draft.remove(absolutePath(path), { ...this.#settingsOf(rest), symlink: 'replace' }, force);
  }

  protected renaming(from: PathLike, to: PathLike, options: TransactionRenameOptions = {}): Steps<void> {
    this.#assertOpen();
    refuseOthers(options, ['overwrite']);
    return this.draft.rename(absolutePath(from, 'from'), absolutePath(to, 'to'), { ...this.#settingsOf(options), symlink: 'replace' });
  }

  protected reading(path: PathLike): Steps<Uint8Array | undefined> {
    this.#assertOpen();
    return this.draft.read(absolutePath(path), this.#settings);
  }

  #settingsOf(given: TransactionWriteOptions | BufferEncoding | null | undefined): Settings {
    if (typeof given === 'object' && given !== null) {
      const field = notForOneFile.find((name) => (given as WriteOptions)[name] !== undefined);
      if (field !== undefined) throw misuse('ERR_INVALID_ARG_VALUE', `"options.${field}" is not an option of one file in a transaction`);
    }
    const { durability, signal, retryTimeout, lock } = this.#settings;
    return { ...readOptions(given), durability, signal, retryTimeout, lock };
  }

  #assertOpen(): void {
    if (this.#ended) throw misuse('ERR_INVALID_STATE', 'The transaction has ended: await what is to be part of it before its callback returns');
  }
}

function refuseOthers(options: object, known: readonly string[]): void {
  const field = Object.keys(options).find((name) => !known.includes(name));
  if (field !== undefined) throw misuse('ERR_INVALID_ARG_VALUE', `"options.${field}" is not an option`);
}

/** What is to be changed together; see {@link transaction}. */
export class Transaction extends AnyTransaction {
  /** Calls that have not ended. */
  readonly #calls = new Set<Promise<unknown>>();
  /** Why it cannot be committed. */
  #failure: { readonly error: unknown } | undefined;

  /** Stages new content of a file; it takes its place at the commit. */
  writeFile(path: PathLike, data: Data, options?: TransactionWriteOptions | BufferEncoding | null): Promise<void> {
    return this.#perform(() => this.put(path, options, (encoding) => readData(data, encoding)));
  }

  /** Removes a file (of a link the link itself) at the commit. */
  remove(path: PathLike, options?: TransactionRemoveOptions): Promise<void> {
    return this.#perform(() => this.removal(path, options));
  }

  /** Renames a file (of a link the link itself) at the commit. Neither name can take part in another change of the transaction. */
  rename(from: PathLike, to: PathLike, options?: TransactionRenameOptions): Promise<void> {
    return this.#perform(() => this.renaming(from, to, options));
  }

  /** Reads a file as the transaction leaves it; fails with ENOENT where it leaves none. */
  readFile(path: PathLike): Promise<Buffer>;
  readFile(path: PathLike, encoding: BufferEncoding): Promise<string>;
  async readFile(path: PathLike, encoding?: BufferEncoding): Promise<string | Buffer> {
    return content(path, await runAsync(this.reading(path)), encoding);
  }

  /** What fails is not to be committed without it, even if nobody awaits the call. */
  #perform(steps: () => Steps<void>): Promise<void> {
    const call = (async () => {
      try {
        await runAsync(steps());
      } catch (error) {
        this.#failure ??= { error };
        throw error;
      }
    })();
    this.#calls.add(call);
    const ended = (): void => void this.#calls.delete(call);
    call.then(ended, ended);
    return call;
  }

  /** @internal Waits for all calls; fails if one of them did. */
  async settled(): Promise<void> {
    while (this.#calls.size > 0) await Promise.allSettled(this.#calls);
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

/** What is to be changed together, with methods that block; see {@link transactionSync}. */
export class TransactionSync extends AnyTransaction {
  #failure: { readonly error: unknown } | undefined;

  /** Stages new content of a file; it takes its place at the commit. */
  writeFile(path: PathLike, data: SyncData, options?: TransactionWriteOptions | BufferEncoding | null): void {
    this.#perform(() => this.put(path, options, (encoding) => readSyncData(data, encoding)));
  }

  /** Removes a file (of a link the link itself) at the commit. */
  remove(path: PathLike, options?: TransactionRemoveOptions): void {
    this.#perform(() => this.removal(path, options));
  }

  /** Renames a file (of a link the link itself) at the commit; see {@link Transaction.rename}. */
  rename(from: PathLike, to: PathLike, options?: TransactionRenameOptions): void {
    this.#perform(() => this.renaming(from, to, options));
  }

  /** Reads a file as the transaction leaves it; fails with ENOENT where it leaves none. */
  readFile(path: PathLike): Buffer;
  readFile(path: PathLike, encoding: BufferEncoding): string;
  readFile(path: PathLike, encoding?: BufferEncoding): string | Buffer {
    return content(path, runSync(this.reading(path)), encoding);
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

function content(path: PathLike, bytes: Uint8Array | undefined, encoding: BufferEncoding | undefined): string | Buffer {
  if (bytes === undefined) throw Object.assign(new Error(`ENOENT: no such file or directory, open '${String(path)}'`), { code: 'ENOENT', syscall: 'open', path });
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return encoding === undefined ? buffer : buffer.toString(encoding);
}

/**
 * Changes several files, all or none: when `callback` returns, what it asked for is committed, and when it throws, nothing
 * happens to any file and the error is passed on.
 *
 * After a crash of the process, the system or the power {@link recover} completes a transaction that was committed and
 * removes what another one left; the next transaction in these directories does the same by itself. Readers that come
 * between two of the renames, which take microseconds, or after a crash before the recovery, may see one file new and
 * another one old; each is whole. Who may not see that keeps everything in one file, or swaps a whole directory ({@link replaceDirectory}).
 *
 * Files are locked for the commit, against other transactions and updates. To read, change and write without losing what others
 * write meanwhile, name the files in `lock.files`: then they are locked before the callback runs.
 *
 * @throws {WriteError} by rejecting. `outcome` is `'old'` if nothing was changed, and `'new'` if the transaction is committed but not
 *   completed or not confirmed durable; then {@link recover} completes it.
 * @throws what the callback throws.
 * @example End a session: two files, one commit
 * ```ts
 * await transaction(async (tx) => {
 *   await tx.writeFile('sessions.json', JSON.stringify([{ task: 'write', minutes: 25 }]));
 *   await tx.remove('active.json', { force: true });
 * });
 * ```
 */
export async function transaction(callback: (tx: Transaction) => unknown, options?: TransactionOptions): Promise<TransactionResult> {
  assertFunction(callback);
  const read = readTransactionOptions(options);
  const tx = new Transaction(read.settings, false);
  const locks = await runAsync(takeLocks(tx, read));
  try {
    await callback(tx);
    await tx.settled();
  } catch (error) {
    tx.end();
    await tx.settled().catch(() => undefined);
    await runAsync(giveUp(tx, locks));
    throw error;
  }
  tx.end();
  return resultOf(await runAsync(commitDraft(tx.draft, locks)));
}

/**
 * Changes several files, all or none, and blocks until it is done; see {@link transaction}.
 *
 * @throws {WriteError} see {@link transaction}.
 * @throws what the callback throws.
 * @example Rename and write together
 * ```ts
 * transactionSync((tx) => {
 *   tx.writeFile('journal.log', '');
 *   tx.remove('journal.lock', { force: true });
 * });
 * ```
 */
export function transactionSync(callback: (tx: TransactionSync) => unknown, options?: TransactionOptions): TransactionResult {
  assertFunction(callback);
  const read = readTransactionOptions(options);
  const tx = new TransactionSync(read.settings, true);
  const locks = runSync(takeLocks(tx, read));
  try {
    const returned = callback(tx);
    if (typeof returned === 'object' && returned !== null && 'then' in returned) {
      throw misuse('ERR_INVALID_RETURN_VALUE', 'The callback of transactionSync() returned a promise; use transaction()');
    }
    tx.settled();
  } catch (error) {
    tx.end();
    runSync(giveUp(tx, locks));
    throw error;
  }
  tx.end();
  return resultOf(runSync(commitDraft(tx.draft, locks)));
}

function* giveUp(tx: AnyTransaction, locks: LockSet): Steps<void> {
  yield* tx.draft.discard();
  yield* locks.release();
}

interface Read {
  readonly settings: Settings;
  readonly files: readonly PathName[];
}

function readTransactionOptions(given: TransactionOptions | undefined): Read {
  const { lock = {}, ...rest } = given ?? {};
  refuseOthers(rest, ['durability', 'signal', 'retry']);
  if (typeof lock !== 'object' || lock === null) throw misuse('ERR_INVALID_ARG_TYPE', `"options.lock" must be an object, not ${describe(lock)}`);
  const { files = [], ...terms } = lock;
  if (!Array.isArray(files)) throw misuse('ERR_INVALID_ARG_TYPE', `"options.lock.files" must be an array, not ${describe(files)}`);
  return { settings: readOptions({ ...rest, lock: terms }), files: (files as readonly PathLike[]).map((file) => absolutePath(file, 'options.lock.files')) };
}

/** The locks that are taken before the callback runs. */
function* takeLocks({ draft }: AnyTransaction, { files }: Read): Steps<LockSet> {
  const locks = new LockSet(draft);
  try {
    yield* locks.take(yield* draft.places(files));
    return locks;
  } catch (error) {
    yield* draft.discard();
    yield* locks.release();
    throw asWriteError(draft.write, error);
  }
}

function resultOf({ outcomes, durable }: Committed): TransactionResult {
  return {
    durable,
    files: outcomes.map(({ change, made, replaced, backupPath, notKept }) => {
      const common = { replaced, superseded: made === 'superseded', backupPath, notKept };
      switch (change.kind) {
        case 'put':
          return { operation: 'write', path: change.write.path, bytes: change.bytes, ...common };
        case 'remove':
          return { operation: 'remove', path: change.write.path, ...common };
        case 'rename':
          return { operation: 'rename', path: change.toWrite.path, from: change.write.path, ...common };
      }
    }),
  };
}

function assertFunction(callback: unknown): void {
  if (typeof callback !== 'function') throw misuse('ERR_INVALID_ARG_TYPE', `"callback" must be a function, not ${describe(callback)}`);
}
