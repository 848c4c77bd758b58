/**
 * Mode, owner, attributes and times of the new file: by descriptor where the system allows that, all before the sync.
 *
 * Promise: at no moment can anyone read or run the new file who may not read or run the final one. So the order is: group
 * and owner while the mode is still 0600; then attributes, since an ACL sets all permissions at once; then the mode,
 * since chown(2) clears set-id bits and chmod(2) changes an ACL's mask; times last. What cannot be kept takes rights
 * away and never adds any: if the group could not be kept, its bits shrink to those of others, and set-id bits never
 * move to another owner.
 */
import { refusal, type Keep, type NotKept } from '../contract/index.ts';
import { fileType, call, type FileStatus, type Steps } from '../system/index.ts';
import { copyAttributes, type AclState } from './attributes.ts';
import { during, type Operation } from './operation.ts';
import { unsyncing, preserving } from './preserve.ts';
import type { Target } from './target.ts';
import { statusOf, type TemporaryFile } from './temporary.ts';

const setUid = 0o4000;
const setGid = 0o2000;
const setIds = setUid | setGid;

/**
 * The mode to create the new file with: access for its owner only. If nothing is given or to be kept, the kernel's own
 * rules apply, to 0666 if it is undefined.
 */
export function privateMode(
  { settings: { mode, modeOfNew, uid, gid } }: Operation,
  { existing }: Target,
): number | undefined {
  return mode === undefined && uid === undefined && gid === undefined && kept(existing) === undefined
    ? modeOfNew
    : 0o600;
}

/**
 * The final mode, if a file that has it from the start is open to nobody who may not read the final one. That holds if
 * the owner is the same, there are no attributes to keep, and the group may do exactly what all others may, whichever
 * group and ACL the file gets.
 */
export function safeMode(
  { settings, environment }: Operation,
  { existing: found, attributes }: Target,
): number | undefined {
  const existing = kept(found);
  const { mode, uid, gid, preserve } = settings;
  if (
    existing === undefined ||
    mode !== undefined ||
    uid !== undefined ||
    gid !== undefined ||
    preserve.mode === 'off' ||
    preserve.owner === 'off'
  )
    return undefined;
  const old = existing.mode & 0o7777;
  const alikeForAll = (old & 0o7600) === 0o600 && ((old >> 3) & 7) === (old & 7);
  const nothingToCopy = preserve.xattr === 'off' || attributes?.length === 0;
  return alikeForAll && existing.uid === environment.uid && nothingToCopy ? old : undefined;
}

/**
 * Fails if a new file that only its owner should access can be read by others who may not read the final one, as on a
 * filesystem without modes. Nothing has been written yet.
 */
export function* assertPrivate(operation: Operation, target: Target, temporary: TemporaryFile): Steps<void> {
  const { platform } = operation.environment;
  if (!temporary.private || target.directory.local || platform === 'win32') return;
  const { mode: given, preserve } = operation.settings;
  const existing = kept(target.existing);
  temporary.status ??= yield* call.fstat(temporary.fd);
  const allowed = given ?? (preserve.mode === 'off' ? undefined : existing?.mode) ?? 0o777;
  if ((temporary.status.mode & 0o077 & ~allowed) !== 0) throw notPermitted();
}

/** A link that is replaced has no metadata worth keeping. */
function kept(existing: FileStatus | undefined): FileStatus | undefined {
  return existing !== undefined && fileType(existing.mode) === 'file' ? existing : undefined;
}

/** Sets the metadata of the temporary file; returns what of the existing file's could not be kept. */
export function applyMetadata(operation: Operation, target: Target, temporary: TemporaryFile): Steps<NotKept[]> {
  return during(operation, 'set metadata', apply(operation, target, temporary));
}

