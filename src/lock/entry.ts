/**
 * The entry of a lock: a directory named by the lock's token, in which everything is that its owner may still rename to
 * the target.
 *
 * Promise: when an entry has been removed, or renamed by who takes over, nothing that its owner made can reach the
 * target any more. Its temporary files lie in it, and are renamed by the whole path from the target's directory; and
 * what was removed is empty, and stays so.
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
 * An owner that is not dead after all may make one more file while its entry is cleared: so often it is cleared again.
 */
const attempts = 5;

/** Removes an entry with what its owner has left in it. Fails if there is something in it that is none of ours. */
export function* removeEntry(operation: Operation, folder: Folder, name: PathName): Steps<void> {
  for (let attempt = 0; !(yield* rmdirIn(operation, folder, name)); attempt++) {
    if (attempt === attempts) throw refusal('ENOTEMPTY', `"${display(name)}" holds what is not this package's`);
    const accessPath = join(folder.directory.accessPath, name);
    yield* widened(operation, accessPath, () => inFound(operation, folder, name, (entry) => clear(operation, entry)));
  }
}

function* clear(operation: Operation, entry: FoundDirectory): Steps<void> {
  yield* removeTemporaries(operation, entry);
  yield* unlinkIn(operation, entry, noteName);
}

/** Removes what the owner of an entry was writing. */
export function* removeTemporaries(operation: Operation, entry: FoundDirectory): Steps<void> {
  for (const name of yield* namesIn(operation, entry)) {
    if (parseToken(asText(name))?.kind === 'temporary') yield* unlinkIn(operation, entry, name);
  }
}
