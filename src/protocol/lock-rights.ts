/** Who may take a lock over: whoever may write the directory that the lock is in. */
import type { PathName } from '../path.ts';
import { call, type FileStatus, type Steps } from '../system/calls.ts';
import { O_DIRECTORY, O_NOFOLLOW } from '../system/flags.ts';
import { whenDescriptorsAllow } from './descriptors.ts';
import { keeping } from './keeping.ts';
import { refusedByPermissions, type Write } from './write.ts';

/** Gives a lock's directory the owner, group and mode of its parent, as far as others write there and that is possible. */
export function* openToTakers(write: Write, reach: PathName, parent: FileStatus): Steps<void> {
  const { uid, platform } = write.surroundings;
  const othersWrite = (parent.mode & 0o022) !== 0 || (uid === 0 && parent.uid !== 0);
  if (platform === 'win32' || !othersWrite) return;
  const fd = yield* whenDescriptorsAllow(write, () => call.open(reach, O_DIRECTORY | O_NOFOLLOW, 0));
  try {
    // Where it may not be given away, those who may take it over are fewer.
    const { gid } = yield* call.fstat(fd);
    if (uid === 0 || gid !== parent.gid) yield* keeping('try', call.fchown(fd, uid === 0 ? parent.uid : -1, parent.gid), 'group', []);
    yield* keeping('try', setMode(write, fd, reach, parent.mode & 0o7777), 'mode', []);
  } finally {
    yield* call.close(fd);
  }
}

function* setMode(write: Write, fd: number, reach: PathName, mode: number): Steps<void> {
  try {
    yield* call.fchmod(fd, mode);
  } catch (error) {
    if (!refusedByPermissions(write, error)) throw error;
    yield* call.chmod(reach, mode);
  }
}
