/** What of a file a write keeps: told beforehand, from the rights of this process. `metadata.ts` of `files` does it. */
import { asText, type NotKept } from '../contract/index.ts';
import { call, mayDo, O_HOLD, type FileStatus, type Steps } from '../system/index.ts';
import { afterFailure, boundToContent, listAttributes, type Attributes } from '../files/index.ts';
import type { Place } from './access.ts';
import type { Findings } from './findings.ts';

/** What cannot be kept, as far as it can be told; what is kept is not told if it `isTried` later. */
export function* examineMetadata(place: Place, own: boolean, isTried: boolean, findings: Findings): Steps<NotKept[]> {
  const { operation, existing, path } = place;
  if (existing === undefined || path === undefined) return [];
  if (existing.nlink > 1)
    findings.add(
      'limit',
      'metadata',
      'hard-links',
      `it has ${existing.nlink} names (hard links): the others keep the old content`,
    );
  if (operation.environment.platform === 'win32') return [];
  const notKept: NotKept[] = [];
  const lose = (what: NotKept, code: string, text: string): void => {
    if (!notKept.includes(what)) notKept.push(what);
    findings.add('limit', 'metadata', code, text);
  };
  examineOwner(place, existing, lose);
  const attributes = yield* attributesOf(place);
  if (attributes === 'unavailable')
    lose('xattr', 'no-attributes', 'its ACL and attributes are not kept, if it has any: this needs the native part');
  else if (attributes === 'unknown')
    lose('xattr', 'attributes', 'its attributes cannot be read, and neither they nor an ACL are kept');
  else
    for (const name of attributes.filter((one) => boundToContent.has(one)))
      lose('xattr', 'bound', `its attribute ${asText(name)} is bound to the old content, and is not kept`);
  if (notKept.length === 0 && !isTried)
    findings.add(
      'fact',
      'metadata',
      own ? 'kept' : 'kept-perhaps',
      own
        ? `owner, group and mode are kept${attributes.length > 0 ? `, and ${told(attributes)}` : ''}`
        : 'this process may keep owner, group and mode; whether the filesystem does, only an attempt tells (measure)',
    );
  return notKept;
}

function examineOwner(
  { operation: { environment }, directory }: Place,
  existing: FileStatus,
  lose: (what: NotKept, code: string, text: string) => void,
): void {
  const chowns = mayDo('chown');
  const unmapped = (kind: 'uid' | 'gid'): boolean => environment.isUnmapped(kind, existing[kind]);
  const losesOwner = unmapped('uid') || (existing.uid !== environment.uid && !chowns);
  const fresh = (directory.mode & 0o2000) !== 0 ? directory.gid : (process.getegid?.() ?? existing.gid);
  const groups = [process.getegid?.(), ...(process.getgroups?.() ?? [])];
  const losesGroup = unmapped('gid') || (existing.gid !== fresh && !chowns && !groups.includes(existing.gid));
  const whose = 'this process may not give files away';
  if (losesOwner) lose('owner', 'owner', `its owner (${existing.uid}) is not kept: ${whose}`);
  if (losesGroup) lose('group', 'group', `its group (${existing.gid}) is not kept: ${whose} to that group`);
  const mode = existing.mode & 0o7777;
  let left = mode;
  if (losesOwner) left &= ~0o4000;
  if (losesGroup) left &= ~0o2000 & (~0o070 | ((mode & 7) << 3));
  if (left !== mode)
    lose(
      'mode',
      'mode',
      `its mode ${octal(mode)} becomes ${octal(left)}: rights that another group had are not widened`,
    );
}

/** The names of its attributes, read without opening the file for reading. */
function* attributesOf({ path }: Place): Steps<Attributes> {
  if (O_HOLD === 0 || path === undefined) return 'unavailable';
  let fd;
  try {
    fd = yield* call.open(path, O_HOLD, 0);
  } catch {
    return 'unknown';
  }
  try {
    return yield* listAttributes(fd, true);
  } finally {
    yield* afterFailure(call.close(fd));
  }
}

function told(attributes: Attributes): string {
  return typeof attributes === 'string' ? attributes : attributes.map(asText).join(', ');
}

function octal(mode: number): string {
  return mode.toString(8).padStart(3, '0');
}

/** What an attempt has shown. */
export function tellNotKept(notKept: readonly NotKept[], findings: Findings): void {
  if (notKept.length === 0)
    findings.add('fact', 'metadata', 'kept', 'all of its metadata was kept, as an attempt showed');
  else findings.add('limit', 'metadata', 'not-kept', `an attempt could not keep: ${notKept.join(', ')}`);
}
