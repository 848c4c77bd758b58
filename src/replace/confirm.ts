/** After the commit: the new content, or what took its place, becomes as durable as was asked for. */
import type { Steps } from '../system/port.ts';
import { syncDirectory } from '../files/directory.ts';
import type { Write } from '../files/operation.ts';
import { parentsMayBeUnsynced, syncParents } from '../files/parents.ts';
import { syncInPlace } from '../files/sync-existing.ts';
import { isReadOnly, type Place } from '../files/target.ts';
import type { Renamed } from './rename.ts';

/** Nothing is undone any more. A failure from here on says that the new content is in place. */
export function* confirm(
  write: Write,
  place: Place,
  { record, atomic }: Pick<Renamed, 'record' | 'atomic'>,
): Steps<boolean | 'unsupported'> {
  const { durability } = write.settings;
  try {
    // What replaced this meanwhile may have been written without any sync.
    if (record === undefined) return yield* confirmInPlace(write, place);
    let durable: boolean | 'unsupported' = false;
    if (durability === 'full') {
      write.step = 'sync directory';
      durable = atomic ? yield* syncDirectory(write, place.directory) : true;
      if (parentsMayBeUnsynced(write, place) && (yield* syncParents(write, place)) === 'unsupported')
        durable = 'unsupported';
    }
    if (write.unsynced === true && durable === true) durable = 'unsupported';
    record.confirm(durability, durable);
    return durable;
  } catch (error) {
    record?.fail(error);
    throw error;
  }
}

/** Makes what is in place as durable as was asked for; who wrote it may not have. */
export function* confirmInPlace(write: Write, place: Place): Steps<boolean | 'unsupported'> {
  const { durability } = write.settings;
  if (durability === 'off') return false;
  write.step = 'sync';
  // Windows flushes only what one may write.
  if (isReadOnly(write, place)) return durability === 'full' ? 'unsupported' : false;
  if (!(yield* syncInPlace(write, place))) return 'unsupported';
  if (durability === 'normal') return false;
  write.step = 'sync directory';
  const durable = yield* syncDirectory(write, place.directory);
  return (yield* syncParents(write, place)) === 'unsupported' ? 'unsupported' : durable;
}
