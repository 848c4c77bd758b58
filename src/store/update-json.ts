/** Updates of JSON values in a store. */
import { record, unchanged, type Kept } from '../contract/index.ts';
import {
  changedText,
  jsonUpdateOptions,
  readJsonUpdate,
  type SchemaInput,
  type SchemaOutput,
  type StandardSchema,
  type UpdateJsonOptions,
} from '../json/index.ts';
import type { Store } from './contract.ts';
import {
  changing,
  returnedBy,
  updateOptions,
  type StoreUpdateInfo,
  type StoreUpdateOptions,
  type StoreUpdateResult,
} from './update.ts';

/** Options of an update of JSON in a store: those of {@link updateJson} that are not about files. */
export interface StoreUpdateJsonOptions<T = unknown>
  extends
    StoreUpdateOptions,
    Pick<
      UpdateJsonOptions<T>,
      'format' | 'indent' | 'replacer' | 'schema' | 'reviver' | 'migrate' | 'initial' | 'numbers' | 'duplicateKeys'
    > {}

/** What an update of JSON in a store did. */
export interface StoreUpdateJsonResult<T = unknown> extends StoreUpdateResult {
  /** The value that is there now, as the update returned it; as it was read, after `unchanged`. */
  readonly value: T;
}

type Returned<T> = T | Kept | PromiseLike<T | Kept>;
type Initial<T> = T | (() => T);

/**
 * Replaces a JSON value in a store by the result of `update` for it, and loses no update of others:
 * {@link updateBytes} with a value.
 *
 * As of a file: what the update does not change keeps its form (layout, numbers that a double cannot hold), a damaged
 * value is an error and never a missing one, and `schema` validates what is read and what is written.
 *
 * @throws as {@link updateBytes}; a `JsonError` if the content is not JSON, or the schema refuses a value.
 * @example Count
 * ```ts
 * import { openStore, updateJson } from 'untorn/store';
 *
 * const store = await openStore('file:state/');
 * await updateJson(store, 'visits', (visits) => ({ count: visits.count + 1 }), { initial: { count: 0 } });
 * ```
 */
export function updateJson<S extends StandardSchema>(
  store: Store,
  key: string,
  update: (value: SchemaOutput<S> | undefined, info: StoreUpdateInfo) => Returned<SchemaInput<S> | SchemaOutput<S>>,
  options: StoreUpdateJsonOptions<SchemaInput<S>> & { schema: S; initial?: undefined },
): Promise<StoreUpdateJsonResult<SchemaInput<S> | SchemaOutput<S>>>;
export function updateJson<S extends StandardSchema>(
  store: Store,
  key: string,
  update: (value: SchemaOutput<S>, info: StoreUpdateInfo) => Returned<SchemaInput<S> | SchemaOutput<S>>,
  options: StoreUpdateJsonOptions<SchemaInput<S>> & { schema: S; initial: Initial<SchemaInput<S>> },
): Promise<StoreUpdateJsonResult<SchemaInput<S> | SchemaOutput<S>>>;
export function updateJson<T>(
  store: Store,
  key: string,
  update: (value: T, info: StoreUpdateInfo) => Returned<T>,
  options: StoreUpdateJsonOptions<T> & { initial: Initial<T> },
): Promise<StoreUpdateJsonResult<T>>;
export function updateJson<T = unknown>(
  store: Store,
  key: string,
  update: (value: T | undefined, info: StoreUpdateInfo) => Returned<T>,
  options?: StoreUpdateJsonOptions<T> | null,
): Promise<StoreUpdateJsonResult<T>>;
export async function updateJson(
  store: Store,
  key: string,
  update: (value: never, info: StoreUpdateInfo) => unknown,
  options?: StoreUpdateJsonOptions | null,
): Promise<StoreUpdateJsonResult> {
  const fields = record(options, 'options', [...jsonUpdateOptions, ...updateOptions]);
  const settings = readJsonUpdate(fields);
  let value: unknown;
  const result = await changing(store, key, update, fields, async ({ content, version }) => {
    const changed = await changedText(`${store.address}${key}`, content, settings, async (old) => {
      const returned = await returnedBy(update, old, { version, key });
      value = returned === unchanged ? old : returned;
      return returned;
    });
    return changed;
  });
  return { ...result, value };
}
