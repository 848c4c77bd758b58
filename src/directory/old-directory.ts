/**
 * The old directory after another has taken its place.
 *
 * Promise: the old directory is removed only if it is the one that was examined, by its inode, and this user may remove
 * it. It is first moved into an enclosure, to a name that says so. If the path is a link, only a version of that path
 * is removed, and only if this user's own link names it with its inode: only the owner of a link can write its text,
 * while others can give names. For that reason a directory at the path itself is removed only where others could not
 * have put it there.
 */
import { asText, isAbsolute, join, type PathName } from '../contract/index.ts';
import { fileType, parseToken, uninterrupted, type FileStatus, type Steps } from '../system/index.ts';
import {
  syncDirectory,
  makeEnclosure,
  moveIn,
  nameInside,
  type Enclosure,
  type LockedOperation,
  isFixed,
  isSameInode,
  isTrusted,
  lookIn,
  unlinkIn,
  afterFailure,
  removeTree,
} from '../files/index.ts';
import { promise, promisesOf } from '../sweep/index.ts';
import type { New, Spot } from './new-directory.ts';

/** What is at the path. */
export type Old =
  | { readonly kind: 'none' }
  | { readonly kind: 'directory'; readonly status: FileStatus }
  | {
      readonly kind: 'link';
      readonly leadsTo: PathName;
      readonly link: FileStatus;
      readonly status: FileStatus | undefined;
    };

export function statusOf(old: Old): FileStatus | undefined {
  return old.kind === 'none' ? undefined : old.status;
}

/** The directory whose rights the new one gets: not the target of another user's link. */
export function rightsOf(operation: LockedOperation, { directory }: Spot, old: Old): FileStatus | undefined {
  return old.kind === 'link' && !isTrusted(operation, directory.status, old.link) ? undefined : statusOf(old);
}

/** Removes the old directory if that is allowed; returns its path if it is still there. */
export function* removeOld(
  operation: LockedOperation,
  place: Spot,
  old: Old,
  made: New,
  version: PathName,
  synced: boolean,
): Steps<PathName | undefined> {
  const left = nameOf(old, version);
  if (left === undefined) return whereIs(place, old, version);
  const status = yield* removable(operation, place, old, left, version, made.enclosure);
  if (status === undefined) return whereIs(place, old, version);
  if (place.directory.own) return yield* removeUnder(operation, place, made, left, status, synced);
  yield* afterFailure(removePromised(operation, place, made, version, synced));
  yield* afterFailure(promise(operation, place, place.name, left, status));
  return whereIs(place, old, version);
}

/** Removes the versions that have stayed long enough. */
function* removePromised(
  operation: LockedOperation,
  place: Spot,
  made: New,
  version: PathName,
  synced: boolean,
): Steps<void> {
  const now = yield* lookIn(place, place.name);
  if (now === undefined) return;
  const folder = { ...place, status: place.directory.status };
  for (const promised of yield* promisesOf(operation, folder, place.name, now.ctimeNs)) {
    const { status } = promised;
    if (asText(promised.version) === asText(version)) continue;
    const left = status && (yield* removeUnder(operation, place, made, promised.version, status, synced));
    if (left === undefined) yield* unlinkIn(operation, place, promised.link);
  }
}

/** Moves a directory into an enclosure and removes it; returns its path if it is still there. */
function* removeUnder(
  operation: LockedOperation,
  place: Spot,
  made: New,
  name: PathName,
  status: FileStatus,
  synced: boolean,
): Steps<PathName | undefined> {
  const enclosure = yield* uninterrupted(enclosureFor(operation, place, made));
  if (enclosure === undefined || !(yield* uninterrupted(moveIn(enclosure, place, name, status))))
    return join(place.directoryPath, name);
  const moved = nameInside(enclosure, status);
  const whole = join(enclosure.directoryPath, moved);
  // A directory with the name of a version is whole, also after a crash.
  if (synced && !(yield* afterFailure(syncDirectory(operation, place.directory)))) return whole;
  // Twice, as for what is discarded after a failure.
  for (let tries = 0; tries < 2; tries++)
    if (yield* afterFailure(removeTree(operation, enclosure, moved, status))) return undefined;
  return whole;
}

/** The enclosure in which it is removed; undefined if none can be made. */
function* enclosureFor(operation: LockedOperation, place: Spot, made: New): Steps<Enclosure | undefined> {
  try {
    return (made.enclosure ??= yield* makeEnclosure(operation, place, place.name));
  } catch {
    return undefined; // For example on a full disk: the new one is in place, and the result says where the old one is.
  }
}

/** The current name of the old one in the same directory. */
function nameOf(old: Old, version: PathName): PathName | undefined {
  if (old.kind === 'directory') return version;
  return old.kind === 'link' && !/[/\\]/.test(asText(old.leadsTo)) ? old.leadsTo : undefined;
}

/** The status of the old directory, if it may be removed. */
function* removable(
  operation: LockedOperation,
  place: Spot,
  old: Old,
  left: PathName,
  version: PathName,
  enclosure: Enclosure | undefined,
): Steps<FileStatus | undefined> {
  if (old.kind === 'none') return undefined;
  const parent = place.directory.status;
  const isLink = old.kind === 'link';
  const status = isLink ? yield* versionAt(operation, place, old, left, version, enclosure) : old.status;
  if (status === undefined || !isTrusted(operation, parent, status)) return undefined;
  return isLink || isFixed(operation, parent, status) ? status : undefined;
}

/** The version of this path that the old link named, made by the owner of the link. */
function* versionAt(
  operation: LockedOperation,
  place: Spot,
  { link, status }: Extract<Old, { kind: 'link' }>,
  left: PathName,
  version: PathName,
  enclosure: Enclosure | undefined,
): Steps<FileStatus | undefined> {
  if (
    status === undefined ||
    !isTrusted(operation, place.directory.status, link) ||
    !isVersionOf(left, version, status)
  )
    return undefined;
  // At the end of the process it may have been moved already.
  const found =
    (yield* lookIn(place, left)) ??
    (enclosure === undefined ? undefined : yield* lookIn(enclosure, nameInside(enclosure, status)));
  if (
    found === undefined ||
    !isSameInode(found, status) ||
    fileType(found.mode) !== 'directory' ||
    found.dev !== link.dev
  )
    return undefined;
  return found;
}

/** Whether a name is a version of the same path and of this directory. */
function isVersionOf(name: PathName, version: PathName, { ino }: FileStatus): boolean {
  return (
    parseToken(asText(name))?.kind === 'version' &&
    beforeToken(name) === beforeToken(version) &&
    asText(name).endsWith(`.${ino.toString(36)}`)
  );
}

function beforeToken(name: PathName): string {
  return asText(name).split('untorn-v-')[0] ?? '';
}

/** The path of the old directory if it stays. */
export function whereIs({ directoryPath }: Spot, old: Old, version: PathName): PathName | undefined {
  if (statusOf(old) === undefined) return undefined;
  const left = nameOf(old, version);
  if (left !== undefined) return join(directoryPath, left);
  return old.kind === 'link' ? (isAbsolute(old.leadsTo) ? old.leadsTo : join(directoryPath, old.leadsTo)) : undefined;
}
