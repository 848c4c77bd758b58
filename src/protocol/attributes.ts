/**
 * Extended attributes of the replaced file: ACL, security labels, and the user's own.
 *
 * The new file gets exactly those of the old: also an ACL that it inherited from its directory, and that the old
 * file does not have, goes, or it would open the file to others.
 */
import { codeOf } from '../errors.ts';
import type { PathName } from '../path.ts';
import type { NotKept } from '../result.ts';
import { call, type Steps } from '../system/calls.ts';
import { fileType } from '../system/flags.ts';
import { keeping } from './keeping.ts';
import type { Place } from './place.ts';
import type { TemporaryFile } from './temporary.ts';
import type { Write } from './write.ts';

const acl = 'system.posix_acl_access';

/** Signatures and privileges that were given to the old content, not to the name. */
const boundToContent = new Set(['security.ima', 'security.evm', 'security.capability']);

/** Learns the names of the existing file's attributes, as far as they matter. */
export function* listOld(write: Write, place: Place): Steps<void> {
  place.attributes = attributesMatter(write, place) ? yield* list(place) : undefined;
}

/** Whether there may be attributes to keep, or to make up for. */
export function attributesMatter({ surroundings }: Write, { existing }: Place): boolean {
  return surroundings.platform !== 'win32' && existing !== undefined && fileType(existing.mode) === 'file';
}

/** What the new file has of an ACL: the old one's, or none as the old one, or none in its stead. */
export type AclState = 'kept' | 'none' | 'lost';

/** Copies the attributes, less what an ACL allows the owning group if that is another one now. */
export function* copyAttributes(write: Write, place: Place, temporary: TemporaryFile, sameGroup: boolean, notKept: NotKept[]): Steps<AclState> {
  const keep = write.settings.preserve.xattr;
  const { attributes: old } = place;
  const { attributes: fresh } = temporary;
  if (keep === 'off') return old?.includes(acl) === true ? 'lost' : 'none';
  if (old === undefined || fresh === undefined) {
    yield* keeping(keep, notReadable(), 'xattr', notKept);
    return 'none';
  }
  let aclState: AclState = 'none';
  for (const name of old) {
    if (boundToContent.has(name)) {
      notKept.push('xattr');
      continue;
    }
    const present = fresh.includes(name);
    if (name !== acl) yield* keeping(keep, copy(place, temporary, name, present), 'xattr', notKept);
    else aclState = (yield* keeping(keep, copy(place, temporary, name, present, sameGroup ? undefined : forOtherGroup), 'acl', notKept)) ? 'kept' : 'lost';
  }
  if (fresh.includes(acl) && aclState !== 'kept') yield* call.removexattr(temporary.reach, acl);
  return aclState;
}

const ownGroup = 0x04;
const others = 0x20;

/** An ACL that allows the owning group no more than all others. Its form: a version, then tag, permissions and id of each entry (acl(5)). */
function forOtherGroup(value: Uint8Array): Uint8Array {
  const narrowed = Buffer.from(value);
  const entries = Array.from({ length: Math.floor((narrowed.length - 4) / 8) }, (_, index) => 4 + index * 8);
  const entryOf = (tag: number): number | undefined => entries.find((entry) => narrowed.readUInt16LE(entry) === tag);
  const group = entryOf(ownGroup);
  const other = entryOf(others);
  if (group !== undefined && other !== undefined) narrowed.writeUInt16LE(narrowed.readUInt16LE(group + 2) & narrowed.readUInt16LE(other + 2), group + 2);
  return narrowed;
}

/** The names of a file's attributes; undefined where they cannot be known. */
export function* list(file: { readonly reach: PathName }): Steps<string[] | undefined> {
  try {
    return yield* call.listxattr(file.reach);
  } catch (error) {
    switch (codeOf(error)) {
      case 'ENOTSUP':
      case 'EOPNOTSUPP': // The filesystem has none, as vfat.
      case 'ENOENT': // It has just gone.
        return [];
      case 'ENOSYS':
      case 'EPERM':
      case 'EACCES':
        return undefined;
      default:
        throw error;
    }
  }
}

// oxlint-disable-next-line require-yield -- it stands where a system call would
function* notReadable(): Steps<void> {
  throw Object.assign(new Error('extended attributes cannot be read here'), { code: 'ENOTSUP' });
}

function* copy(place: Place, temporary: TemporaryFile, name: string, present: boolean, change = (value: Uint8Array): Uint8Array => value): Steps<void> {
  const old = yield* call.getxattr(place.reach, name);
  if (old === null) return;
  const value = change(old);
  if (present && Buffer.compare((yield* call.getxattr(temporary.reach, name)) ?? new Uint8Array(), value) === 0) return;
  yield* call.setxattr(temporary.reach, name, value);
}
