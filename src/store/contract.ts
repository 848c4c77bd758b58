/** What callers see of a store, and what an engine has to do for it. */
import type { Chunk, Version } from '../contract/index.ts';

/**
 * What it means that a write has resolved.
 *
 * - `'synced'`: the content is synced to a disk of one machine. A power cut keeps it, the loss of that machine does not.
 * - `'majority'`: a majority of several machines has synced it.
 * - `'service'`: the service says that it keeps it; a client cannot check what that means.
 * - `'memory'`: the engine was told not to sync. A power cut may lose it.
 */
export type StoreDurability = 'synced' | 'majority' | 'service' | 'memory';

/** What a store has under a key. */
export interface StoreEntry {
  /** Undefined if there is nothing. */
  readonly content: Buffer | undefined;
  /** For `ifMatch`; `'absent'` if there is nothing. Only the store that made a version can read it. */
  readonly version: Version;
}

/** What a call may be told. */
export interface StoreCallOptions {
  /** Aborts the call. The outcome is then `'unknown'`, if the request was on its way. @default none */
  signal?: AbortSignal | undefined;
}

/** How to write to a store. */
export interface StoreWriteOptions extends StoreCallOptions {
  /** Replace this version only; `'absent'`: only create. @default whatever is there */
  ifMatch?: Version | undefined;
}

/** What a write did. */
export interface StoreResult {
  /** The version of the new content. */
  readonly version: Version;
  /** What it means that the write has resolved. */
  readonly durable: StoreDurability;
}

/**
 * Contents under keys, in an engine that replaces each of them as a whole, and only if it has an expected version.
 *
 * A key is text of 1 to 512 bytes in UTF-8: parts that `/` separates, none of them empty, `.` or `..`, without control
 * characters. A store is never a path, and a path is never a store.
 *
 * Every failure is a {@link WriteError}. Its `path` is the address of the key. Its `outcome` is `'old'` (this call
 * changed nothing), `'unknown'` (the request was sent, and no answer tells what became of it: it may even take effect
 * later), or, of a store on files, `'new'` (committed, but not confirmed durable). After `'unknown'` nothing is sent a
 * second time: read, and decide.
 */
export interface Store {
  /** Where it is, without passwords: `etcd://10.0.0.1:2379/app/`. */
  readonly address: string;
  /** What it means that a write has resolved. */
  readonly durable: StoreDurability;
  /** The largest content, in bytes: a larger one is an error before anything is sent. */
  readonly maxBytes: number;
  /**
   * Reads the newest content that was acknowledged before the call, or a newer one.
   *
   * @throws {WriteError} with the code of the engine or the connection.
   */
  read(key: string, options?: StoreCallOptions | null): Promise<StoreEntry>;
  /**
   * Replaces what is under a key, or creates it. Text is written as UTF-8.
   *
   * @throws {WriteError} `ERR_VERSION_CONFLICT` (with `currentVersion`, where the engine tells it),
   * `ERR_UNTORN_TOO_LARGE`, or the code of the engine or the connection.
   */
  write(key: string, content: Chunk, options?: StoreWriteOptions | null): Promise<StoreResult>;
  /**
   * Removes what is under a key; resolves with whether there was something, where the engine tells it.
   *
   * @throws {WriteError} as `write()`; `ERR_UNTORN_UNSUPPORTED` if the engine removes nothing on a condition.
   */
  remove(key: string, options?: StoreWriteOptions | null): Promise<boolean | undefined>;
  /**
   * What is under a key now, and then each change; of changes in quick succession only the newest is sure to be given.
   * It goes on when the connection was lost. Undefined where the engine has no watches.
   *
   * @throws {WriteError} `ABORT_ERR`, once `signal` is aborted.
   */
  readonly watch: ((key: string, options?: StoreCallOptions | null) => AsyncIterable<StoreEntry>) | undefined;
  /** Releases what the store itself has open. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What a write on a condition found: the new version, or that the condition was not met. */
export type Written =
  /** `durable`: if this write is less durable than those of the engine are. */
  | { readonly version: Version; readonly durable?: StoreDurability | undefined }
  /** `conflict`: the version that is there instead, or undefined where the engine does not tell it. */
  | { readonly conflict: Version | undefined };

/** What a removal found. */
export type Removed = { readonly removed: boolean | undefined } | { readonly conflict: Version | undefined };

/**
 * What {@link storeOn} makes a store of. Arguments are checked already. `ifMatch` is undefined for a write without a
 * condition.
 *
 * An error that an engine throws while it writes counts as `'unknown'`, unless it has the property `outcome: 'old'`.
 */
export interface Engine {
  readonly address: string;
  readonly durable: StoreDurability;
  readonly maxBytes: number;
  read(key: string, signal: AbortSignal | undefined): Promise<StoreEntry>;
  write(key: string, content: Buffer, ifMatch: Version | undefined, signal: AbortSignal | undefined): Promise<Written>;
  remove(key: string, ifMatch: Version | undefined, signal: AbortSignal | undefined): Promise<Removed>;
  /**
   * If the engine has a lock: gives `change` what is there, and writes its result, under the lock; undefined leaves it.
   */
  update?(
    key: string,
    change: (entry: StoreEntry) => Promise<Uint8Array | undefined>,
    timeout: number,
    signal: AbortSignal | undefined,
  ): Promise<StoreResult>;
  /** Changes of a key after those that a read has seen; ends when the connection is lost. */
  readonly changes?: ((key: string, after: StoreEntry, signal: AbortSignal) => AsyncIterable<StoreEntry>) | undefined;
  close?(): Promise<void>;
}
