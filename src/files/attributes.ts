/**
 * Extended attributes of the replaced file: ACL, security labels, and the user's own.
 *
 * The new file gets exactly the attributes of the old one. An ACL that it inherited from its directory, and that the
 * old file does not have, is removed: it would open the file to others.
 */
import { codeOf, display, refusal, type PathName, type NotKept } from '../contract/index.ts';
import { call, type Steps } from '../system/index.ts';
import { acl, attributesMatter, list, saysNone } from './attribute-names.ts';
import type { Operation } from './operation.ts';
import { unsyncing, preserving } from './preserve.ts';
import type { TemporaryFile } from './temporary.ts';
import { withOld, type Target } from './target.ts';

/** Signatures and privileges that belong to the old content, not to the name. */
export const boundToContent: ReadonlySet<PathName> = new Set<PathName>([
  'security.ima',
  'security.evm',
  'security.capability',
]);

/**
 * The ACL of the new file: that of the old one; none, like the old one; or none although the old one had one. An
 * inherited ACL that could not be removed is still there.
 */
export type AclState = 'kept' | 'none' | 'lost' | 'inherited';

/**
 * Copies the attributes. An ACL is reduced by what it allows the owning group if that group has changed, and by what
 * `mode`, which is set later, does not allow: the content is there already.
 */
export function* copyAttributes(
  operation: Operation,
  target: Target,
  temporary: TemporaryFile,
  sameGroup: boolean,
  mode: number,
  notKept: NotKept[],
): Steps<AclState> {
  if (!attributesMatter(operation, target)) return yield* stateWithoutAsking(operation, target);
  const narrow = (value: Uint8Array): Uint8Array => narrowed(value, sameGroup, mode);
  if (target.attributes === 'unavailable') {
    yield* preserving(operation.settings.preserve.xattr, notReadable(), 'xattr', notKept);
    return 'none';
  }
  return yield* withOld(target, (old) => copyFrom(operation, target, temporary, old, narrow, notKept), 'none');
}

/**
 * Under `'off'` no attribute is touched. But if the old file had an ACL, its mask must not become the rights of the
 * group.
 */
function* stateWithoutAsking({ environment }: Operation, target: Target): Steps<AclState> {
  const { existing } = target;
  if (environment.platform === 'win32' || existing === undefined) return 'none';
  const ofGroup = (existing.mode >> 3) & 7;
  if ((ofGroup & ~existing.mode & 7) === 0) return 'none';
  return yield* withOld(target, stateOf, 'none');
}

function* stateOf(old: number): Steps<AclState> {
  try {
    yield* call.getxattr(old, acl);
    return 'lost';
  } catch (error) {
    return saysNone.has(codeOf(error) ?? '') || codeOf(error) === 'ENOSYS' ? 'none' : 'lost';
  }
}

function* copyFrom(
  operation: Operation,
  target: Target,
  temporary: TemporaryFile,
  source: number,
  narrow: (value: Uint8Array) => Uint8Array,
  notKept: NotKept[],
): Steps<AclState> {
  const keep = operation.settings.preserve.xattr;
  const { attributes: old } = target;
  const fresh = temporary.attributes ?? (yield* list(temporary.fd, !target.directory.local));
  if (typeof old === 'string' || typeof fresh === 'string') yield* preserving(keep, notReadable(), 'xattr', notKept);
  // If the names are not available, an ACL may be there all the same.
  let state: AclState = typeof old === 'string' || old === undefined ? 'lost' : 'none';
  for (const name of typeof old === 'string' ? [acl] : (old ?? [])) {
    const present = typeof fresh !== 'string' && fresh.includes(name);
    if (boundToContent.has(name)) yield* preserving(keep, notCopied(name), 'xattr', notKept);
    else if (name !== acl) yield* preserving(keep, copy(source, temporary, name, present), 'xattr', notKept);
    else
      state = (yield* preserving(
        keep,
        copy(source, temporary, name, present, narrow),
        'acl',
        typeof old === 'string' ? [] : notKept,
      ))
        ? 'kept'
        : 'lost';
  }
  const mayInherit = typeof fresh === 'string' ? fresh === 'unknown' : fresh.includes(acl);
  if (state === 'kept' || !mayInherit) return state;
  return (yield* preserving(keep, unsyncing(temporary, removeAcl(temporary.fd)), 'acl', notKept)) ? state : 'inherited';
}

