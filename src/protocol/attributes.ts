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
import { changing, keeping } from './keeping.ts';
import { persisting } from './look.ts';
import type { Place } from './place.ts';
import type { TemporaryFile } from './temporary.ts';
import type { Write } from './write.ts';

const acl = 'system.posix_acl_access';

/** Signatures and privileges that were given to the old content, not to the name. */
const boundToContent = new Set(['security.ima', 'security.evm', 'security.capability']);

/** The names of the attributes of what is there, whatever it is. */
export function* listOld({ surroundings }: Write, place: Place): Steps<string[] | undefined> {
  return surroundings.platform === 'win32' ? undefined : yield* list(place);
}

/** Whether there may be attributes to keep, or to make up for. */
export function attributesMatter({ surroundings }: Write, { existing }: Place): boolean {
  return surroundings.platform !== 'win32' && existing !== undefined && fileType(existing.mode) === 'file';
}

/** What the new file has of an ACL: the old one's, or none as the old one, or none in its stead. */
export type AclState = 'kept' | 'none' | 'lost';

/**
 * Copies the attributes. An ACL comes less what it allows the owning group if that is another one now, and less what `mode`,
 * which comes after it, does not allow: the content is there already.
 */
export function* copyAttributes(write: Write, place: Place, temporary: TemporaryFile, sameGroup: boolean, mode: number, notKept: NotKept[]): Steps<AclState> {
  const keep = write.settings.preserve.xattr;
  const { attributes: old } = place;
  const { attributes: fresh } = temporary;
  if (keep === 'off') return old?.includes(acl) === true ? 'lost' : 'none';
  if (old === undefined || fresh === undefined) yield* keeping(keep, notReadable(), 'xattr', notKept);
  if (fresh === undefined) return 'none';
  // Attributes can be had here, but not by this name: there may be an ACL.
  let aclState: AclState = old === undefined ? 'lost' : 'none';
  for (const name of old ?? []) {
    if (boundToContent.has(name)) {
      notKept.push('xattr');
      continue;
    }
    const present = fresh.includes(name);
    if (name !== acl) yield* keeping(keep, copy(place, temporary, name, present), 'xattr', notKept);
    else aclState = (yield* keeping(keep, copy(place, temporary, name, present, (value) => narrowed(value, sameGroup, mode)), 'acl', notKept)) ? 'kept' : 'lost';
  }
  if (fresh.includes(acl) && aclState !== 'kept') yield* changing(temporary, call.removexattr(temporary.reach, acl));
  return aclState;
}

/** The tags of an ACL's entries that have no id (acl(5)). */
const tags = { owner: 0x01, group: 0x04, mask: 0x10, others: 0x20 } as const;

/**
 * An ACL that allows no more than a mode, and the owning group no more than all others if that is another one now. Its
 * form: a version, then tag, permissions and id of each entry.
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

/** The names of a file's attributes; undefined where they cannot be known. */
export function* list(file: { readonly reach: PathName }): Steps<string[] | undefined> {
  try {
    return yield* persisting(file, () => call.listxattr(file.reach));
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
  yield* changing(temporary, call.setxattr(temporary.reach, name, value));
}
