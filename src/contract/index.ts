/** What callers see: options, data, paths, results, errors, versions. */
export {
  asText,
  cutName,
  display,
  fromBytes,
  isAbsolute,
  isUrl,
  join,
  key,
  type PathLike,
  type PathName,
  relativePath,
  split,
  surround,
} from './path-name.ts';
export { withoutDescriptors } from './system-errors.ts';
export { hints } from './error-message.ts';
export {
  aborted,
  codeOf,
  type ErrorCode,
  isShortage,
  misuse,
  noCallback,
  outOfRange,
  refusal,
  WriteError,
} from './errors.ts';
export { callerOf, forCaller, withCaller, withFrames } from './caller.ts';
export { type Kept, unchanged } from './unchanged.ts';
export { describe } from './describe.ts';
export { isThenable, refusePromise } from './thenable.ts';
export {
  assertIntact,
  type Chunk,
  chunkBytes,
  type Content,
  type Data,
  isChunk,
  readChunks,
  readData,
  readSyncData,
  type SyncData,
  textOf,
} from './data.ts';
export type { Source } from './source.ts';
export { bare } from './bare.ts';
export { onAbort } from './abort.ts';
export {
  type Fields,
  flag,
  oneOf,
  readAge,
  readDuration,
  readEncoding,
  readId,
  readNamePart,
  readRetries,
  readSignal,
  none,
  record,
  wrongType,
  assertFunction,
} from './option-values.ts';
export { absent, isVersion, newHash, type Version, versionOf } from './version.ts';
export {
  type KeptFile,
  type NotKept,
  type SweepResult,
  type UpdateResult,
  writeResult,
  type WriteResult,
} from './result.ts';
export type { FileState, OperationName, Outcome, Step, WriteErrorDetails } from './failure.ts';
export type {
  Backup,
  Durability,
  Keep,
  LockOptions,
  Preserve,
  TemporaryOptions,
  UpdateOptions,
  WriteOptions,
} from './options.ts';
export { refuseReserved } from './windows-names.ts';
