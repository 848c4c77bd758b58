/** The way of a path: each name in it, and the symbolic links, as the kernel follows them (path_resolution(7)). */
import { codeOf, display, fromBytes, isAbsolute, join, split, type PathName } from '../contract/index.ts';
import { call, fileType, type FileStatus, type Steps } from '../system/index.ts';
import { lookAt, type Operation } from '../files/index.ts';
import type { Findings } from './findings.ts';
import type { InspectedLink, Inspection } from './inspection.ts';

export interface Way {
  readonly links: readonly InspectedLink[];
  /** Where it leads, or where it ends. */
  readonly end: PathName;
  /** The status of what is there. */
  readonly status: FileStatus | undefined;
  /** The nearest directory that exists, if that of the file does not. */
  readonly nearest: PathName | undefined;
  /** Why it goes no further. */
  readonly stop: { readonly code: string; readonly at: PathName } | undefined;
}

/** As many as the kernel follows. */
const maximumLinks = 40;

/** Follows a path as far as it leads. */
export function* follow({ environment }: Operation, path: PathName): Steps<Way> {
  const links: InspectedLink[] = [];
  if (environment.platform === 'win32') return yield* straight(path);
  let at: PathName = '/';
  let status = yield* call.lstat(at);
  const left = namesOf(path);
  const ended = (stop?: Way['stop'], nearest?: PathName): Way => ({ links, end: at, status, stop, nearest });
  for (let name; (name = left.shift()) !== undefined;) {
    if (fileType(status.mode) !== 'directory') return ended({ code: 'ENOTDIR', at });
    const next: PathName = name === '..' ? split(at).directory : join(at, name);
    let found;
    try {
      found = yield* lookAt({ accessPath: next });
    } catch (error) {
      return ended({ code: codeOf(error) ?? 'EIO', at });
    }
    if (found === undefined) {
      const nearest = left.length === 0 ? undefined : at;
      at = left.reduce<PathName>((whole, one) => join(whole, one), next);
      return { links, end: at, status: undefined, stop: undefined, nearest };
    }
    if (fileType(found.mode) !== 'link') {
      [at, status] = [next, found];
      continue;
    }
    if (links.length === maximumLinks) return ended({ code: 'ELOOP', at: next });
    const to = yield* call.readlink(next);
    links.push({ path: next, to });
    if (isTrap(environment.uid, status, found)) return ended({ code: 'EACCES', at: next });
    left.unshift(...namesOf(to));
    if (isAbsolute(to)) [at, status] = ['/', yield* call.lstat('/')];
  }
  return ended();
}

/** Elsewhere the system alone knows the way. */
function* straight(path: PathName): Steps<Way> {
  const none = { links: [], end: path, stop: undefined };
  const status = yield* lookAt({ accessPath: path });
  if (status !== undefined) return { ...none, status: yield* call.stat(path), nearest: undefined };
  const parent = split(path).directory;
  let above = parent;
  while ((yield* lookAt({ accessPath: above })) === undefined && split(above).directory !== above)
    above = split(above).directory;
  return { ...none, status: undefined, nearest: above === parent ? undefined : above };
}

/** Another user's link in a directory that everybody may write is not followed (proc(5), protected_symlinks). */
function isTrap(uid: number | undefined, directory: FileStatus, link: FileStatus): boolean {
  return (directory.mode & 0o1002) === 0o1002 && link.uid !== directory.uid && link.uid !== uid;
}

function namesOf(path: PathName): PathName[] {
  const names =
    typeof path === 'string'
      ? path.split('/')
      : path
          .toString('latin1')
          .split('/')
          .map((name) => fromBytes(Buffer.from(name, 'latin1')));
  return names.filter((name) => name.length > 0 && name !== '.');
}

/** How many links are told one by one. */
const fewLinks = 5;

/** Tells of the links, and of what is at the end. */
export function tellWay(
  { links, end, status, nearest, stop }: Way,
  { kind }: Pick<Inspection, 'kind'>,
  findings: Findings,
): void {
  for (const { path, to } of links.slice(0, fewLinks))
    findings.add('fact', 'links', 'link', `"${display(path)}" is a symbolic link to "${display(to)}"`);
  if (links.length > fewLinks)
    findings.add('fact', 'links', 'more-links', `and ${links.length - fewLinks} more symbolic links`);
  if (links.length > 0 && stop === undefined)
    findings.add('fact', 'links', 'target', `it leads to "${display(end)}"; a write follows it, and the links stay`);
  if (stop !== undefined) {
    const why = stops[stop.code] ?? `the system says ${stop.code}`;
    findings.add('failure', 'file', 'unreachable', `the way ends at "${display(stop.at)}": ${why}`);
  } else if (kind === 'special')
    findings.add('failure', 'file', 'special', 'it is a FIFO, a socket or a device, which is never replaced');
  else if (nearest !== undefined)
    findings.add(
      'failure',
      'file',
      'no-directory',
      `its directory does not exist: a write fails with ENOENT, unless makeParents makes it in "${display(nearest)}"`,
    );
  else if (kind === 'missing') findings.add('fact', 'file', 'missing', 'it does not exist: a write would create it');
  else if (kind === 'directory')
    findings.add('fact', 'file', 'directory', 'it is a directory: this is about writing files in it');
  else findings.add('fact', 'file', 'file', `it is a file of ${status?.size} bytes, mode ${modeOf(status)}`);
}

const stops: Readonly<Record<string, string>> = {
  ENOTDIR: 'it is not a directory (ENOTDIR)',
  ELOOP: 'there are too many symbolic links (ELOOP)',
  EACCES: 'this process may not go on there (EACCES)',
};

function modeOf(status: FileStatus | undefined): string {
  const { mode, uid, gid } = status as FileStatus;
  return `${(mode & 0o7777).toString(8).padStart(3, '0')}, owner ${uid}, group ${gid}`;
}
