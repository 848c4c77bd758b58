/** The two ways to write a file, so that one test shows both. */
import { readdirSync, readFileSync } from 'node:fs';
import {
  writeFile,
  writeFileSync,
  WriteError,
  type PathLike,
  type SyncData,
  type WriteOptions,
  type WriteResult,
} from 'untorn';

export interface Api {
  readonly name: 'writeFile' | 'writeFileSync';
  write(path: PathLike, data: SyncData, options?: WriteOptions | BufferEncoding): Promise<WriteResult>;
}

export const apis: readonly Api[] = [
  { name: 'writeFile', write: (path, data, options) => writeFile(path, data, options) },
  { name: 'writeFileSync', write: async (path, data, options) => writeFileSync(path, data, options) },
];

/** What a rejected write is expected to say: its code, and that the old content is in place. */
export function refusedWith(code: string): (error: unknown) => boolean {
  return (error) => {
    if (!WriteError.isWriteError(error)) throw error;
    if (error.code === code && error.outcome === 'old') return true;
    throw new Error(`Expected ${code} and the old content, got ${error.code} and "${error.outcome}"`, { cause: error });
  };
}

/** What is in a directory, as text, sorted. */
export function names(directory: string): string[] {
  return readdirSync(directory).toSorted();
}

export function text(path: string | Buffer): string {
  return readFileSync(path, 'utf8');
}
