/**
 * Files that another process has open. On Windows a virus scanner or an indexer opens files for a moment, and
 * replacing, moving or removing them fails. Filesystems that are not this machine's own fail in the same way when a
 * server says so. The call is tried again for as long as `retry.timeout` says.
 */
import { codeOf } from '../contract/index.ts';
import { now, uninterrupted, call, type Steps } from '../system/index.ts';
import { throwIfAborted, type Operation } from './operation.ts';

const busyOnWindows = new Set(['EPERM', 'EACCES', 'EBUSY']);
const busyElsewhere = new Set(['EACCES', 'EBUSY', 'ETXTBSY', 'ESTALE']);

/**
 * The codes of errors that may be temporary; none where the kernel itself decides, or where there is another way for a
 * file in use.
 */
function passing(
  { environment, settings }: Operation,
  directory: { readonly own?: boolean } | undefined,
): ReadonlySet<string> | undefined {
  if (environment.platform === 'win32') return busyOnWindows;
  return directory?.own === false && settings.fallback !== 'in-place' ? busyElsewhere : undefined;
}

/** Performs steps, and repeats them while they fail because a file is busy; the last error is thrown. */
export function* whileBusy<T>(
  operation: Operation,
  attempt: () => Steps<T>,
  directory?: { readonly own?: boolean },
): Steps<T> {
  const busy = passing(operation, directory);
  if (busy === undefined) return yield* attempt();
  const deadline = now() + operation.settings.retryTimeout;
  for (let pause = 4; ; pause = Math.min(pause * 2, 128)) {
    try {
      return yield* attempt();
    } catch (error) {
      if (!busy.has(codeOf(error) ?? '') || now() >= deadline) throw error;
    }
    throwIfAborted(operation);
    // Random, so that several processes do not try at the same time.
    yield* call.sleep(Math.min(pause * (0.5 + Math.random()), Math.max(deadline - now(), 0)));
  }
}

/**
 * Performs steps that have a file open from their beginning to their end. On Windows nobody can replace the file
 * meanwhile, not even a synchronous call of this thread, which cannot wait for them: so there they are performed at
 * once, blocking.
 */
export function* whileOpen<T>({ environment }: Operation, steps: Steps<T>): Steps<T> {
  return yield* environment.platform === 'win32' ? uninterrupted(steps) : steps;
}
