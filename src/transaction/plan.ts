/**
 * The plan of a transaction, file by file, in the form of its journal: backups, new names and removals included.
 *
 * Promise: no file is in it twice, and each change can be made again after a crash; new content is already complete
 * beside its target. It is made under the locks of all of its files.
 */
import { codeOf, refusal, join, split, type PathName } from '../contract/index.ts';
import { call, type FileStatus, type Steps } from '../system/index.ts';
import {
  during,
  openDirectory,
  fileKey,
  type OpenFolder,
  lookAt,
  lookUntil,
  type Waiting,
  refusedByPermissions,
  type Operation,
  isSameInode,
  syncParents,
  type Target,
} from '../files/index.ts';
import { identityOf, type Change, type Identity } from '../journal/index.ts';
import { numberBackup, stageOld, syncOld, type StagedBackup } from '../replace/index.ts';
import { filesOf, missing, type DraftChange, type Renaming } from './draft-change.ts';
import type { Draft } from './draft.ts';
import type { LockSet } from './lock-set.ts';
import { refuseImmovable, refuseLongName, refuseWithoutReplacing } from './preflight.ts';

/** A further name, or a copy, of a file: its backup, or its new name. */
interface Linked {
  readonly staged: StagedBackup;
  readonly backupPath?: PathName;
  readonly of: DraftChange;
}

export class Plan {
  /** Every directory that it changes; the first is the home of the journal. */
  readonly folders: OpenFolder[] = [];
  readonly changes: Change[] = [];
  readonly linked: Linked[] = [];
  readonly #draft: Draft;
  readonly #locks: LockSet;
  /** The files that it changes, backups included: no file twice. */
  readonly #files: Set<string>;
  /** For each change of the draft, the index of the change that decides its result. */
  readonly #indexes = new Map<DraftChange, number>();
  /** The directories in which replacing a file was seen to work. */
  readonly #tried = new Set<string>();
  readonly #waiting: Waiting = {};

  constructor(draft: Draft, drafted: readonly DraftChange[], locks: LockSet) {
    this.#draft = draft;
    this.#locks = locks;
    this.#files = new Set(drafted.flatMap((change) => filesOf(change).map(({ place: target }) => fileKey(target))));
  }

  /** The index of the change that decides the result of a draft's change. */
  indexOf(change: DraftChange): number {
    return this.#indexes.get(change) as number;
  }

  /** Examines a file again, checks what can be checked, and plans its changes. */
  *include(change: DraftChange): Steps<void> {
    yield* this.#draft.refresh(change);
    yield* refuseImmovable(change.operation, change.place);
    yield* during(change.operation, 'commit', this.#plan(change));
  }

  *#plan(change: DraftChange): Steps<void> {
    const { operation, place: at } = change;
    if (operation.settings.backup !== undefined && at.existing !== undefined)
      yield* during(operation, 'back up', this.#backUp(change));
    const common = { directory: this.#folderAt(at), name: at.name };
    if (operation.settings.durability !== 'off') yield* during(operation, 'sync directory', syncParents(operation, at));
    if (change.kind === 'rename') yield* this.#planNewName(change);
    // Last: linking a file, or opening it, gives it another inode on overlayfs.
    const was = yield* this.#identify(operation, at);
    if (change.kind === 'put') {
      if (was !== undefined) yield* this.#tryToReplace(operation, at, at.name);
      yield* refuseLongName(operation, at, change.temporary.name);
      const { accessPath, name } = change.temporary;
      this.#enter(change, { kind: 'put', ...common, staged: name, is: yield* identify(accessPath), over: was });
      return;
    }
    if (was === undefined) throw missing();
    const removal = { kind: 'remove', ...common, was } as const;
    if (change.kind === 'remove') this.#enter(change, removal);
    // Its new name decides its result.
    else this.changes.push(removal);
  }

  /** Once for each directory. */
  *#tryToReplace(operation: Operation, folder: OpenFolder, name: PathName): Steps<void> {
    if (this.#tried.has(folder.directory.key)) return;
    this.#tried.add(folder.directory.key);
    yield* refuseWithoutReplacing(operation, folder, name);
  }

  /** A file that is renamed gets its new name before it loses the old one; in another filesystem it is a copy. */
  *#planNewName(change: Renaming): Steps<void> {
    const { place: at, to, toWrite } = change;
    yield* refuseImmovable(toWrite, to);
    const staged = yield* stageOld(toWrite, at, to, to.name);
    this.linked.push({ staged, of: change });
    yield* this.#lookRightly(at);
    yield* refuseLongName(toWrite, to, staged.name);
    const over = yield* this.#identify(toWrite, to);
    if (over !== undefined) yield* this.#tryToReplace(toWrite, to, to.name);
    const is = yield* identify(staged.accessPath);
    this.#enter(change, { kind: 'put', directory: this.#folderAt(to), name: to.name, staged: staged.name, is, over });
  }

  #enter(of: DraftChange, change: Change): void {
    this.#indexes.set(of, this.changes.push(change) - 1);
  }

