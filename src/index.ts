export { atomicWrite, atomicWriteSync } from './atomic-write.ts';
export { WriteError, type ErrorCode, type FileState, type Operation, type Outcome, type Step, type WriteErrorDetails } from './errors.ts';
export { readJson, readJsonSync, writeJson, writeJsonSync } from './json.ts';
export { JsonError, type JsonErrorDetails } from './json-error.ts';
export { openPending, type PendingFile } from './pending-file.ts';
export { openPendingSync, type PendingFileSync } from './pending-file-sync.ts';
export { sweep, sweepSync, type SweepOptions } from './sweep.ts';
export { readVersioned, readVersionedSync, type Versioned } from './read-versioned.ts';
export { updateFile, updateFileSync } from './update-file.ts';
export { updateJson, updateJsonSync, type UpdateJsonInfo, type UpdateJsonOptions, type UpdateJsonResult } from './update-json.ts';
export { unchanged } from './unchanged.ts';
export type { UpdateInfo } from './updating.ts';
export { transaction, transactionSync } from './transaction.ts';
export type { Transaction, TransactionSync } from './open-transaction.ts';
export { replaceDirectory, replaceDirectorySync, type ReplaceDirectoryOptions, type ReplaceDirectoryResult } from './replace-directory.ts';
export { recover, recoverSync, type KeptTransaction, type RecoveredFile, type RecoverOptions, type RecoverResult } from './recover.ts';
export { writeFile, writeFileSync } from './write-file.ts';
export { createWriter, Writer } from './writer.ts';
export type { WriterOptions } from './writer-options.ts';
export { createWritableStream, createWriteStream, type WriteStream, type WriteStreamOptions } from './write-stream.ts';
export type { Chunk, Data, SyncData } from './data.ts';
export type { ReadJsonOptions, Recovery, WriteJsonOptions } from './json-options.ts';
export type { Replacer } from './json-strict.ts';
export type { Reviver } from './json-text.ts';
export type { Backup, Durability, Keep, LockOptions, Preserve, WriteOptions } from './options.ts';
export type { PathLike, PathName } from './path.ts';
export type { KeptFile, NotKept, SweepResult, UpdateResult, WriteResult } from './result.ts';
export type { SchemaInput, SchemaIssue, SchemaOutput, StandardSchema } from './schema.ts';
export type {
  TransactionFile, TransactionJsonOptions, TransactionLockOptions, TransactionOptions, TransactionRemoveOptions, TransactionRenameOptions, TransactionResult,
  TransactionWriteOptions,
} from './transaction-options.ts';
export type { Version } from './version.ts';
