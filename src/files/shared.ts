/** Directories in which another user can exchange a file under its name: see private-directory.ts. */
import type { Directory } from './directory.ts';
import type { Operation } from './operation.ts';

/** Whether others can rename files of this user in a directory. */
export function othersRename({ environment }: Operation, { status }: Pick<Directory, 'status'>): boolean {
  const isWritable = (status.mode & 0o022) !== 0;
  const isSticky = (status.mode & 0o1000) !== 0;
  if (status.uid === 0 && (!isWritable || isSticky)) return false;
  const { uid } = environment;
  if (uid === undefined) return false;
  const isOthers = status.uid !== uid && status.uid !== 0;
  return isOthers || (isWritable && !isSticky);
}
