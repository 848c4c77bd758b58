/**
 * Mode, owner, attributes and times of the new file, by descriptor where the system lets us, and all before the sync.
 *
 * Promise: at no moment may anyone read or run the new file who may not do so with the final one. So: group and owner
 * while the mode is still 0600; then attributes, since an ACL brings all permissions at once; then the mode, since
 * chown(2) clears set-id bits and an ACL's mask is what chmod(2) changes; times last. What cannot be kept takes rights
 * away, never adds any: a group that could not be kept loses its bits to what others have, and set-id bits never move
 * to another owner.
 */
import { refusal, type Keep, type NotKept } from '../contract/index.ts';
import { fileType, call, type FileStatus, type Steps } from '../system/index.ts';
import { copyAttributes, type AclState } from './attributes.ts';
import type { Operation } from './operation.ts';
import { unsyncing, preserving } from './preserve.ts';
import type { Target } from './target.ts';
import { statusOf, type TemporaryFile } from './temporary.ts';

const setUid = 0o4000;
const setGid = 0o2000;
const setIds = setUid | setGid;

/**
 * The mode to create the new file with: its owner's alone. Undefined where nothing is given or to be kept, and the
 * kernel's own rules apply.
 */
export function privateMode({ settings: { mode, uid, gid } }: Operation, { existing }: Target): number | undefined {
  return mode === undefined && uid === undefined && gid === undefined && kept(existing) === undefined
    ? undefined
    : 0o600;
}

/**
 * The final mode, where a file that has it from the start is open to nobody who may not read the final one: the owner
 * is the same, there are no attributes to keep, and the group may do just what all others may, whatever group and ACL
 * it gets.
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
 * Fails if a new file that was to be its owner's alone can be read by more than may read the final one, as where the
 * filesystem has no modes: nothing has been written yet.
 */
export function* assertPrivate(operation: Operation, target: Target, temporary: TemporaryFile): Steps<void> {
  const { platform } = operation.environment;
  if (!temporary.private || target.directory.local || platform === 'win32') return;
  const { mode: given, preserve } = operation.settings;
  const existing = kept(target.existing);
  temporary.status = yield* call.fstat(temporary.fd);
  const allowed = given ?? (preserve.mode === 'off' ? undefined : existing?.mode) ?? 0o777;
  if ((temporary.status.mode & 0o077 & ~allowed) !== 0) throw notPermitted();
}

/** A link that is replaced has no metadata worth keeping. */
function kept(existing: FileStatus | undefined): FileStatus | undefined {
  return existing !== undefined && fileType(existing.mode) === 'file' ? existing : undefined;
}

