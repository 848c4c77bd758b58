export { writeFile, writeFileSync } from './write-file.ts';
export { WriteError, type Outcome, type Step } from './errors.ts';
export type { Chunk, Data, SyncData } from './data.ts';
export type { Backup, Durability, Keep, Preserve, WriteOptions } from './options.ts';
export type { PathLike, PathName } from './path.ts';
export type { NotKept, WriteResult } from './result.ts';
