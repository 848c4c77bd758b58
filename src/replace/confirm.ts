/** After the commit: makes the new content, or the content that replaced it, as durable as the caller asked for. */
import type { Steps } from '../system/index.ts';
import {
  during,
  syncDirectory,
  type Operation,
  parentsMayBeUnsynced,
  syncParents,
  syncInPlace,
  isReadOnly,
  type Target,
} from '../files/index.ts';
import type { Renamed } from './rename.ts';
import { withMore } from './stage.ts';

/** Nothing is undone any more. A failure from here on says that the new content is committed. */
export function confirm(
  operation: Operation,
  target: Target,
  renamed: Pick<Renamed, 'record' | 'atomic' | 'synced'>,
): Steps<boolean | 'unsupported'> {
  return during(operation, 'sync directory', confirmRenamed(operation, target, renamed));
}

function* confirmRenamed(
  operation: Operation,
  target: Target,
  { record, atomic, synced }: Pick<Renamed, 'record' | 'atomic' | 'synced'>,
): Steps<boolean | 'unsupported'> {
  const { durability } = operation.settings;
  try {
    // A failed sync is not repeated, whatever is in place by now.
    if (synced) yield* syncDirectory(operation, target.directory, synced);
    // The content that replaced this one meanwhile may have been written without any sync.
    if (record === undefined) return yield* confirmInPlace(operation, target);
    let durable: boolean | 'unsupported' = false;
    if (durability === 'full') {
      durable = !atomic || (yield* syncDirectory(operation, target.directory, synced));
      if (
        parentsMayBeUnsynced(operation, target) &&
        (yield* withMore(operation, target, () => syncParents(operation, target))) === 'unsupported'
      )
        durable = 'unsupported';
    }
    if (operation.unsynced && durable) durable = 'unsupported';
    record.confirm(durability, durable);
    return durable;
  } catch (error) {
    record?.fail(error);
    throw error;
  }
}

/** Makes the target's current content as durable as the caller asked for; its writer may not have done so. */
export function* confirmInPlace(operation: Operation, target: Target): Steps<boolean | 'unsupported'> {
  const { durability } = operation.settings;
  if (durability === 'off') return false;
  // Windows flushes only files that the caller may write.
  if (isReadOnly(operation, target)) return durability === 'full' ? 'unsupported' : false;
  if (!(yield* during(operation, 'sync', syncInPlace(operation, target)))) return 'unsupported';
  if (durability === 'normal') return false;
  return yield* during(operation, 'sync directory', syncNames(operation, target));
}

function* syncNames(operation: Operation, target: Target): Steps<boolean | 'unsupported'> {
  const durable = yield* syncDirectory(operation, target.directory);
  return (yield* syncParents(operation, target)) === 'unsupported' ? 'unsupported' : durable;
}
