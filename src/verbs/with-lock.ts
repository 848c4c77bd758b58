import {
  assertFunction,
  isThenable,
  misuse,
  record,
  type PathLike,
  type PathName,
  type WriteOptions,
} from '../contract/index.ts';
import {
  environment,
  holding,
  now,
  runAsync,
  runSync,
  targetPath,
  whenDescriptorsAllow,
  type Steps,
} from '../system/index.ts';
import {
  closeTarget,
  during,
  newLockedOperation,
  openTarget,
  readOptions,
  reporting,
  settled,
  throwIfAborted,
  type LockedOperation,
} from '../files/index.ts';
import { underLock } from '../journal/index.ts';
import { assertHeld, type Lock } from '../lock/index.ts';

/** Options of holding a lock. */
export type WithLockOptions = Pick<WriteOptions, 'lock' | 'signal' | 'makeParents' | 'filesystem'>;

/** What the callback receives. */
export interface LockInfo {
  /** The file whose lock is held, symbolic links followed. It need not exist. */
  readonly path: PathName;
}

/**
 * Calls `callback` while this process holds the lock of the file `path`, and resolves with what it returns.
 *
 * It is the lock that updates, writes with `ifMatch`, transactions and appending take: none of them, in any thread or
 * process, comes between. The file need not exist, its directory must. Writes without a lock are not held up: the
 * callback uses {@link writeFile} for the file, not {@link updateFile}, which would wait for the callback and fails at
 * once (`ERR_LOCK_DEADLOCK`). An abort ends the wait for the lock, and has no effect once the callback runs. The lock is
 * renewed as long as the event loop turns.
 *
 * **Not a fence.** If this process is stopped for longer than its lease, where nobody can see that it lives, another one
 * takes the lock over. That is an error when the callback has ended, but what the callback wrote late is in place. An
 * update has no such gap.
 *
 * @see docs/verbs.md
 * @throws what `callback` throws; or a {@link WriteError} with the codes `ERR_LOCK_TIMEOUT` (`outcome` is `'old'`: the
 * callback was not called), `ERR_LOCK_LOST` (`'unknown'`: another process may have been at work meanwhile),
 * `ERR_LOCK_DEADLOCK`, or those of the system.
 * @example Let one process do it
 * ```ts
 * await withLock('cache.json', async () => {
 *   await writeFile('cache.json', '{}\n');
 *   await writeFile('cache-index.json', '[]\n');
 * });
 * ```
 */
export async function withLock<T>(
  path: PathLike,
  callback: (info: LockInfo) => T | PromiseLike<T>,
  options?: WithLockOptions | null,
): Promise<T> {
  const ended = await runAsync(
    locking(path, callback, options, false, (operation, lock, info) => {
      const result = holding(lock.owner.random, async () => callback(info));
      // An abort must not release the lock while the callback runs.
      return settled<Ended<T>>(
        { ...operation, settings: { ...operation.settings, signal: undefined } },
        result.then(
          (value) => ({ value }),
          (error: unknown) => ({ error }),
        ),
      );
    }),
  );
  return valueOf(ended);
}

/** The return type of a callback that has done all of its work: not a promise. */
type Returned<T> = T extends PromiseLike<unknown> ? never : T;

/**
 * Calls `callback` while this process holds the lock of the file `path`, like {@link withLock}, and blocks until it is
 * done.
 *
 * @throws as {@link withLock}; {@link TypeError} if the callback returns a promise.
 * @example Let one process do it
 * ```ts
 * withLockSync('cache.json', () => writeFileSync('cache.json', '{}\n'));
 * ```
 */
export function withLockSync<T>(
  path: PathLike,
  callback: (info: LockInfo) => Returned<T>,
  options?: WithLockOptions | null,
): T {
  // oxlint-disable-next-line require-yield -- it stands where the asynchronous steps would
  const call = function* (_: LockedOperation, __: Lock, info: LockInfo): Steps<Ended<T>> {
    try {
      const value = callback(info) as T;
      return isThenable(value) ? { error: promised() } : { value };
    } catch (error) {
      return { error };
    }
  };
  return valueOf(runSync(locking(path, callback, options, true, call)));
}

function promised(): TypeError {
  return misuse('ERR_INVALID_RETURN_VALUE', 'The callback of withLockSync() returned a promise; use withLock()');
}

/** How the callback ended. Its own errors are passed on unchanged. */
type Ended<T> = { readonly value: T } | { readonly error: unknown };

function valueOf<T>(ended: Ended<T>): T {
  if ('error' in ended) throw ended.error;
  return ended.value;
}

type Call<T> = (operation: LockedOperation, lock: Lock, info: LockInfo) => Steps<Ended<T>>;

function locking<T>(
  path: PathLike,
  callback: unknown,
  options: WithLockOptions | null | undefined,
  blocking: boolean,
  call: Call<T>,
): Steps<Ended<T>> {
  assertFunction(callback, 'callback');
  const fields = record(options, 'options', ['lock', 'signal', 'makeParents', 'filesystem']);
  const settings = readOptions({ ...fields, linger: false } as WriteOptions);
  const operation: LockedOperation = {
    ...newLockedOperation(targetPath(path), settings, environment, blocking),
    operation: 'lock',
  };
  operation.locking.deadline = now() + settings.lock.timeout;
  return reporting(operation, holdAndCall(operation, call));
}

function* holdAndCall<T>(operation: LockedOperation, call: Call<T>): Steps<Ended<T>> {
  throwIfAborted(operation);
  const target = yield* whenDescriptorsAllow(operation, () => openTarget(operation));
  try {
    return yield* underLock(operation, target, function* (lock) {
      throwIfAborted(operation, 'lock');
      operation.outcome = 'unknown';
      const ended = yield* call(operation, lock, { path: operation.path });
      if ('value' in ended) yield* during(operation, 'lock', assertHeld(lock));
      return ended;
    });
  } finally {
    closeTarget(operation, target);
  }
}
