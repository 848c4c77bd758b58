/**
 * The temporary file.
 *
 * Promise: it is new (never a planted file, never opened through a link). Nobody can guess its name. Only its owner can
 * read it before it has its final mode. It is removed with the write, at the end of the process, or by a sweep.
 */
import { codeOf, isShortage, refusal, cutName, join, surround, type PathName } from '../contract/index.ts';
import {
  descriptorsClosed,
  O_DSYNC,
  O_NAMELESS,
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
import { attributesFrom, attributesMatter, linksFor, list, type Attributes } from './attribute-names.ts';
import type { Folder } from './folder.ts';
import { lookAt } from './look.ts';
import { during, refusedByPermissions, type Operation } from './operation.ts';
import { syncFile } from './sync-file.ts';
import type { Target } from './target.ts';
import { afterFailure, unlinkIfThere } from './tolerate.ts';
import type { Directory } from './directory.ts';

export interface TemporaryFile {
  readonly fd: number;
  readonly name: PathName;
  /** Its path through the open directory. */
  accessPath: PathName;
  /** Its path for users. */
  path: PathName;
  guard: Guard;
  /** Its status when it was new, once that is known. */
  status: FileStatus | undefined;
  /** The names of the extended attributes that it had then, if they were read. */
  attributes: Attributes | undefined;
  /** A second descriptor of it, if others could exchange the file; it stays open until the file is committed. */
  held: number | undefined;
  /** Whether it was created with a given mode, and not with 0666 less the umask. */
  readonly private: boolean;
  /** The outcome of the chain that created it, if the chain also wrote its content. */
  readonly begun: Chained | undefined;
  /** How many bytes that chain wrote, if it wrote all of the content. */
  readonly written: number | undefined;
  /** Whether its close has nothing to report, and so may follow the rename. */
  readonly closesSilently: boolean;
  /** Whether all of it is durable. */
  synced: boolean;
  open: boolean;
  linked: boolean;
}

/** NAME_MAX is 255 bytes nearly everywhere, and 143 on eCryptfs. */
const nameBytes = 143;

/** A new name beside `name`, hidden unless the caller gave a prefix. It is always valid UTF-8. */
export function newName(operation: Operation, name: PathName, kind: TokenKind, short = false): PathName {
  const { prefix, suffix } = operation.settings;
  const token = operation.environment.token(kind);
  if (prefix !== undefined) return prefix + token + suffix;
  const room = nameBytes - token.length - Buffer.byteLength(suffix) - 2;
  return short || typeof name !== 'string'
    ? `.${token}${suffix}`
    : surround('.', cutName(name, room), `.${token}${suffix}`);
}

/** From version 22 on, Node's permission model refuses fsync(2); each write to the file is then synced by itself. */
export function newFileFlags({ environment, settings }: Operation): number {
  return environment.descriptorsRestricted && settings.durability !== 'off' ? O_NEW | O_DSYNC : O_NEW;
}

/** How to create it. */
export interface Creation {
  readonly mode: number | undefined;
  readonly closesSilently?: boolean;
  /** Whether it gets no name before it is put in place, where the filesystem has such files (open(2), O_TMPFILE). */
  readonly nameless?: boolean;
  /** The content that the same chain writes, if nothing is to be decided in between, and whether the chain syncs it. */
  readonly content?: Uint8Array;
  readonly syncs?: boolean;
  /** What the same chain reads of the new file, last: its status, and perhaps its attributes. */
  readonly reads?: readonly Link[];
}

/** Creates a new file with the given mode, or with 0666 less the umask. */
export function* createTemporary(
  operation: Operation,
  folder: Folder,
  name: PathName,
  { mode, closesSilently = false, content, syncs = false, reads = [], nameless: maybe = false }: Creation,
): Steps<TemporaryFile> {
  const flags = newFileFlags(operation);
  const size = content?.byteLength;
  let short = false;
  let nameless = maybe && O_NAMELESS !== 0;
  for (let attempts = 0; ; attempts++) {
    const chosen = newName(operation, name, 'temporary', short);
    const near = join(folder.directory.accessPath, chosen);
    const accessPath = folder.way === undefined ? near : join(folder.way, chosen);
    const path = join(folder.directoryPath, chosen);
    // When the process ends, the directory may be renamed or its descriptor closed.
    const guard = nameless ? noGuard : operation.environment.guard('file', accessPath, path);
    try {
      const opening: Link = nameless
        ? ['open', folder.directory.accessPath, O_NAMELESS, mode ?? 0o666]
        : ['open', near, flags, mode ?? 0o666];
      const links: Link[] = [opening];
      if (content !== undefined) links.push(['write', opened, content]);
      if (syncs) links.push(['fsync', opened]);
      const [begun, found] = yield* inParts(links, reads);
      const [fd, written] = begun.results as [number?, number?];
      if (fd === undefined) throw begun.error;
      guard.opened();
      const isWhole =
        size !== undefined && begun.error === undefined && written === size && content?.byteLength === size;
      return {
        fd,
        name: chosen,
        accessPath,
        path,
        guard,
        status: found.status,
        attributes: found.attributes,
        held: undefined,
        private: mode !== undefined,
        begun: content && begun,
        written: isWhole ? size : undefined,
        closesSilently,
        synced: syncs && isWhole,
        open: true,
        linked: !nameless,
      };
    } catch (error) {
      const code = codeOf(error);
      if (nameless && noNameless.has(code ?? '')) {
        nameless = false;
        continue;
      }
      // After another error the file may exist all the same. Its name is new, so it is nobody else's.
      if (!nameless && code !== 'EEXIST' && !(yield* afterFailure(unlinkIfThere(accessPath)))) guard.opened();
      else guard.release();
      if (code === 'ENAMETOOLONG' && !short) short = true;
      else if (code !== 'EEXIST' || attempts >= 10) throw error;
    }
  }
}

/** Errors that say that there are no files without a name here. */
const noNameless = new Set(['EOPNOTSUPP', 'ENOTSUP', 'EISDIR', 'EINVAL', 'ENOENT']);

const noGuard: Guard = { opened: () => undefined, release: () => undefined };

type Found = Pick<TemporaryFile, 'status' | 'attributes'>;

/** Makes a new file, and then reads what is wanted of it, in one chain: the outcomes of both. */
function* inParts(making: readonly Link[], reading: readonly Link[]): Steps<[Chained, Found]> {
  const { results, error } = yield* chain([...making, ...reading]);
  const begun = results.length < making.length ? { results, error } : { results: results.slice(0, making.length) };
  const [status, ...answers] = results.slice(making.length) as [FileStatus?, ...unknown[]];
  // What was not read now is asked for again later: nothing fails here that has made a file.
  const isRead = status !== undefined && reading.length > 1 && !isShortage(error);
  const attributes = isRead ? attributesFrom(answers, error) : undefined;
  return [begun, { status, attributes }];
}

/** The calls that read the status of a new file and, if the target's attributes matter, those that it has. */
export function readingNew(operation: Operation, target: Target): readonly Link[] {
  const attributes = attributesMatter(operation, target) ? linksFor(opened, !target.directory.local) : [];
  return [['fstat', opened], ...attributes];
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
    // A network filesystem may report an error for a rename that was done.
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

/** Reads its owner and, if the target's attributes matter, those that it inherited from its directory. */
export function* examineTemporary(operation: Operation, target: Target, temporary: TemporaryFile): Steps<void> {
  // Its metadata stays as the kernel made it, and it is open until the rename. Otherwise its inode has to tell whether
  // a failed rename took place all the same.
  if (!temporary.private && temporary.closesSilently) return;
  const isKnown = temporary.attributes !== undefined || !attributesMatter(operation, target);
  if (temporary.status !== undefined && isKnown) return;
  // A local filesystem has the new inode in memory: a look here takes less time than one in another thread.
  yield* target.directory.local
    ? uninterrupted(examine(operation, target, temporary))
    : examine(operation, target, temporary);
}

function examine(operation: Operation, target: Target, temporary: TemporaryFile): Steps<void> {
  return during(operation, 'create temporary file', readNew(operation, target, temporary));
}

function* readNew(operation: Operation, target: Target, temporary: TemporaryFile): Steps<void> {
  temporary.status ??= yield* call.fstat(temporary.fd);
  if (attributesMatter(operation, target)) temporary.attributes ??= yield* list(temporary.fd, !target.directory.local);
}

/** Its status when it was new. */
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
    // Each write was synced by itself: see `newFileFlags`.
    if (!refusedByPermissions(operation, error) || O_DSYNC === 0) throw error;
  }
}

