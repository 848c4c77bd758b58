/** The names of a file's extended attributes, and what is known if the system gives no names. */
import { codeOf, isShortage, type PathName } from '../contract/index.ts';
import { chain, fileType, type FileStatus, type Link, type Steps } from '../system/index.ts';
import type { Operation } from './operation.ts';

/** The names of a file's attributes. Unavailable: this program cannot ask; unknown: it asked, and got no answer. */
export type Attributes = readonly PathName[] | 'unavailable' | 'unknown';

/** Whether attributes are asked for at all. */
export function areWanted({ environment, settings }: Operation): boolean {
  return environment.platform !== 'win32' && settings.preserve.xattr !== 'off';
}

/** Whether there may be attributes to keep, or to compensate for. */
export function attributesMatter(
  operation: Operation,
  { existing }: { readonly existing: FileStatus | undefined },
): boolean {
  return areWanted(operation) && existing !== undefined && fileType(existing.mode) === 'file';
}

/** Codes that say that there is none: no such attribute, or no attributes on this filesystem. */
export const saysNone: ReadonlySet<string> = new Set(['ENODATA', 'ENOTSUP', 'EOPNOTSUPP']);

/** The name of an ACL. */
export const acl = 'system.posix_acl_access';

/** The calls that ask for the names of an open file's attributes. Some filesystems do not list an ACL. */
export function linksFor(fd: number, mayHideAcl: boolean): Link[] {
  const names: Link = ['listxattr', fd];
  return mayHideAcl ? [names, ['getxattr', fd, acl]] : [names];
}

/** What they answered. */
export function attributesFrom(results: readonly unknown[], error: unknown): Attributes {
  const [names, hidden] = results as [PathName[]?, Uint8Array?];
  if (isShortage(error)) throw error;
  const code = codeOf(error) ?? '';
  if (names === undefined) return code === 'ENOSYS' ? 'unavailable' : saysNone.has(code) ? [] : 'unknown';
  if (hidden !== undefined) return names.includes(acl) ? names : [...names, acl];
  return error === undefined || saysNone.has(code) ? names : 'unknown';
}

/** The names of an open file's attributes. */
export function* list(fd: number, mayHideAcl: boolean): Steps<Attributes> {
  const { results, error } = yield* chain(linksFor(fd, mayHideAcl));
  return attributesFrom(results, error);
}
