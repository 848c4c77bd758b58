/**
 * What a transaction writes down of itself.
 *
 * In its home directory: the journal, from before the commit until all is done; and the token, an empty file, whose renaming
 * from `pending` to `committed` is the commit. While there is a `committed` token the journal is to be carried out; otherwise
 * what was staged is to be removed, of which nothing is left when all has been done. So exactly one of two that decide
 * differently succeeds: who commits renames the token, and who rolls back removes it first. A suspended owner whose token is
 * gone cannot commit any more. (The journal itself keeps its name: in a power cut a filesystem without a journal of its own may
 * lose both names of a file that is being renamed, or keep both.)
 *
 * Every other directory has a pointer to the home, which comes after the journal and goes before it. So a committed journal
 * that leads to a directory without a pointer has not found the right one (it is not mounted, or was moved); and a pointer
 * that leads to no journal has not found its home. Both are left alone.
 *
 * Whose records are believed: regular files of this very user that nobody else can write.
 * Not even root acts on what another user wrote.
 */
import { codeOf, refusal } from '../errors.ts';
import { display, join, type PathName } from '../path.ts';
import { call, together, type FileStatus, type Guard, type Steps } from '../system/calls.ts';
import { fileType, O_NOFOLLOW, O_RDONLY } from '../system/flags.ts';
import { whileBusy } from './busy.ts';
import { writeAll } from './contents.ts';
import { syncDirectory } from './directory.ts';
import { tokenForm } from '../system/owner.ts';
import type { OpenFolder } from './files.ts';
import { decodeJournal, decodePointer, encodeJournal, encodePointer, type Journal, type Pointer } from './journal.ts';
import { lookAt } from './place.ts';
import { afterFailure, newFileFlags, syncTemporary, unlinkIfThere, type Folder } from './temporary.ts';
import type { Write } from './write.ts';

const kinds = ['journal', 'pending', 'committed', 'pointer'] as const;
export type RecordKind = (typeof kinds)[number];

export function recordName(id: string, kind: RecordKind): string {
  return `.untorn-j-${id}.${kind}`;
}

const form = new RegExp(`^\\.untorn-j-(${tokenForm})\\.([a-z]+)$`);

/** What a name of a record says. */
export function parseRecordName(name: string): { readonly id: string; readonly kind: RecordKind } | undefined {
  const found = form.exec(name);
  const kind = kinds.find((one) => one === found?.[2]);
  return kind === undefined ? undefined : { id: (found as unknown as string[])[1] as string, kind };
}

/** A file of a record that has been written, to be removed if the process ends before the commit. */
export interface WrittenRecord {
  readonly reach: PathName;
  readonly guard: Guard;
}

export function* writeJournal(write: Write, folder: Folder, journal: Omit<Journal, 'ino'>): Steps<WrittenRecord> {
  return yield* writeRecord(write, folder, recordName(journal.id, 'journal'), (ino) => encodeJournal({ ...journal, ino }));
}

/** A pointer has its name when it is whole: it says that there is a journal. */
export function* writePointer(write: Write, folder: Folder, pointer: Omit<Pointer, 'ino'>): Steps<WrittenRecord> {
  const written = yield* writeRecord(write, folder, `.${write.surroundings.token('staged')}`, (ino) => encodePointer({ ...pointer, ino }));
  const name = recordName(pointer.id, 'pointer');
  const reach = join(folder.directory.reach, name);
  const guard = write.surroundings.guard('file', reach, join(folder.directoryPath, name));
  guard.opened();
  try {
    yield* whileBusy(write, () => call.rename(written.reach, reach));
  } catch (error) {
    yield* afterFailure(call.unlink(written.reach));
    // On a network filesystem an error may be reported of what was done.
    if (yield* afterFailure(call.unlink(reach))) guard.release();
    throw error;
  } finally {
    written.guard.release();
  }
  return { reach, guard };
}

/** The token, whose name says whether the transaction is committed. */
export function* writeToken(write: Write, folder: Folder, id: string): Steps<WrittenRecord> {
  return yield* writeRecord(write, folder, recordName(id, 'pending'));
}

function* writeRecord(write: Write, folder: Folder, name: string, content?: (ino: bigint) => Uint8Array): Steps<WrittenRecord> {
  const reach = join(folder.directory.reach, name);
  const guard = write.surroundings.guard('file', reach, join(folder.directoryPath, name));
  try {
    yield* createRecord(write, reach, guard, content);
    return { reach, guard };
  } catch (error) {
    if (yield* afterFailure(call.unlink(reach))) guard.release();
    throw error;
  }
}

