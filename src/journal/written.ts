/** The records of one transaction, from the journal to the end; they are held open meanwhile. */
import { join, type PathName } from '../contract/index.ts';
import { call, concurrently, type Steps } from '../system/index.ts';
import { type OpenFolder, type Operation, closeFound, type FoundDirectory, afterFailure } from '../files/index.ts';
import { clearStaged } from './apply.ts';
import { siteFrom, type Change, type Site } from './format.ts';
import * as record from './record.ts';

export class Written {
  readonly #operation: Operation;
  readonly #id: string;
  /** The first is the home. */
  readonly #folders: readonly OpenFolder[];
  #record: record.WrittenRecord | undefined;
  readonly #pointers: record.WrittenFile[] = [];

  constructor(operation: Operation, id: string, folders: readonly OpenFolder[]) {
    this.#operation = operation;
    this.#id = id;
    this.#folders = folders;
  }

  /** Writes down the changes, where they can be found from every directory. */
  *write(locks: readonly string[], changes: readonly Change[]): Steps<void> {
    const [home, ...others] = this.#folders as [OpenFolder, ...OpenFolder[]];
    const written = yield* record.createRecord(this.#operation, home, this.#id);
    this.#record = written;
    const [first, ...rest] = yield* sitesOf(home.directoryPath, this.#folders);
    const directories = [first as Site, ...rest] as const;
    yield* record.fillRecord(this.#operation, written, { id: this.#id, directories, locks, changes });
    yield* concurrently(record.syncRecord(this.#operation, written.found), record.syncAll(this.#operation, [home]));
    for (const [index, folder] of others.entries()) {
      const directory = { ...(rest[index] as Site), relative: undefined };
      const where = siteFrom(folder.directoryPath, home.directoryPath, directories[0].ino);
      this.#pointers.push(
        yield* record.writePointer(this.#operation, folder, { id: this.#id, directory, home: where }),
      );
    }
    // A pointer leads to a journal also when the process ends while all of it is being removed.
    record.removeLast(this.#operation, written.files);
    yield* record.syncAll(this.#operation, others);
  }

  /** The directory of the token. */
  get found(): FoundDirectory {
    return (this.#record as record.WrittenRecord).found;
  }

  /** After this an exit must not remove it. */
  letStay(): void {
    const { guard, files } = this.#record as record.WrittenRecord;
    for (const one of [{ guard }, ...files, ...this.#pointers]) one.guard.release();
  }

  /** Everything is done, and durable: removes all records and staged files. */
  *finish(operation: Operation, changes: readonly Change[]): Steps<void> {
    const [home, ...others] = this.#folders as [OpenFolder, ...OpenFolder[]];
    yield* record.finishToken(operation, this.found);
    yield* clearStaged(operation, this.#id, this.#folders, changes);
    yield* record.removePointers(operation, others, this.#id);
    yield* record.removeRecord(operation, home, this.found, this.#id);
  }

  /**
   * Before the commit: removes the records. The token is removed first, so that it cannot be committed any more; the
   * journal last, when no pointer can come back. What cannot be removed is left for a recovery, with all that it needs.
   */
  *withdraw(): Steps<void> {
    if (this.#record === undefined) return;
    const [token, ...journal] = this.#record.files.toReversed();
    if (token !== undefined && !(yield* record.withdrawFile(token))) return;
    for (const pointer of this.#pointers) if (!(yield* record.withdrawFile(pointer))) return;
    if (this.#pointers.length > 0 && !(yield* afterFailure(record.syncAll(this.#operation, this.#folders.slice(1)))))
      return;
    for (const file of journal) if (!(yield* record.withdrawFile(file))) return;
    const { folder, name, guard } = this.#record;
    if (yield* afterFailure(call.rmdir(join(folder.directory.accessPath, name)))) guard.release();
  }

  *close(): Steps<void> {
    if (this.#record !== undefined) yield* afterFailure(closeFound(this.#record.found));
  }
}

/** Where directories are. Their inode numbers are read now: on overlayfs they change with the first file in them. */
function* sitesOf(from: PathName, folders: readonly OpenFolder[]): Steps<Site[]> {
  const sites = [];
  for (const { directory, directoryPath } of folders) {
    sites.push(siteFrom(from, directoryPath, (yield* call.stat(directory.accessPath)).ino));
  }
  return sites;
}
