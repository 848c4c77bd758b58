/**
 * Contents under keys, in an engine: `untorn/store`.
 *
 * @module untorn/store
 */
export { unchanged, WriteError, type ErrorCode, type Outcome, type Step, type Version } from '../contract/index.ts';
export { JsonError } from '../json/index.ts';
export type {
  Engine,
  Removed,
  Store,
  StoreCallOptions,
  StoreDurability,
  StoreEntry,
  StoreResult,
  StoreWriteOptions,
  Written,
} from './contract.ts';
export { storeOn } from './store.ts';
export { openStore, type OpenStoreOptions } from './open-store.ts';
export { openFileStore } from './file-store.ts';
export { updateBytes, type StoreUpdateInfo, type StoreUpdateOptions, type StoreUpdateResult } from './update.ts';
export { updateJson, type StoreUpdateJsonOptions, type StoreUpdateJsonResult } from './update-json.ts';
export { createWriter, StoreWriter, type StoreWriterOptions } from './writer.ts';
