/**
 * The temporary file.
 *
 * Promise: it is new (never one that was planted, never through a link), nobody can guess its name, nobody but its
 * owner can read it before it has its final mode, and it goes away with the write, with the process, or with a sweep.
 */
import { codeOf, refusal, cutName, join, surround, type PathName } from '../contract/index.ts';
import {
  descriptorsClosed,
  O_DSYNC,
  O_NEW,
  type TokenKind,
  uninterrupted,
  call,
  chain,
  type Link,
  opened,
  type Chained,
  type FileStatus,
  type Guard,
  type Steps,
} from '../system/index.ts';
import { attributesMatter, list, type Attributes } from './attribute-names.ts';
import type { Folder } from './folder.ts';
import { lookAt } from './look.ts';
import { refusedByPermissions, type Operation } from './operation.ts';
import { othersRename } from './shared.ts';
import { syncFile } from './sync-file.ts';
import type { Target } from './target.ts';
import { afterFailure, unlinkIfThere } from './tolerate.ts';

export interface TemporaryFile {
  readonly fd: number;
  readonly name: PathName;
  /** Where it is reached from the open directory. */
  accessPath: PathName;
  /** Where users find it. */
  path: PathName;
  guard: Guard;
  /** Who owned it when it was new, once that is known. */
  status: FileStatus | undefined;
  /** The names of the extended attributes that it had then, where it was asked for them. */
  attributes: Attributes | undefined;
  /** Another descriptor of it, where others could exchange it: it stays open until it is in place. */
  held: number | undefined;
  /** Whether it was created with the bits that it was given, and not as the umask has it. */
  readonly private: boolean;
  /** What became of the content that went along with its creation, and of its sync. */
  readonly begun: Chained | undefined;
  /** Whether a close of it has nothing to report, and so may come after the rename. */
  readonly closesSilently: boolean;
  /** Whether all of it is durable. */
  synced: boolean;
  open: boolean;
  linked: boolean;
}

/** NAME_MAX is 255 bytes nearly everywhere, and 143 on eCryptfs. */
const nameBytes = 143;

/**
 * A new name beside `name`, hidden unless the caller gave a prefix. It is text: by other names attributes cannot be
 * had.
 */
export function newName(operation: Operation, name: PathName, kind: TokenKind, short = false): PathName {
  const { prefix, suffix } = operation.settings;
  const token = operation.environment.token(kind);
  if (prefix !== undefined) return prefix + token + suffix;
  const room = nameBytes - token.length - Buffer.byteLength(suffix) - 2;
  return short || typeof name !== 'string'
    ? `.${token}${suffix}`
    : surround('.', cutName(name, room), `.${token}${suffix}`);
}

/** Where a write makes what it renames to a name in a folder: in the entry of its lock, if it has one there. */
export function stagingFolder({ locking }: Operation, folder: Folder, target: Folder = folder): Folder {
  return locking?.folder !== undefined && folder.directory === target.directory ? locking.folder : folder;
}

/** Node's permission model refuses fsync(2), from 22 on; that leaves a file whose writes are durable one by one. */
export function newFileFlags({ environment, settings }: Operation): number {
  return environment.descriptorsRestricted && settings.durability !== 'off' ? O_NEW | O_DSYNC : O_NEW;
}

/** How to create it. */
export interface Creation {
  readonly mode: number | undefined;
  readonly closesSilently?: boolean;
  /** What is written into it at once, if nothing is to be decided in between, and whether that is synced. */
  readonly content?: Uint8Array;
  readonly syncs?: boolean;
}

/** Creates a file that is not there yet: with the mode that is given, or with 0666 less the umask. */
export function* createTemporary(
  operation: Operation,
  folder: Folder,
  name: PathName,
  { mode, closesSilently = false, content, syncs = false }: Creation,
): Steps<TemporaryFile> {
  const flags = newFileFlags(operation);
  let short = false;
  for (let attempts = 0; ; attempts++) {
    const chosen = newName(operation, name, 'temporary', short);
    const near = join(folder.directory.accessPath, chosen);
    const accessPath = folder.way === undefined ? near : join(folder.way, chosen);
    const path = join(folder.directoryPath, chosen);
    // Its directory may be renamed until then, or its descriptor closed.
    const guard = operation.environment.guard('file', accessPath, path);
    try {
      const links: Link[] = [['open', near, flags, mode ?? 0o666]];
      if (content !== undefined) links.push(['write', opened, content]);
      if (syncs) links.push(['fsync', opened]);
      const begun = yield* chain(links);
      const [fd, written] = begun.results as [number?, number?];
      if (fd === undefined) throw begun.error;
      guard.opened();
      return {
        fd,
        name: chosen,
        accessPath,
        path,
        guard,
        status: undefined,
        attributes: undefined,
        held: undefined,
        private: mode !== undefined,
        begun: content && begun,
        closesSilently,
        synced: syncs && begun.error === undefined && written === content?.byteLength,
        open: true,
        linked: true,
      };
    } catch (error) {
      const code = codeOf(error);
      // Another error may be one of what was done. The name is new, so that nobody else has a file of it.
      if (code !== 'EEXIST' && !(yield* afterFailure(unlinkIfThere(accessPath)))) guard.opened();
      else guard.release();
      if (code === 'ENAMETOOLONG' && !short) short = true;
      else if (code !== 'EEXIST' || attempts >= 10) throw error;
    }
  }
}

