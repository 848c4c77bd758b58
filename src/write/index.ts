/** The public ways to write. */
export { writeFile, writeFileSync, writeLater, writeNow } from './write-file.ts';
export { writeFiles, type FileToWrite } from './write-files.ts';
export { openPendingSync, PendingFileSync } from './pending-file-sync.ts';
export { openPending, PendingFile } from './pending-file.ts';
export { atomicWrite, atomicWriteSync } from './atomic-write.ts';
export { createWritableStream, createWriteStream, WriteStream, type WriteStreamOptions } from './write-stream.ts';
export { settle } from './stream-callbacks.ts';
