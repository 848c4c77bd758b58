/** Directories to work in. */
import type { PathName } from '../contract/index.ts';

/** A directory to create files in, and its path as users know it. */
export interface Folder {
  readonly directory: { readonly accessPath: PathName };
  readonly directoryPath: PathName;
  /** The path by which files made in it are reached, if that must fail when the folder is moved. */
  readonly way?: PathName;
}