function* apply(operation: Operation, target: Target, temporary: TemporaryFile): Steps<NotKept[]> {
  const { settings, environment } = operation;
  const notKept: NotKept[] = [...target.notKept];
  const existing = kept(target.existing);
  if (temporary.status === undefined) return notKept; // It stays as the kernel made it.
  if (existing !== undefined && isAlike(operation, existing, target, temporary)) return notKept;
  if (environment.platform === 'win32') return yield* applyOnWindows(operation, existing, temporary, notKept);
  const owner = yield* applyOwner(operation, existing, temporary, notKept);
  const underAcl = finalMode(operation, existing, temporary, owner, 'kept') ?? 0o777;
  const acl =
    existing === undefined
      ? 'none'
      : yield* copyAttributes(operation, target, temporary, owner.gid === existing.gid, underAcl, notKept);
  const mode = finalMode(operation, existing, temporary, owner, acl);
  if (mode !== undefined) yield* applyMode(operation, existing, temporary, mode, acl, notKept);
  if (existing !== undefined && settings.preserve.times !== 'off')
    yield* applyTimes(settings.preserve.times, existing, temporary, notKept);
  return notKept;
}

/**
 * Whether a new file has the old one's metadata already: all that is to be kept is equal, and nothing else was given.
 */
function isAlike(
  { settings: { mode, uid, gid, preserve }, environment }: Operation,
  existing: FileStatus,
  { attributes }: Target,
  { status, attributes: fresh }: TemporaryFile,
): boolean {
  return (
    mode === undefined &&
    uid === undefined &&
    gid === undefined &&
    preserve.mode !== 'off' &&
    preserve.owner !== 'off' &&
    preserve.times === 'off' &&
    attributes?.length === 0 &&
    fresh?.length === 0 &&
    existing.mode === status?.mode &&
    existing.uid === status.uid &&
    existing.gid === status.gid &&
    !environment.isUnmapped('uid', existing.uid) &&
    !environment.isUnmapped('gid', existing.gid)
  );
}