function* createRecord(write: Write, reach: PathName, guard: Guard, content: ((ino: bigint) => Uint8Array) | undefined): Steps<void> {
  const fd = yield* call.open(reach, newFileFlags(write), 0o600);
  guard.opened();
  try {
    if (content !== undefined) yield* writeAll(write, fd, content((yield* call.fstat(fd)).ino));
    if (content !== undefined && write.settings.durability !== 'off') yield* syncTemporary(write, { fd });
  } catch (error) {
    yield* afterFailure(call.close(fd));
    throw error;
  }
  yield* call.close(fd);
}

/** Whether there is such a file of this user's. */
export function* hasRecord(write: Write, { directory, directoryPath }: Folder, id: string, kind: RecordKind): Steps<boolean> {
  const name = recordName(id, kind);
  const status = yield* lookAt({ reach: join(directory.reach, name) });
  if (status !== undefined) refuseForeign(write, status, join(directoryPath, name), kind);
  return status !== undefined;
}

/** A journal, and whether inode numbers of its filesystem can be compared with those in it. */
export interface Read<T> {
  readonly content: T;
  readonly numbered: boolean;
}

export function* readJournal(write: Write, reach: PathName, path: PathName, id: string): Steps<Read<Journal>> {
  return yield* readRecord(write, reach, path, 'journal', (bytes) => decodeJournal(bytes, id));
}

export function* readPointer(write: Write, reach: PathName, path: PathName, id: string): Steps<Read<Pointer>> {
  return yield* readRecord(write, reach, path, 'pointer', (bytes) => decodePointer(bytes, id));
}

const maximumSize = 256 << 20;

function* readRecord<T extends { ino: bigint }>(write: Write, reach: PathName, path: PathName, kind: RecordKind, decode: (bytes: Uint8Array) => T): Steps<Read<T>> {
  const fd = yield* call.open(reach, O_RDONLY | O_NOFOLLOW, 0);
  try {
    const status = yield* call.fstat(fd);
    refuseForeign(write, status, path, kind);
    const bytes = new Uint8Array(status.size);
    for (let filled = 0; filled < bytes.length; ) {
      const count = yield* call.read(fd, bytes.subarray(filled), filled);
      if (count === 0) throw refusal('ERR_UNTORN_JOURNAL', `"${display(path)}" is being changed`);
      filled += count;
    }
    const content = decode(bytes);
    return { content, numbered: content.ino === status.ino };
  } catch (error) {
    if (error instanceof SyntaxError) throw refusal('ERR_UNTORN_JOURNAL', `"${display(path)}" is damaged: ${error.message}`);
    throw error;
  } finally {
    yield* call.close(fd);
  }
}

function refuseForeign({ surroundings: { uid, platform } }: Write, status: FileStatus, path: PathName, kind: RecordKind): void {
  const refuse = (why: string): never => {
    throw refusal('ERR_UNTORN_FOREIGN_JOURNAL', `"${display(path)}" ${why}`);
  };
  if (fileType(status.mode) !== 'file') refuse('is no regular file');
  if (uid !== undefined && status.uid !== uid) refuse("is another user's");
  if (platform !== 'win32' && (status.mode & 0o022) !== 0) refuse('can be written by others');
  // What was being renamed in a power cut may have both names.
  if (status.nlink > 1 && kind === 'journal') refuse('has another name');
  if (status.size > maximumSize) refuse('is too large');
}

/** The commit; false if somebody else has decided otherwise. */
export function* commitToken(home: Folder, id: string): Steps<boolean> {
  try {
    yield* call.rename(join(home.directory.reach, recordName(id, 'pending')), join(home.directory.reach, recordName(id, 'committed')));
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

export function* removeRecord(write: Write, { directory }: Folder, id: string, kind: RecordKind): Steps<void> {
  yield* whileBusy(write, () => unlinkIfThere(join(directory.reach, recordName(id, kind))));
}

/** Everything is done, or undone: removes the record, in an order in which none of it is missed. Ends with the home synced. */
export function* removeRecords(write: Write, folders: readonly OpenFolder[], id: string): Steps<void> {
  const [home, ...others] = folders as [OpenFolder, ...OpenFolder[]];
  yield* removeRecord(write, home, id, 'pending');
  yield* removeRecord(write, home, id, 'committed');
  if (others.length > 0) {
    yield* syncAll(write, [home]);
    for (const folder of others) yield* removeRecord(write, folder, id, 'pointer');
    yield* syncAll(write, others);
  }
  yield* removeRecord(write, home, id, 'journal');
  if (others.length === 0) yield* syncAll(write, [home]);
}

/** Syncs directories; false with durability `'off'`. */
export function* syncAll(write: Write, folders: readonly OpenFolder[]): Steps<boolean | 'unsupported'> {
  if (write.settings.durability === 'off') return false;
  const synced = yield* together(...folders.map(({ directory }) => syncDirectory(write, directory)));
  return synced.includes('unsupported') ? 'unsupported' : true;
}
