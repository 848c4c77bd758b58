/** Who holds a lock. */
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

/** Whether who holds a lock gives signs of life; a lock that this thread could not give back is nobody's. */
export function signOf(
  operation: Operation,
  { owner, status }: Pick<Holder, 'owner' | 'status'>,
  exclusive: boolean,
): Sign {
  // What is none of ours is not ours to move.
  if (owner === undefined) return 'alive';
  const { locks, judge } = operation.environment;
  return locks.get(owner.random) === 'given up' ? 'dead' : judge(owner, lastChange(status), exclusive);
}

/** Who holds a lock, by its directory; undefined if nobody does. */
export function* lookAtHolder(operation: Operation, home: Folder): Steps<Holder | undefined> {
  const names = (yield* entriesOf(operation, home)) ?? [];
  const name = names.find((one) => parseLockToken(asText(one)) !== undefined) ?? names[0];
  if (name === undefined) return undefined;
  const status = yield* lookOnce(join(join(home.directory.accessPath, heldName), name));
  if (status === undefined) return undefined;
  return { name, owner: fileType(status.mode) === 'directory' ? parseLockToken(asText(name)) : undefined, status };
}

/** One look is enough where nothing depends on it but how long is waited. */
export function* lookOnce(accessPath: PathName): Steps<FileStatus | undefined> {
  try {
    return yield* call.lstat(accessPath);
  } catch (error) {
    if (!['ENOENT', 'ESTALE'].includes(codeOf(error) ?? '')) throw error;
    return undefined;
  }
}
