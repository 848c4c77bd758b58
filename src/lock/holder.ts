/** The holder of a lock. */
import { codeOf, asText, join, type PathName } from '../contract/index.ts';
import {
  fileType,
  parseLockToken,
  type LockOwner,
  type Sign,
  call,
  lastChange,
  type FileStatus,
  type Steps,
} from '../system/index.ts';
import type { Folder, Operation } from '../files/index.ts';
import { heldName } from './name.ts';
import { entriesOf } from './ticket.ts';

export interface Holder {
  /** The name of its entry. */
  readonly name: PathName;
  /** Undefined if something else is in the way. */
  readonly owner: LockOwner | undefined;
  readonly status: FileStatus;
}

/** Whether the holder of a lock gives signs of life. A lock that this thread could not release has no holder. */
export function signOf(
  operation: Operation,
  { owner, status }: Pick<Holder, 'owner' | 'status'>,
  exclusive: boolean,
): Sign {
  // Something that is not ours may not be moved.
  if (owner === undefined) return 'alive';
  const { locks, judge } = operation.environment;
  return locks.get(owner.random) === 'given up' ? 'dead' : judge(owner, lastChange(status), exclusive);
}

/** The holder of a lock, by the lock's directory; undefined if there is none. */
export function* lookAtHolder(home: Folder): Steps<Holder | undefined> {
  const names = (yield* entriesOf(home)) ?? [];
  const name = names.find((one) => parseLockToken(asText(one)) !== undefined) ?? names[0];
  if (name === undefined) return undefined;
  const status = yield* lookOnce(join(join(home.directory.accessPath, heldName), name));
  if (status === undefined) return undefined;
  return { name, owner: fileType(status.mode) === 'directory' ? parseLockToken(asText(name)) : undefined, status };
}

/** One look is enough where only the time of a wait depends on it. */
export function* lookOnce(accessPath: PathName): Steps<FileStatus | undefined> {
  try {
    return yield* call.lstat(accessPath);
  } catch (error) {
    if (!['ENOENT', 'ESTALE'].includes(codeOf(error) ?? '')) throw error;
    return undefined;
  }
}
