/** Replacement of whole directories. */
export {
  replaceDirectory,
  type ReplaceDirectoryOptions,
  type ReplaceDirectoryResult,
  replaceDirectorySync,
} from './replace-directory.ts';
