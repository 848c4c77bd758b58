/**
 * The entry of a lock: a directory named by the lock's token. It holds everything that its owner may still rename to
 * the target.
 *
 * Promise: when an entry has been removed, or renamed by a takeover, none of its owner's files can reach the target any
 * more. The owner's temporary files lie in it, and are renamed by the whole path from the target's directory. A removed
 * entry is empty, and stays so.
 */
import { refusal, asText, display, join, type PathName } from '../contract/index.ts';
import { parseToken, type Steps } from '../system/index.ts';
import {
  type Folder,
  widened,
  type Operation,
  inFound,
  namesIn,
  rmdirIn,
  unlinkIn,
  type FoundDirectory,
} from '../files/index.ts';
import { noteName } from './name.ts';

/**
 * An owner that is not dead after all may make one more file while its entry is cleared, so it is cleared up to this
 * many times.
 */
const attempts = 5;

/** Removes an entry with what its owner has left in it. Fails if something in it is not this package's. */
export function* removeEntry(operation: Operation, folder: Folder, name: PathName): Steps<void> {
  for (let attempt = 0; !(yield* rmdirIn(operation, folder, name)); attempt++) {
    if (attempt === attempts)
      throw refusal('ENOTEMPTY', `"${display(name)}" contains files that are not this package's`);
    const accessPath = join(folder.directory.accessPath, name);
    yield* widened(operation, accessPath, () => inFound(operation, folder, name, (entry) => clear(operation, entry)));
  }
}

function* clear(operation: Operation, entry: FoundDirectory): Steps<void> {
  yield* removeTemporaries(operation, entry);
  yield* unlinkIn(operation, entry, noteName);
}

/** Removes the temporary files of an entry's owner. */
export function* removeTemporaries(operation: Operation, entry: FoundDirectory): Steps<void> {
  for (const name of yield* namesIn(entry)) {
    if (parseToken(asText(name))?.kind === 'temporary') yield* unlinkIn(operation, entry, name);
  }
}