/** On Windows a mode has one bit, read-only, and ACLs come from the directory. */
function* applyOnWindows(
  { settings }: Operation,
  existing: FileStatus | undefined,
  temporary: TemporaryFile,
  notKept: NotKept[],
): Steps<NotKept[]> {
  if (settings.uid !== undefined || settings.gid !== undefined)
    throw refusal('ENOTSUP', 'Windows has no numeric owners');
  if (settings.mode !== undefined && (settings.mode & 0o200) === 0) yield* call.fchmod(temporary.fd, 0o444);
  if (existing !== undefined && settings.preserve.times !== 'off')
    yield* applyTimes(settings.preserve.times, existing, temporary, notKept);
  return notKept;
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Sets group and owner separately, since a member of a group may set the group but not the owner. */
function* applyOwner(
  operation: Operation,
  existing: FileStatus | undefined,
  temporary: TemporaryFile,
  notKept: NotKept[],
): Steps<Owner> {
  const { settings } = operation;
  const old = settings.preserve.owner === 'off' ? undefined : existing;
  const { uid, gid } = statusOf(temporary);
  return {
    gid: yield* applyId(operation, 'gid', { given: settings.gid, old: old?.gid, fresh: gid }, temporary, notKept),
    uid: yield* applyId(operation, 'uid', { given: settings.uid, old: old?.uid, fresh: uid }, temporary, notKept),
  };
}

/** Sets one of them; returns the file's ID afterwards, or -1 if that is not known. */
function* applyId(
  operation: Operation,
  kind: 'uid' | 'gid',
  { given, old, fresh }: { given: number | undefined; old: number | undefined; fresh: number },
  temporary: TemporaryFile,
  notKept: NotKept[],
): Steps<number> {
  const what = kind === 'uid' ? 'owner' : 'group';
  const keep = given === undefined ? operation.settings.preserve.owner : operation.settings.givenOwner;
  const wanted = given ?? old ?? fresh;
  if (given === undefined && old !== undefined && operation.environment.isUnmapped(kind, old)) {
    yield* preserving(keep, refused(`the ${what} is not mapped in this user namespace`), what, notKept);
    return -1;
  }
  if (wanted === fresh) return fresh;
  function* setId(): Steps<void> {
    yield* unsyncing(
      temporary,
      kind === 'uid' ? call.fchown(temporary.fd, wanted, -1) : call.fchown(temporary.fd, -1, wanted),
    );
    if ((yield* call.fstat(temporary.fd))[kind] !== wanted) yield* refused(`the ${what} cannot be set here`);
  }
  return (yield* preserving(keep, setId(), what, notKept)) ? wanted : fresh;
}

/** The permission bits to set, or undefined if those that the kernel gave the new file are right. */
function finalMode(
  operation: Operation,
  existing: FileStatus | undefined,
  temporary: TemporaryFile,
  owner: Owner,
  acl: AclState,
): number | undefined {
  const { settings, environment } = operation;
  if (settings.mode !== undefined) return settings.mode;
  if (existing === undefined || settings.preserve.mode === 'off')
    return temporary.private ? (settings.modeOfNew ?? 0o666) & ~environment.umask() : undefined;
  let mode = existing.mode & 0o7777;
  if (owner.uid !== existing.uid) mode &= ~setUid;
  if (owner.gid !== existing.gid) mode &= ~setGid;
  // The group's bits were another group's, or the mask of an ACL that was lost: the group gets no more than all others.
  // Under an ACL that was kept they are its mask; `copyAttributes` has dealt with what it allows the group.
  if (acl === 'lost' || (acl === 'none' && owner.gid !== existing.gid)) mode &= ~0o070 | ((mode & 0o007) << 3);
  // Here they are the mask of an ACL that the directory gave.
  if (acl === 'inherited') mode &= ~0o070;
  return mode;
}

function* applyMode(
  operation: Operation,
  existing: FileStatus | undefined,
  temporary: TemporaryFile,
  mode: number,
  acl: AclState,
  notKept: NotKept[],
): Steps<void> {
  const { settings } = operation;
  const old = settings.mode === undefined && settings.preserve.mode !== 'off' ? existing : undefined;
  const keep = settings.mode !== undefined ? 'require' : old === undefined ? 'try' : settings.preserve.mode;
  const wanted = old === undefined ? mode : old.mode & 0o7777;
  // Copying an ACL has changed the mode too.
  let now = (acl === 'kept' ? yield* call.fstat(temporary.fd) : statusOf(temporary)).mode & 0o7777;
  if (mode !== now) {
    const isSet = yield* preserving(keep, setMode(operation, temporary, mode), 'mode', notKept);
    // If only the set-id bits are refused, the others are set.
    if (!isSet && (mode & setIds) !== 0)
      yield* preserving('try', setMode(operation, temporary, mode & ~setIds), 'mode', notKept);
    // chmod(2) silently drops set-id bits that the caller may not set, and some filesystems silently do nothing.
    now = (yield* call.fstat(temporary.fd)).mode & 0o7777;
  }
  const isProtected = settings.mode !== undefined || old !== undefined;
  if (isProtected && (now & 0o077 & ~wanted) !== 0) throw notPermitted();
  if (now !== wanted) yield* preserving(keep, refused('these permission bits cannot be set here'), 'mode', notKept);
}

function* setMode({ environment }: Operation, temporary: TemporaryFile, mode: number): Steps<void> {
  yield* unsyncing(
    temporary,
    environment.descriptorsRestricted ? call.chmod(temporary.accessPath, mode) : call.fchmod(temporary.fd, mode),
  );
}

function notPermitted(): Error {
  return refusal('EPERM', 'these permission bits cannot be set here: others could read the file');
}

// oxlint-disable-next-line require-yield -- it stands where a system call would
function* refused(why: string): Steps<void> {
  throw refusal('EPERM', why);
}

function* applyTimes(keep: Keep, existing: FileStatus, temporary: TemporaryFile, notKept: NotKept[]): Steps<void> {
  yield* preserving(keep, setTimes(existing, temporary), 'times', notKept);
  // Nothing can set it.
  if (existing.birthtimeNs > 0n) notKept.push('birthtime');
}

function* setTimes({ atimeNs, mtimeNs }: FileStatus, temporary: TemporaryFile): Steps<void> {
  yield* unsyncing(temporary, call.futimes(temporary.fd, atimeNs, mtimeNs));
  const now = yield* call.fstat(temporary.fd);
  const isExact = now.atimeNs / 1000n === atimeNs / 1000n && now.mtimeNs / 1000n === mtimeNs / 1000n;
  if (!isExact) yield* refused('the filesystem does not keep these times');
}
