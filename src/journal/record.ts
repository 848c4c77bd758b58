/**
 * The records of a transaction.
 *
 * The home directory has the record, a directory that nobody else can write. The record holds the journal, from before
 * the commit until all is done, and the token, an empty file. The commit is the rename of the token from `pending` to
 * `committed`. While there is a `committed` token the journal is to be carried out (afterwards the token is `done`).
 * Otherwise the staged files are to be removed, of which none is left when all has been done. So exactly one of two
 * opposing decisions succeeds: the owner commits by renaming the token, and a roll-back removes it first. A suspended
 * owner whose token is gone cannot commit any more. Another user who may write the home can take the whole record away,
 * so that nothing is known of the transaction, but cannot decide it. (The journal itself keeps its name: in a power cut
 * a filesystem without a journal of its own may lose both names of a file that is being renamed, or keep both.)
 *
 * Every other directory has a pointer to the home. It is written after the journal, and removed, durably, before the
 * journal is. So a pointer that leads to no journal has not found its home. A committed journal that leads to a
 * directory without a pointer has not found the right one: it is not mounted, or was moved. Both are left alone. All of
 * them record the directory in which they were written, by its inode number: in a copy none is trusted.
 * `find-record.ts` finds and judges them.
 */
import { codeOf, refusal, display, join, type PathName } from '../contract/index.ts';
import { tokenForm, call, concurrently, type FileStatus, type Guard, type Steps } from '../system/index.ts';
import {
  whileBusy,
  writeAll,
  syncDirectory,
  syncNow,
  type OpenFolder,
  type Folder,
  openMade,
  type Operation,
  closeFound,
  isOwn,
  lookIn,
  rmdirIn,
  unlinkIn,
  whyNotOwn,
  type FoundDirectory,
  newFileFlags,
  syncTemporary,
  afterFailure,
} from '../files/index.ts';
import { encodeJournal, encodePointer, type Journal, type Pointer } from './format.ts';

const kinds = ['journal', 'pointer'] as const;
export type RecordKind = (typeof kinds)[number];

/** The name of a transaction's record in its home, or of a pointer to it in another directory. */
export function recordName(id: string, kind: RecordKind): string {
  return `.untorn-j-${id}.${kind}`;
}

const form = new RegExp(`^\\.untorn-j-(${tokenForm})\\.([a-z]+)$`);

/** The parts of a record's name. */
export function parseRecordName(name: string): { readonly id: string; readonly kind: RecordKind } | undefined {
  const found = form.exec(name);
  const kind = kinds.find((one) => one === found?.[2]);
  return kind === undefined ? undefined : { id: (found as unknown as string[])[1] as string, kind };
}

/** The names in a record. */
export const journalName = 'journal';
const pendingName = 'token.pending';
const committedName = 'token.committed';
const doneName = 'token.done';

/** Why a directory is not trusted as a record of this user; undefined if it is. */
export function whyNotPrivate(operation: Operation, status: FileStatus): string | undefined {
  if (!isOwn(operation, status)) return "is another user's";
  return operation.environment.platform !== 'win32' && (status.mode & 0o022) !== 0
    ? 'can be written by others'
    : undefined;
}

/** A written file that is to be removed if the process ends before the commit. */
export interface WrittenFile {
  readonly folder: Folder;
  readonly name: PathName;
  guard: Guard;
}

/** A record that is being written; it is held open. */
export interface WrittenRecord extends WrittenFile {
  readonly found: FoundDirectory;
  readonly files: WrittenFile[];
}

function guardOf(
  { environment }: Operation,
  kind: 'file' | 'directory',
  { directory, directoryPath }: Folder,
  name: PathName,
): Guard {
  return environment.guard(kind, join(directory.accessPath, name), join(directoryPath, name));
}

/** Makes the directory of a record. */
export function* createRecord(operation: Operation, folder: Folder, id: string): Steps<WrittenRecord> {
  const name = recordName(id, 'journal');
  const guard = guardOf(operation, 'directory', folder, name);
  try {
    yield* call.mkdir(join(folder.directory.accessPath, name), 0o700);
    guard.opened();
    const found = yield* openMade(operation, folder, name);
    if (found === undefined) throw refusal('EAGAIN', 'somebody removed its record');
    const why = whyNotPrivate(operation, found.status);
    if (why === undefined) return { folder, name, guard, found, files: [] };
    yield* closeFound(found);
    // As on filesystems without owners and modes.
    throw refusal(
      'ENOTSUP',
      `it could not be recovered: its record "${display(join(folder.directoryPath, name))}" ${why}`,
    );
  } catch (error) {
    // An error, even EEXIST, may be reported for a call that succeeded: nobody else can know this name.
    if (yield* afterFailure(call.rmdir(join(folder.directory.accessPath, name)))) guard.release();
    throw error;
  }
}

/** Writes the journal and the token into a record. */
export function* fillRecord(operation: Operation, record: WrittenRecord, journal: Omit<Journal, 'ino'>): Steps<void> {
  record.files.push(yield* writeNew(operation, record.found, journalName, (ino) => encodeJournal({ ...journal, ino })));
  record.files.push(yield* writeNew(operation, record.found, pendingName));
}

