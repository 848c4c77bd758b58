/** What is done with files besides writing them: copying, renaming, removing, linking, locking, appending. */
export { copyFile, copyFileSync, type CopyOptions } from './copy-file.ts';
export { rename, renameSync, type RenameOptions, type RenameResult } from './rename.ts';
export { remove, removeSync, type RemoveOptions, type RemoveResult } from './remove.ts';
export { symlink, symlinkSync, type SymlinkOptions, type SymlinkResult } from './symlink.ts';
export { withLock, withLockSync, type LockInfo, type WithLockOptions } from './with-lock.ts';
export { appendFile, appendFileSync, type AppendOptions } from './append-file.ts';
export type { AppendResult, TornEnd } from './append.ts';
