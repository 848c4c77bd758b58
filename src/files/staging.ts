/** Where temporary files are made: beside their target, in the entry of its lock, or in a directory of the caller. */
import { codeOf, display, refusal, type PathName } from '../contract/index.ts';
import type { Steps } from '../system/index.ts';
import { openDirectory, type Directory } from './directory.ts';
import type { Folder } from './folder.ts';
import type { Operation } from './operation.ts';
import type { Target } from './target.ts';
import { othersRename } from './temporary.ts';

/** Where a write creates what it later renames into a folder: in the entry of its lock, if it holds a lock there. */
export function stagingFolder(
  { locking }: Operation,
  folder: Folder,
  target: Folder & Partial<Pick<Target, 'staging'>> = folder,
): Folder {
  return folder.directory === target.directory ? (locking?.folder ?? target.staging ?? folder) : folder;
}

/** Opens the caller's directory for temporary files, unless they go into the entry of a lock. */
export function* openStaging(operation: Operation, target: Target): Steps<void> {
  const path = operation.settings.temporaryDirectory;
  if (path === undefined || operation.locking?.folder !== undefined || target.staging !== undefined) return;
  const directory = yield* open(operation, path);
  target.staging = { directory, directoryPath: path };
  const shown = `the directory for temporary files, "${display(path)}",`;
  if (directory.status.dev !== target.directory.status.dev) throw refusal('EXDEV', `${shown} is on another filesystem`);
  if (othersRename(operation, directory))
    throw refusal('EPERM', `${shown} can be written by other users, who could exchange what is in it`);
}

function* open(operation: Operation, path: PathName): Steps<Directory> {
  try {
    return yield* openDirectory(operation, path);
  } catch (cause) {
    const code = codeOf(cause) ?? '';
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw cause;
    const why = code === 'ENOENT' ? 'does not exist' : 'is no directory';
    throw Object.assign(refusal(code, `the directory for temporary files, "${display(path)}", ${why}`), { cause });
  }
}
