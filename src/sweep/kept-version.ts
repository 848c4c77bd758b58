/**
 * Old versions that stay for a while.
 *
 * If other machines may use the filesystem, their readers reach the old version for some time after the switch: they
 * cache names. So it stays under its name, and a symbolic link beside it says that it may be removed. The link's text
 * names the version and its inode, and only the link's owner can have written it. The version is removed when it is old
 * enough, by the filesystem's own clock: with the next replacement, or by a sweep.
 */
import { asText, join, surround, type PathName } from '../contract/index.ts';
import { fileType, parseToken, call, type FileStatus, type Steps } from '../system/index.ts';
import {
  type Folder,
  type Operation,
  isTrusted,
  lookIn,
  namesIn,
  type FoundDirectory,
  newName,
} from '../files/index.ts';

/** How long the next replacement leaves it: clients of NFS cache names for a minute, by default. Nanoseconds. */
const aWhile = 600_000_000_000n;

/** Marks a version that may be removed after a while. */
export function* promise(
  operation: Operation,
  folder: Folder,
  path: PathName,
  version: PathName,
  { ino }: FileStatus,
): Steps<void> {
  const accessPath = join(folder.directory.accessPath, newName(operation, path, 'tree'));
  yield* call.symlink(surround('', version, `/${ino.toString(36)}`), accessPath);
}

/** A version that its owner's link marks as removable. */
export interface Promised {
  readonly version: PathName;
  /** Undefined if it is gone, or another directory is there. */
  readonly status: FileStatus | undefined;
}

type Looked = Pick<FoundDirectory, 'directory' | 'directoryPath' | 'status'>;

/** The version that a link marks as removable; undefined if it marks none, or is another user's. */
export function* readPromise(
  operation: Operation,
  folder: Looked,
  name: PathName,
  link: FileStatus,
): Steps<Promised | undefined> {
  if (fileType(link.mode) !== 'link' || !isTrusted(operation, folder.status, link)) return undefined;
  const text = yield* call.readlink(join(folder.directory.accessPath, name));
  const [, version, inode] = /^([^/]+)\/([0-9a-z]+)$/.exec(asText(text)) ?? [];
  if (version === undefined || parseToken(version)?.kind !== 'version') return undefined;
  const named = typeof text === 'string' ? version : Buffer.from(version, 'latin1');
  const status = yield* lookIn(folder, named);
  if (status === undefined || status.ino.toString(36) !== inode || status.dev !== link.dev)
    return { version: named, status: undefined };
  const mayGo = fileType(status.mode) === 'directory' && isTrusted(operation, folder.status, status);
  return { version: named, status: mayGo ? status : undefined };
}

/** The links that mark versions of a path, and are old enough. `now` is the time of the last change there. */
export function* promisesOf(
  operation: Operation,
  folder: Looked,
  path: PathName,
  now: bigint,
): Steps<(Promised & { readonly link: PathName })[]> {
  const found = [];
  const start = `.${asText(path)}.`;
  for (const link of yield* namesIn(folder)) {
    if (!asText(link).startsWith(start) || parseToken(asText(link))?.kind !== 'tree') continue;
    const status = yield* lookIn(folder, link);
    if (status === undefined || now - status.ctimeNs < aWhile) continue;
    const promised = yield* readPromise(operation, folder, link, status);
    if (promised !== undefined && asText(promised.version).startsWith(start)) found.push({ ...promised, link });
  }
  return found;
}
