/**
 * Updates of a store: read, change, write if nobody else has written meanwhile, and begin again if somebody has.
 *
 * A conflict is the only reason to begin again: it says for certain that nothing was written. After an unknown outcome
 * a second attempt could do the change twice, or conflict with the first.
 */
import {
  assertFunction,
  chunkBytes,
  isChunk,
  misuse,
  readDuration,
  readEncoding,
  readSignal,
  record,
  textOf,
  unchanged,
  WriteError,
  wrongType,
  type Chunk,
  type Fields,
  type Kept,
  type Version,
} from '../contract/index.ts';
import { now, setTimeout } from '../system/index.ts';
import type { Store, StoreCallOptions, StoreEntry, StoreResult } from './contract.ts';
import { asWriteError } from './failure.ts';
import { checkedKey, checkedStore, lockedUpdateOf } from './store.ts';

/** How to update. */
export interface StoreUpdateOptions extends StoreCallOptions {
  /** Milliseconds after which the update gives up if others have always been faster. @default 30_000 */
  timeout?: number | undefined;
}

/** What an update receives besides the content. */
export interface StoreUpdateInfo {
  /** The version of the content; `'absent'` if there is none. */
  readonly version: Version;
  readonly key: string;
}

/** What an update did. */
export interface StoreUpdateResult extends StoreResult {
  /** Whether it left the content as it was. */
  readonly unchanged: boolean;
}

type Returned = Chunk | Kept | PromiseLike<Chunk | Kept>;

/**
 * Replaces what is under a key by the result of `update` for it, and loses no update of others.
 *
 * `update` receives a Buffer, or a string if `encoding` is given; `undefined` if there is nothing. It returns the new
 * content, or {@link unchanged}. If another client writes meanwhile, it is called again with what is there then, so it
 * should have no effects of its own. An unknown outcome ends the update.
 *
 * @throws what `update` throws; {@link TypeError} if it returns nothing; or a {@link WriteError}: `ERR_VERSION_CONFLICT`
 * or `ERR_LOCK_TIMEOUT` (others were faster for the whole `timeout`), or the errors of `store.read()` and
 * `store.write()`.
 * @example Count
 * ```ts
 * import { openStore, updateBytes } from 'untorn/store';
 *
 * const store = await openStore('file:state/');
 * await updateBytes(store, 'count', (old = '0') => String(Number(old) + 1), 'utf8');
 * ```
 */
export function updateBytes(
  store: Store,
  key: string,
  update: (content: string | undefined, info: StoreUpdateInfo) => Returned,
  options: BufferEncoding | (StoreUpdateOptions & { encoding: BufferEncoding }),
): Promise<StoreUpdateResult>;
export function updateBytes(
  store: Store,
  key: string,
  update: (content: Buffer | undefined, info: StoreUpdateInfo) => Returned,
  options?: (StoreUpdateOptions & { encoding?: undefined }) | null,
): Promise<StoreUpdateResult>;
export async function updateBytes(
  store: Store,
  key: string,
  update: (content: never, info: StoreUpdateInfo) => unknown,
  options?: BufferEncoding | (StoreUpdateOptions & { encoding?: BufferEncoding | undefined }) | null,
): Promise<StoreUpdateResult> {
  const fields = record(typeof options === 'string' ? { encoding: options } : options, 'options', [
    'encoding',
    ...updateOptions,
  ]);
  const encoding = fields['encoding'] === undefined ? undefined : readEncoding(fields['encoding']);
  return changing(store, key, update, fields, async (entry) => {
    const content = entry.content === undefined || encoding === undefined ? entry.content : textIn(entry, encoding);
    const returned = await returnedBy(update, content, { version: entry.version, key });
    if (returned === unchanged) return undefined;
    if (!isChunk(returned)) throw wrongType(`The result of the update of "${key}"`, 'a string or bytes', returned);
    return chunkBytes(returned, encoding ?? 'utf8');
  });

  function textIn({ content }: StoreEntry, as: BufferEncoding): string {
    try {
      return textOf(content as Buffer, as);
    } catch (error) {
      throw asWriteError({ path: `${store.address}${key}`, step: 'read', otherwise: 'old' }, error);
    }
  }
}

/** The options of every update. */
export const updateOptions = ['signal', 'timeout'] as const;

/** The value that the caller's function returns, which must not be undefined. */
export async function returnedBy(
  update: (content: never, info: StoreUpdateInfo) => unknown,
  content: unknown,
  info: StoreUpdateInfo,
): Promise<unknown> {
  const returned = await update(content as never, info);
  if (returned === undefined)
    throw misuse(
      'ERR_INVALID_RETURN_VALUE',
      `The update of "${info.key}" returned nothing; return the new content, or "unchanged" to leave it as it is`,
    );
  return returned;
}

/** Performs an update. `change`: the new content for an entry, or undefined to leave it. */
export async function changing(
  given: Store,
  key: string,
  update: unknown,
  fields: Fields,
  change: (entry: StoreEntry) => Promise<Uint8Array | undefined>,
): Promise<StoreUpdateResult> {
  const store = checkedStore(given);
  checkedKey(key);
  assertFunction(update, 'update');
  const timeout = readDuration(fields['timeout'], 'options.timeout', 30_000);
  const signal = readSignal(fields['signal']);
  let isUnchanged = false;
  const noted = async (entry: StoreEntry): Promise<Uint8Array | undefined> => {
    const content = await change(entry);
    isUnchanged = content === undefined;
    return content;
  };
  const locked = lockedUpdateOf(store);
  if (locked !== undefined) return { ...(await locked(key, noted, timeout, signal)), unchanged: isUnchanged };
  const deadline = now() + timeout;
  for (let attempt = 1; ; attempt++) {
    const entry = await store.read(key, { signal });
    const content = await noted(entry);
    if (content === undefined) return { version: entry.version, durable: store.durable, unchanged: true };
    try {
      return { ...(await store.write(key, content, { ifMatch: entry.version, signal })), unchanged: false };
    } catch (error) {
      if (!isConflict(error) || now() >= deadline) throw error;
      await new Promise((wake) => setTimeout(wake, pauseBefore(attempt)));
    }
  }
}

/** Whether it is certain that somebody else was faster. */
export function isConflict(error: unknown): boolean {
  return WriteError.isWriteError(error) && error.code === 'ERR_VERSION_CONFLICT' && error.outcome === 'old';
}

/** Milliseconds: random, so that those who conflicted do not meet again, and longer when many do. */
function pauseBefore(attempt: number): number {
  return Math.random() * Math.min(2 ** attempt, 256);
}