/** Gives the temporary file its metadata; returns what of the existing file's it could not keep. */
export function* applyMetadata(operation: Operation, target: Target, temporary: TemporaryFile): Steps<NotKept[]> {
  operation.step = 'set metadata';
  const { settings, environment } = operation;
  const notKept: NotKept[] = [];
  const existing = kept(target.existing);
  if (temporary.status === undefined) return notKept; // As the kernel made it.
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

/** Whether a new file is like the old one already: all that is to be kept is the same, and nothing else was given. */
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

/** There a mode has one bit, and it goes by the name of read-only; ACLs are the directory's. */
function* applyOnWindows(
  { settings }: Operation,
  existing: FileStatus | undefined,
  temporary: TemporaryFile,
  notKept: NotKept[],
): Steps<NotKept[]> {
  if (settings.uid !== undefined || settings.gid !== undefined)
    throw refusal('ENOTSUP', 'Windows has no owners that are numbers');
  if (settings.mode !== undefined && (settings.mode & 0o200) === 0) yield* call.fchmod(temporary.fd, 0o444);
  if (existing !== undefined && settings.preserve.times !== 'off')
    yield* applyTimes(settings.preserve.times, existing, temporary, notKept);
  return notKept;
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Group and owner, each on its own, since a member of a group may set it but not the owner. */
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

/** One of them: returns whose the file is then, or -1 where that cannot be told. */
function* applyId(
  operation: Operation,
  kind: 'uid' | 'gid',
  { given, old, fresh }: { given: number | undefined; old: number | undefined; fresh: number },
  temporary: TemporaryFile,
  notKept: NotKept[],
): Steps<number> {
  const what = kind === 'uid' ? 'owner' : 'group';
  const keep = given === undefined ? operation.settings.preserve.owner : 'require';
  const wanted = given ?? old ?? fresh;
  if (given === undefined && old !== undefined && operation.environment.isUnmapped(kind, old)) {
    yield* preserving(keep, refused(`the ${what} has no number in this user namespace`), what, notKept);
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

/** The permission bits to set, or undefined where those that the kernel gave the new file are right. */
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
    return temporary.private ? 0o666 & ~environment.umask() : undefined;
  let mode = existing.mode & 0o7777;
  if (owner.uid !== existing.uid) mode &= ~setUid;
  if (owner.gid !== existing.gid) mode &= ~setGid;
  // The group's bits were another group's, or the mask of an ACL that is not there: no more than all others have.
  // Under an ACL they are its mask, and what it allows the group has been seen to.
  if (acl === 'lost' || (acl === 'none' && owner.gid !== existing.gid)) mode &= ~0o070 | ((mode & 0o007) << 3);
  // They are the mask of an ACL that the directory gave.
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
  // An ACL has changed the mode with it.
  let now = (acl === 'kept' ? yield* call.fstat(temporary.fd) : statusOf(temporary)).mode & 0o7777;
  if (mode !== now) {
    const isSet = yield* preserving(keep, setMode(operation, temporary, mode), 'mode', notKept);
    // Where only the set-id bits are refused, the others are set.
    if (!isSet && (mode & setIds) !== 0)
      yield* preserving('try', setMode(operation, temporary, mode & ~setIds), 'mode', notKept);
    // chmod(2) drops set-id bits silently where the caller may not give them, and some filesystems all of it.
    now = (yield* call.fstat(temporary.fd)).mode & 0o7777;
  }
  const isProtected = settings.mode !== undefined || old !== undefined;
  if (isProtected && (now & 0o077 & ~wanted) !== 0) throw notPermitted();
  if (now !== wanted) yield* preserving(keep, refused('the file may not have these permission bits'), 'mode', notKept);
}

function* setMode({ environment }: Operation, temporary: TemporaryFile, mode: number): Steps<void> {
  yield* unsyncing(
    temporary,
    environment.descriptorsRestricted ? call.chmod(temporary.accessPath, mode) : call.fchmod(temporary.fd, mode),
  );
}

function notPermitted(): Error {
  return refusal('EPERM', 'the file cannot have these permission bits here: more could read it than may');
}

// oxlint-disable-next-line require-yield -- it stands where a system call would
function* refused(why: string): Steps<void> {
  throw refusal('EPERM', why);
}

function* applyTimes(keep: Keep, existing: FileStatus, temporary: TemporaryFile, notKept: NotKept[]): Steps<void> {
  yield* preserving(keep, setTimes(existing, temporary), 'times', notKept);
}

function* setTimes({ atimeNs, mtimeNs }: FileStatus, temporary: TemporaryFile): Steps<void> {
  // Node sets the present time for a negative number.
  if (atimeNs < 0n || mtimeNs < 0n) throw refusal('EINVAL', 'times before 1970 cannot be set');
  yield* unsyncing(temporary, call.futimes(temporary.fd, seconds(atimeNs), seconds(mtimeNs)));
  const now = yield* call.fstat(temporary.fd);
  const isExact = now.atimeNs / 1000n === atimeNs / 1000n && now.mtimeNs / 1000n === mtimeNs / 1000n;
  if (!isExact) yield* refused('the filesystem does not keep these times');
}

/**
 * Seconds as a double that is never less than the microsecond it stands for, and as near to it as doubles are: libuv
 * cuts to microseconds, newer versions to nanoseconds, and either way the right microsecond is left.
 */
function seconds(nanoseconds: bigint): number {
  const microseconds = nanoseconds / 1000n;
  const nearest = Number(microseconds) / 1e6;
  // Both sides times 2^80, where every double from a microsecond on is a whole number.
  const isLess = BigInt(nearest * 2 ** 80) * 1_000_000n < microseconds * 2n ** 80n;
  // Half of its last place or a little more is added, which rounds to the next double.
  return isLess ? nearest + nearest * 2 ** -53 : nearest;
}
