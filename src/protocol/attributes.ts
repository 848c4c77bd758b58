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

/** Learns the names of the existing file's attributes, if they are to be kept. */
export function* listOld(write: Write, place: Place): Steps<void> {
  place.attributes = wantsAttributes(write, place) ? yield* list(place) : undefined;
}

/** Whether the existing file's attributes are to be kept. */
export function wantsAttributes({ settings, surroundings }: Write, { existing }: Place): boolean {
  return settings.preserve.xattr !== 'off' && surroundings.platform !== 'win32' && existing !== undefined && fileType(existing.mode) === 'file';
}

/** Copies the attributes; returns whether the new file has the old one's ACL, or rightly none. */
export function* copyAttributes(write: Write, place: Place, temporary: TemporaryFile, notKept: NotKept[]): Steps<boolean> {
  const keep = write.settings.preserve.xattr;
  const { attributes: old } = place;
  const { attributes: fresh } = temporary;
  if (old === undefined || fresh === undefined) {
    yield* keeping(keep, notReadable(), 'xattr', notKept);
    return true;
  }
  let aclKept = true;
  for (const name of old) {
    if (boundToContent.has(name)) {
      notKept.push('xattr');
      continue;
    }
    const copied = yield* keeping(keep, copy(place, temporary, name, fresh.includes(name)), name === acl ? 'acl' : 'xattr', notKept);
    if (name === acl) aclKept = copied;
  }
  if (fresh.includes(acl) && !old.includes(acl)) yield* call.removexattr(temporary.reach, acl);
  return aclKept;
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

function* copy(place: Place, temporary: TemporaryFile, name: string, present: boolean): Steps<void> {
  const value = yield* call.getxattr(place.reach, name);
  if (value === null) return;
  if (present && Buffer.compare((yield* call.getxattr(temporary.reach, name)) ?? new Uint8Array(), value) === 0) return;
  yield* call.setxattr(temporary.reach, name, value);
}
