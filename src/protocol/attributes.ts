/**
 * Extended attributes of the replaced file: ACL, security labels, and the user's own.
 *
 * The new file gets exactly those of the old: also an ACL that it inherited from its directory, and that the old
 * file does not have, goes, or it would open the file to others.
 */
import { codeOf } from '../errors.ts';
import type { NotKept } from '../result.ts';
import { call, type Steps } from '../system/calls.ts';
import { keeping } from './keeping.ts';
import type { Place } from './place.ts';
import type { TemporaryFile } from './temporary.ts';
import type { Write } from './write.ts';

const acl = 'system.posix_acl_access';

/** Signatures and privileges that were given to the old content, not to the name. */
const boundToContent = new Set(['security.ima', 'security.evm', 'security.capability']);

let ready = false;

/**
 * Makes sure, before anything of the new file is open, that attributes can be copied later: the first use of them may take
 * descriptors, and where there are none a write can still give back its own and wait.
 */
export function* readyToCopy(write: Write, place: Place): Steps<void> {
  if (ready || place.existing === undefined || write.settings.preserve.xattr === 'off') return;
  yield* list(place);
  ready = true;
}

/** Copies the attributes; returns whether the new file has the old one's ACL, or rightly none. */
export function* copyAttributes(write: Write, place: Place, temporary: TemporaryFile, notKept: NotKept[]): Steps<boolean> {
  const keep = write.settings.preserve.xattr;
  const old = yield* list(place);
  const fresh = yield* list(temporary);
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
function* list(file: { reach: Place['reach'] }): Steps<string[] | undefined> {
  try {
    return yield* call.listxattr(file.reach);
  } catch (error) {
    switch (codeOf(error)) {
      case 'ENOTSUP':
      case 'EOPNOTSUPP':
        return []; // The filesystem has none, as vfat.
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
