/** The verbs and their blocking twins, so that one test shows both. */
import {
  appendFile,
  appendFileSync,
  copyFile,
  copyFileSync,
  remove,
  removeSync,
  rename,
  renameSync,
  symlink,
  symlinkSync,
} from 'untorn';

/** A function, and its twin as if it were asynchronous. */
function both<A extends unknown[], R>(
  later: (...args: A) => Promise<R>,
  now: (...args: A) => R,
): readonly { readonly name: string; call(...args: A): Promise<R> }[] {
  return [
    { name: later.name, call: (...args) => later(...args) },
    { name: `${later.name}Sync`, call: async (...args) => now(...args) },
  ];
}

export const renames = both(rename, renameSync);
export const removals = both(remove, removeSync);
export const links = both(symlink, symlinkSync);
export const copies = both(copyFile, copyFileSync);
export const appends = both(appendFile, appendFileSync);
