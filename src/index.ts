export { atomicWrite, atomicWriteSync } from './write/atomic-write.ts';
export { WriteError, type ErrorCode } from './contract/errors.ts';
export type { FileState, OperationName, Outcome, Step, WriteErrorDetails } from './contract/failure.ts';
export { readJson, readJsonSync, writeJson, writeJsonSync } from './json/json.ts';
export { JsonError, type JsonErrorDetails, type SchemaIssue } from './json/json-error.ts';
export { openPending, type PendingFile } from './write/pending-file.ts';
export { openPendingSync, type PendingFileSync } from './write/pending-file-sync.ts';
export { sweep, sweepSync, type SweepOptions } from './sweep/sweep.ts';
export { readVersioned, readVersionedSync, type Versioned } from './update/read-versioned.ts';
export { updateFile, updateFileSync } from './update/update-file.ts';
export {
  updateJson,
  updateJsonSync,
  type UpdateJsonInfo,
  type UpdateJsonOptions,
  type UpdateJsonResult,
} from './json/update-json.ts';
export { unchanged } from './contract/unchanged.ts';
export type { UpdateInfo } from './update/updating.ts';
export { transaction, transactionSync } from './transaction/transaction.ts';
export type { Transaction, TransactionSync } from './transaction/open-transaction.ts';
export {
  replaceDirectory,
  replaceDirectorySync,
  type ReplaceDirectoryOptions,
  type ReplaceDirectoryResult,
} from './directory/replace-directory.ts';
export { recover, recoverSync, type RecoverOptions } from './journal/recover.ts';
export type { KeptTransaction, RecoveredFile, RecoverResult } from './journal/result.ts';
export { writeFile, writeFileSync } from './write/write-file.ts';
export { createWriter, Writer } from './writer/writer.ts';
export type { WriterOptions } from './writer/writer-options.ts';
export {
  createWritableStream,
  createWriteStream,
  type WriteStream,
  type WriteStreamOptions,
} from './write/write-stream.ts';
export type { Chunk, Data, SyncData } from './contract/data.ts';
export type { ReadJsonOptions, Recovery, WriteJsonOptions } from './json/json-options.ts';
export type { Replacer } from './json/json-strict.ts';
export type { Reviver } from './json/json-text.ts';
export type { Backup, Durability, Keep, LockOptions, Preserve, WriteOptions } from './contract/options.ts';
export type { PathLike, PathName } from './contract/path-name.ts';
export type { KeptFile, NotKept, SweepResult, UpdateResult, WriteResult } from './contract/result.ts';
export type { SchemaInput, SchemaOutput, StandardSchema } from './json/schema.ts';
export type {
  TransactionFile,
  TransactionJsonOptions,
  TransactionLockOptions,
  TransactionOptions,
  TransactionRemoveOptions,
  TransactionRenameOptions,
  TransactionResult,
  TransactionWriteOptions,
} from './transaction/options.ts';
export type { Version } from './contract/version.ts';
