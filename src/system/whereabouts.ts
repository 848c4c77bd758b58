/** Where this code is on the disk: in the package, or in a program made by a bundler. */
import { existsSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * A path from whose directory packages that belong to the program are looked for; the executable's, if the program is
 * inside of it. Neither `__filename` nor `import.meta.url` is in every kind of module, and bundlers replace either by a
 * path of another machine.
 */
export function whereabouts(): string {
  // Its scripts are named as they were on the machine that made it: nothing may be loaded from there, or from the
  // working directory.
  if (process.getBuiltinModule('node:sea')?.isSea()) return process.execPath;
  const file = ownFile();
  const path = file?.startsWith('file:') ? fileURLToPath(file) : file;
  // An executable of Bun has its scripts in a file system of its own.
  const isInside = path?.startsWith('/$bunfs/') === true;
  return path !== undefined && isAbsolute(path) && !isInside && existsSync(path) ? path : process.execPath;
}

/** The file of the running function, as a stack names it. */
function ownFile(): string | undefined {
  const { prepareStackTrace } = Error;
  try {
    Error.prepareStackTrace = (_, sites) => sites[0]?.getFileName();
    return (new Error('where am I').stack as string | null | undefined) ?? undefined;
  } finally {
    if (prepareStackTrace === undefined) delete (Error as { prepareStackTrace?: unknown }).prepareStackTrace;
    else Error.prepareStackTrace = prepareStackTrace;
  }
}