/** Closes it, and throws if that fails: some filesystems report a failed write only here. A close is never repeated. */
export function* closeTemporary(temporary: TemporaryFile): Steps<void> {
  if (!temporary.open) return;
  temporary.open = false;
  yield* call.close(temporary.fd);
  descriptorsClosed();
}

/** Lets another thread close it: it is committed, and its close has nothing to report. */
export function releaseTemporary({ environment }: Operation, temporary: TemporaryFile): void {
  if (!temporary.open) return;
  temporary.open = false;
  environment.release(temporary.fd, 'elsewhere');
  environment.soon(descriptorsClosed);
}

/** Forgets the file: it is committed, or gone. */
export function forgetTemporary(temporary: TemporaryFile): void {
  temporary.linked = false;
  temporary.guard.release();
}

/** Closes its second descriptor, if it has one. */
export function* endHold(temporary: TemporaryFile): Steps<void> {
  const { held } = temporary;
  temporary.held = undefined;
  if (held !== undefined) yield* afterFailure(call.close(held));
}

/** Removes it. No failure here hides the error after which it is removed. */
export function* discardTemporary(temporary: TemporaryFile): Steps<void> {
  yield* endHold(temporary);
  if (temporary.open) yield* afterFailure(closeTemporary(temporary));
  if (!temporary.linked) return;
  const removed = yield* afterFailure(unlinkIfThere(temporary.accessPath));
  // If it could not be removed, that is tried again when the process ends.
  if (removed) forgetTemporary(temporary);
}

/** Keeps it after an error, under a name that no sweep removes; returns its path. */
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

/** A write of 0 bytes without an error: PostgreSQL takes that for a full disk too. */
export function nothingWritten(): Error {
  return refusal('ENOSPC', 'the system wrote nothing');
}

/** Whether others can exchange files of this user under their names in a directory: see exchanged.ts. */
export function othersRename({ environment }: Operation, { status }: Pick<Directory, 'status'>): boolean {
  const isWritable = (status.mode & 0o022) !== 0;
  const isSticky = (status.mode & 0o1000) !== 0;
  if (status.uid === 0 && (!isWritable || isSticky)) return false;
  const { uid } = environment;
  if (uid === undefined) return false;
  const isOthers = status.uid !== uid && status.uid !== 0;
  return isOthers || (isWritable && !isSticky);
}