function* removeAcl(fd: number): Steps<void> {
  try {
    yield* call.removexattr(fd, acl);
  } catch (error) {
    if (!saysNone.has(codeOf(error) ?? '')) throw error;
  }
  const now = yield* list(fd, true);
  if (typeof now !== 'string' && now.includes(acl)) throw refusal('EPERM', 'the inherited ACL is still there');
}

/** The tags of an ACL's entries that have no id (acl(5)). */
const tags = { owner: 0x01, group: 0x04, mask: 0x10, others: 0x20 } as const;

/**
 * An ACL that allows no more than a mode, and allows the owning group no more than all others if the group has changed.
 * Its form: a version, then tag, permissions and id of each entry.
 */
function narrowed(value: Uint8Array, sameGroup: boolean, mode: number): Uint8Array {
  const changed = Buffer.from(value);
  const entries = Array.from({ length: Math.floor((changed.length - 4) / 8) }, (_, index) => 4 + index * 8);
  const entryOf = (tag: number): number | undefined => entries.find((entry) => changed.readUInt16LE(entry) === tag);
  const limit = (entry: number | undefined, bits: number): void => {
    if (entry !== undefined) changed.writeUInt16LE(changed.readUInt16LE(entry + 2) & bits & 7, entry + 2);
  };
  const others = entryOf(tags.others);
  if (!sameGroup && others !== undefined) limit(entryOf(tags.group), changed.readUInt16LE(others + 2));
  limit(entryOf(tags.owner), mode >> 6);
  limit(entryOf(tags.mask) ?? entryOf(tags.group), mode >> 3);
  limit(others, mode);
  return changed;
}

// oxlint-disable-next-line require-yield -- it stands where a system call would
function* notReadable(): Steps<void> {
  throw refusal('ENOTSUP', 'extended attributes cannot be read here');
}

// oxlint-disable-next-line require-yield -- it stands where a system call would
function* notCopied(name: PathName): Steps<void> {
  throw refusal('EPERM', `"${display(name)}" is bound to the old content`);
}

function* copy(
  source: number,
  temporary: TemporaryFile,
  name: PathName,
  present: boolean,
  change = (value: Uint8Array): Uint8Array => value,
): Steps<void> {
  const old = yield* oldValueOf(source, name);
  if (old === undefined) return;
  const value = change(old);
  if (present && isSameValue(yield* valueOf(temporary.fd, name), value)) return;
  yield* unsyncing(temporary, call.setxattr(temporary.fd, name, value));
  if (!isSameValue(yield* valueOf(temporary.fd, name), value))
    throw refusal('EPERM', `"${display(name)}" has another value than the one set`);
}

/** The value of an attribute that was listed; undefined if it is listed no more. */
function* oldValueOf(source: number, name: PathName): Steps<Uint8Array | undefined> {
  const value = yield* valueOf(source, name);
  if (value !== undefined) return value;
  const names = yield* list(source, false);
  const isSame = (one: PathName): boolean => Buffer.from(one).equals(Buffer.from(name));
  if (typeof names !== 'string' && !names.some(isSame) && name !== acl) return undefined;
  throw refusal('EACCES', `"${display(name)}" cannot be read`);
}

/** An attribute's value; undefined if there is none. */
function* valueOf(fd: number, name: PathName): Steps<Uint8Array | undefined> {
  try {
    return yield* call.getxattr(fd, name);
  } catch (error) {
    if (codeOf(error) === 'ENODATA') return undefined;
    throw error;
  }
}

/** Labels are returned with or without the zero at their end. */
function isSameValue(one: Uint8Array | undefined, other: Uint8Array): boolean {
  const trimmed = (value: Uint8Array): Buffer => Buffer.from(value.at(-1) === 0 ? value.subarray(0, -1) : value);
  return one !== undefined && trimmed(one).equals(trimmed(other));
}