/** Moves it to another folder of the same filesystem. */
export function* moveTemporary(operation: Operation, temporary: TemporaryFile, folder: Folder): Steps<void> {
  const { name } = temporary;
  const accessPath = join(folder.way ?? folder.directory.accessPath, name);
  const path = join(folder.directoryPath, name);
  const guard = operation.environment.guard('file', accessPath, path);
  guard.opened();
  try {
    yield* call.rename(temporary.accessPath, join(folder.directory.accessPath, name));
  } catch (error) {
    // On a network filesystem an error may be reported of what was done.
    if ((yield* lookAt({ accessPath })) === undefined) {
      guard.release();
      throw error;
    }
  }
  temporary.guard.release();
  temporary.accessPath = accessPath;
  temporary.path = path;
  temporary.guard = guard;
}

/** Learns who owns it and, where those of the target matter, what attributes it inherited from its directory. */
export function* examineTemporary(operation: Operation, target: Target, temporary: TemporaryFile): Steps<void> {
  // It stays as the kernel made it, and is open until it is renamed; else its inode must tell whether a rename that
  // failed took place all the same.
  if (!temporary.private && temporary.closesSilently) return;
  // What a filesystem of our own has just made lies in memory: a look takes less than to let another thread have one.
  yield* target.directory.local
    ? uninterrupted(examine(operation, target, temporary))
    : examine(operation, target, temporary);
}

function* examine(operation: Operation, target: Target, temporary: TemporaryFile): Steps<void> {
  temporary.status ??= yield* call.fstat(temporary.fd);
  if (attributesMatter(operation, target) && !othersRename(operation, target.directory))
    temporary.attributes = yield* list(temporary, !target.directory.local);
}

/** What it was when it was new. */
export function statusOf(temporary: TemporaryFile): FileStatus {
  if (temporary.status === undefined) throw new Error('The temporary file has not been examined');
  return temporary.status;
}

/** Makes its content durable. */
export function* syncTemporary(
  operation: Operation,
  temporary: Pick<TemporaryFile, 'fd'> & Partial<Pick<TemporaryFile, 'synced'>>,
): Steps<void> {
  if (temporary.synced === true) return;
  try {
    yield* syncFile(operation, temporary.fd);
  } catch (error) {
    // Each write was synced already, see above.
    if (!refusedByPermissions(operation, error) || O_DSYNC === 0) throw error;
  }
}

/** Closes it, and checks that: some filesystems report a failed write only here. A close is never tried again. */
export function* closeTemporary(temporary: TemporaryFile): Steps<void> {
  if (!temporary.open) return;
  temporary.open = false;
  yield* call.close(temporary.fd);
  descriptorsClosed();
}

/**
 * Lets another thread close it: it is in place, and there is nothing more to hear of it. A write that is alone does not
 * wait until that is handed over; of many, each makes room for the next.
 */
export function releaseTemporary({ environment }: Operation, temporary: TemporaryFile, isAlone: boolean): void {
  if (!temporary.open) return;
  temporary.open = false;
  const release = (): void => {
    environment.release(temporary.fd, 'elsewhere');
    descriptorsClosed();
  };
  if (isAlone) environment.soon(release);
  else release();
}

/** The file is in place, or gone. */
export function forgetTemporary(temporary: TemporaryFile): void {
  temporary.linked = false;
  temporary.guard.release();
}

/** Ends the hold that there may be on it. */
export function* endHold(temporary: TemporaryFile): Steps<void> {
  const { held } = temporary;
  temporary.held = undefined;
  if (held !== undefined) yield* afterFailure(call.close(held));
}

/** Gets rid of it after an error, which is the one to report: nothing that fails here hides it. */
export function* discardTemporary(temporary: TemporaryFile): Steps<void> {
  yield* endHold(temporary);
  if (temporary.open) yield* afterFailure(closeTemporary(temporary));
  if (!temporary.linked) return;
  const removed = yield* afterFailure(unlinkIfThere(temporary.accessPath));
  // What could not be removed now is tried again when the process ends.
  if (removed) forgetTemporary(temporary);
}

/** Keeps it after an error, under a name that no sweep removes; returns where. */
export function* keepTemporary(
  operation: Operation,
  temporary: TemporaryFile,
  folder: Folder,
  name: PathName,
): Steps<PathName> {
  yield* endHold(temporary);
  if (temporary.open) yield* afterFailure(closeTemporary(temporary));
  const chosen = newName(operation, name, 'recovery');
  const renamed = yield* afterFailure(call.rename(temporary.accessPath, join(folder.directory.accessPath, chosen)));
  forgetTemporary(temporary);
  return renamed ? join(folder.directoryPath, chosen) : temporary.path;
}

/** The system said that it wrote nothing, and no error: PostgreSQL takes that for a full disk too. */
export function nothingWritten(): Error {
  return refusal('ENOSPC', 'the system wrote nothing');
}