/** Writes a pointer, which gets its name when it is complete: it says that there is a journal. */
export function* writePointer(operation: Operation, folder: Folder, pointer: Omit<Pointer, 'ino'>): Steps<WrittenFile> {
  const written = yield* writeNew(operation, folder, `.${operation.environment.token('staged')}`, (ino) =>
    encodePointer({ ...pointer, ino }),
  );
  const name = recordName(pointer.id, 'pointer');
  const guard = guardOf(operation, 'file', folder, name);
  guard.opened();
  try {
    yield* whileBusy(operation, () =>
      call.rename(join(folder.directory.accessPath, written.name), join(folder.directory.accessPath, name)),
    );
  } catch (error) {
    yield* withdrawFile(written);
    // A network filesystem may report an error for a removal that took place.
    if (yield* afterFailure(call.unlink(join(folder.directory.accessPath, name)))) guard.release();
    throw error;
  }
  written.guard.release();
  return { folder, name, guard };
}

function* writeNew(
  operation: Operation,
  folder: Folder,
  name: PathName,
  content?: (ino: bigint) => Uint8Array,
): Steps<WrittenFile> {
  const written = { folder, name, guard: guardOf(operation, 'file', folder, name) };
  try {
    yield* createFile(operation, written, content);
    return written;
  } catch (error) {
    // An error may be reported for a call that succeeded; but what was there before is somebody else's.
    if (codeOf(error) === 'EEXIST') written.guard.release();
    else yield* withdrawFile(written);
    throw error;
  }
}

function* createFile(
  operation: Operation,
  { folder, name, guard }: Readonly<WrittenFile>,
  content: ((ino: bigint) => Uint8Array) | undefined,
): Steps<void> {
  const fd = yield* call.open(join(folder.directory.accessPath, name), newFileFlags(operation), 0o600);
  guard.opened();
  try {
    if (content !== undefined) {
      const status = yield* call.fstat(fd);
      const why = whyNotOwn(operation, status, Infinity);
      if (why !== undefined)
        throw refusal(
          'ENOTSUP',
          `it could not be recovered: its file "${display(join(folder.directoryPath, name))}" ${why}`,
        );
      // The umask may take rights even from its owner, who has to read it.
      if ((status.mode & 0o600) !== 0o600) yield* call.fchmod(fd, 0o600);
      yield* writeAll(operation, fd, content(status.ino));
      if (operation.settings.durability !== 'off') yield* syncTemporary(operation, { fd });
    }
  } catch (error) {
    yield* afterFailure(call.close(fd));
    throw error;
  }
  yield* call.close(fd);
}

/** Files that are removed at the end of the process, after all that were made before this call. */
export function removeLast(operation: Operation, files: readonly WrittenFile[]): void {
  for (const file of files) {
    const first = file.guard;
    file.guard = guardOf(operation, 'file', file.folder, file.name);
    file.guard.opened();
    first.release();
  }
}

/** Removes a file after an error; says whether it is gone. */
export function* withdrawFile({ folder, name, guard }: WrittenFile): Steps<boolean> {
  const gone = yield* afterFailure(call.unlink(join(folder.directory.accessPath, name)));
  if (gone) guard.release();
  return gone;
}

/** Makes the contents of a record, and its own name, durable. */
export function* syncRecord(operation: Operation, { fd }: FoundDirectory): Steps<boolean | 'unsupported'> {
  if (operation.settings.durability === 'off') return false;
  return fd === undefined ? 'unsupported' : yield* syncNow(fd);
}

/** The commit; false if somebody else has rolled back. */
export function* commitToken({ directory }: FoundDirectory): Steps<boolean> {
  try {
    yield* call.rename(join(directory.accessPath, pendingName), join(directory.accessPath, committedName));
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

export function* isCommitted(record: FoundDirectory): Steps<boolean> {
  return (yield* lookIn(record, committedName)) !== undefined;
}

/** After this its owner cannot commit any more. */
export function* forbidCommit(operation: Operation, record: FoundDirectory): Steps<void> {
  yield* unlinkIn(operation, record, pendingName);
}

/** Whether everything is done except the clean-up. */
export function* isDone(record: FoundDirectory): Steps<boolean> {
  return (yield* lookIn(record, doneName)) !== undefined;
}

/**
 * Everything is done: staged files do not count any more. Durable, so that it cannot be done again after later writes.
 */
export function* finishToken(operation: Operation, record: FoundDirectory): Steps<void> {
  try {
    yield* call.rename(join(record.directory.accessPath, committedName), join(record.directory.accessPath, doneName));
  } catch (error) {
    // Somebody else has finished it; or an error was reported for a rename that took place.
    if (yield* isCommitted(record)) throw error;
  }
  // A power cut may have left it both names, and then rename(2) does nothing.
  yield* unlinkIn(operation, record, committedName);
  yield* syncRecord(operation, record);
}

/** When the pointers are gone: removes the journal, and with it the last trace of the transaction. */
export function* removeRecord(operation: Operation, home: Folder, record: FoundDirectory, id: string): Steps<void> {
  for (const name of [journalName, doneName, pendingName]) yield* unlinkIn(operation, record, name);
  yield* rmdirIn(operation, home, recordName(id, 'journal'));
}

/** Removes the pointers, durably: the journal is removed last. */
export function* removePointers(operation: Operation, folders: readonly OpenFolder[], id: string): Steps<void> {
  for (const folder of folders) yield* unlinkIn(operation, folder, recordName(id, 'pointer'));
  yield* syncAll(operation, folders);
}

/** Syncs directories; false with durability `'off'`. */
export function* syncAll(operation: Operation, folders: readonly OpenFolder[]): Steps<boolean | 'unsupported'> {
  if (operation.settings.durability === 'off') return false;
  const synced = yield* concurrently(...folders.map(({ directory }) => syncDirectory(operation, directory)));
  return synced.includes('unsupported') ? 'unsupported' : true;
}