  /** The identity of the file after a crash: properties that have not reached the disk cannot be compared then. */
  *#identify(
    operation: Operation,
    at: Pick<Target, 'accessPath' | 'existing' | 'directory'>,
  ): Steps<Identity | undefined> {
    const { existing } = at;
    if (existing === undefined) return undefined;
    const onDisk = operation.settings.durability === 'off' || (yield* this.#isOnDisk(operation, at, existing));
    const now = yield* this.#lookRightly(at);
    return now && identityOf(now, onDisk);
  }

  /** The status of a file that was just linked, once it has the same size as before. */
  *#lookRightly(at: Pick<Target, 'accessPath' | 'existing' | 'directory'>): Steps<FileStatus | undefined> {
    const { existing } = at;
    return yield* lookUntil(
      at,
      this.#waiting,
      (found) => !isSameInode(found, existing) || found?.size === existing?.size,
    );
  }

  *#isOnDisk(operation: Operation, at: Pick<Target, 'accessPath'>, existing: FileStatus): Steps<boolean> {
    try {
      return yield* syncOld(operation, at, existing);
    } catch (error) {
      // It may be replaced or removed, but not read.
      if (['EACCES', 'EPERM'].includes(codeOf(error) ?? '') || refusedByPermissions(operation, error)) return false;
      throw error;
    }
  }

  *#backUp(change: DraftChange): Steps<void> {
    const { operation, place: at } = change;
    const { backup } = operation.settings;
    if (backup === undefined) return;
    const { folder, name, surplus } =
      backup.kind === 'path'
        ? { ...(yield* this.#folderOf(operation, backup.path)), surplus: [] }
        : { folder: at, ...(yield* numberBackup(operation, at, backup)) };
    const accessPath = join(folder.directory.accessPath, name);
    const backupKey = fileKey({ ...folder, name });
    if (this.#files.has(backupKey))
      throw refusal('EINVAL', 'the backup would be a file that the transaction changes, or another backup');
    this.#files.add(backupKey);
    const staged = yield* stageOld(operation, at, folder, name);
    this.linked.push({ staged, backupPath: join(folder.directoryPath, name), of: change });
    yield* this.#lookRightly(at);
    const there = yield* lookAt({ accessPath });
    if (there !== undefined) yield* this.#tryToReplace(operation, folder, name);
    const directory = this.#folderAt(folder);
    const is = yield* identify(staged.accessPath);
    this.changes.push({
      kind: 'put',
      directory,
      name,
      staged: staged.name,
      is,
      over: there && identityOf(there, false),
    });
    for (const old of surplus) {
      const found = yield* lookAt({ accessPath: join(folder.directory.accessPath, old) });
      if (found !== undefined && !this.#files.has(fileKey({ ...folder, name: old })))
        this.changes.push({ kind: 'remove', directory, name: old, was: identityOf(found, false) });
    }
  }

  *#folderOf(operation: Operation, path: PathName): Steps<{ folder: OpenFolder; name: PathName }> {
    const { directory: directoryPath, name } = split(path);
    return {
      folder: this.#draft.share({ directory: yield* openDirectory(operation, directoryPath), directoryPath }),
      name,
    };
  }

  #folderAt({ directory, directoryPath }: OpenFolder): number {
    if (this.folders.length === 0) {
      this.folders.push(this.#locks.home ?? { directory, directoryPath });
    }
    const index = this.folders.findIndex((folder) => folder.directory.key === directory.key);
    return index === -1 ? this.folders.push({ directory, directoryPath }) - 1 : index;
  }
}

/** The identity of a staged file after a crash. */
function* identify(accessPath: PathName): Steps<Identity> {
  return identityOf(yield* call.lstat(accessPath));
}
