/** Directories to work in. */
import type { PathName } from '../contract/index.ts';

/** A directory to create files in, and the path of it that users know. */
export interface Folder {
  readonly directory: { readonly accessPath: PathName };
  readonly directoryPath: PathName;
  /** The path by which what was made in it is reached, if that must fail when the folder is moved. */
  readonly way?: PathName;
}
