/** The names of a file's extended attributes, and what is known if the system gives no names. */
import { codeOf, isShortage, type PathName } from '../contract/index.ts';
import { fileType, call, type FileStatus, type Steps } from '../system/index.ts';
import { persisting } from './look.ts';
import type { Operation } from './operation.ts';

/** The names of a file's attributes. Unavailable: this program cannot ask; unknown: it asked, and got no answer. */
export type Attributes = readonly string[] | 'unavailable' | 'unknown';

/** Whether attributes are asked for at all. */
function areWanted({ environment, settings }: Operation): boolean {
  return environment.platform !== 'win32' && settings.preserve.xattr !== 'off';
}

/** The names of the attributes of the existing file, of any type. */
export function* listOld(
  operation: Operation,
  place: { readonly accessPath: PathName; readonly directory: { readonly local: boolean } },
): Steps<Attributes | undefined> {
  return areWanted(operation) ? yield* list(place, !place.directory.local) : undefined;
}

/** Whether there may be attributes to keep, or to compensate for. */
export function attributesMatter(
  operation: Operation,
  { existing }: { readonly existing: FileStatus | undefined },
): boolean {
  return areWanted(operation) && existing !== undefined && fileType(existing.mode) === 'file';
}

/** Codes that say that there is none: no such attribute, no attributes on this filesystem, or no such file. */
export const saysNone: ReadonlySet<string> = new Set(['ENODATA', 'ENOTSUP', 'EOPNOTSUPP', 'ENOENT']);

/** The name of an ACL. */
export const acl = 'system.posix_acl_access';

/**
 * Asks for the names of a file's attributes. If `thoroughly`, also asks for an ACL by its name, which some filesystems
 * do not list.
 */
export function* list(file: { readonly accessPath: PathName }, thoroughly: boolean): Steps<Attributes> {
  try {
    const names = yield* persisting(file, () => call.listxattr(file.accessPath));
    if (!thoroughly || names.includes(acl) || (yield* call.getxattr(file.accessPath, acl)) === null) return names;
    return [...names, acl];
  } catch (error) {
    if (isShortage(error)) throw error;
    const code = codeOf(error) ?? '';
    if (code === 'ENOSYS') return 'unavailable';
    return saysNone.has(code) && code !== 'ENODATA' ? [] : 'unknown';
  }
}
