/** Whether a write may replace a file, and who else may change its directory. */
import { codeOf, display, type PathName } from '../contract/index.ts';
import { call, chain, MAY_CHANGE, MAY_READ, mayDo, type FileStatus, type Mount, type Steps } from '../system/index.ts';
import { isReadOnly, type Operation } from '../files/index.ts';
import type { Findings } from './findings.ts';

/** The directory of a write, and the file that it replaces. */
export interface Place {
  readonly operation: Operation;
  readonly directoryPath: PathName;
  /** The status of the directory. */
  readonly directory: FileStatus;
  /** The file, if the path is not that of a directory. */
  readonly path: PathName | undefined;
  readonly existing: FileStatus | undefined;
  readonly mount: Mount | undefined;
  /** Whether something is mounted on the file itself. */
  readonly isMountPoint: boolean;
}

/** Filesystems that show facts of the kernel, and hold no files of programs. */
const virtual = new Set(
  'autofs binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts efivarfs fusectl mqueue nsfs proc pstore rpc_pipefs securityfs selinuxfs sysfs tracefs'.split(
    ' ',
  ),
);

/** Attributes that statx(2) shows. */
const [immutable, appendOnly] = [0x10, 0x20];

/** Whether a filesystem holds no files of programs. */
export function holdsNoFiles(mount: Mount | undefined): boolean {
  return virtual.has(mount?.type ?? '');
}

/** Finds what forbids a write. */
export function* examineAccess(place: Place, findings: Findings): Steps<void> {
  const { directoryPath, directory, existing, mount, path } = place;
  const fails = (code: string, text: string): void => findings.add('failure', 'access', code, text);
  if (holdsNoFiles(mount))
    fails('virtual', `"${mount?.type}" shows facts of the kernel: no file can be made in it, so none can be replaced`);
  else yield* examineDirectory(place, fails);
  for (const [one, what] of [
    [directoryPath, 'the directory'],
    [path, 'the file'],
  ] as const) {
    const attributes = one === undefined ? 0 : yield* attributesOf(one);
    if ((attributes & immutable) !== 0)
      fails('immutable', `${what} is immutable (chattr +i): a write fails with EPERM`);
    else if ((attributes & appendOnly) !== 0)
      fails(
        'append-only',
        `${what} is append-only (chattr +a): nothing in it can be replaced, a write fails with EPERM`,
      );
  }
  if (place.isMountPoint)
    fails(
      'mount-point',
      "it is mounted by itself, as in a container: a write fails with EBUSY. Mount its directory instead, or write into the file with fallback: 'in-place'",
    );
  if (path !== undefined && isReadOnly(place.operation, { existing } as never))
    fails('read-only-file', 'it has the read-only attribute of Windows: a write fails with EPERM');
  if (path !== undefined && existing !== undefined && (yield* refusal(path, MAY_READ)) !== undefined)
    findings.add(
      'limit',
      'access',
      'unreadable',
      'its content may not be read: an update, a backup and ifUnchanged fail or cannot compare',
    );
  tellOthers(directory, findings, directoryPath);
}

/** The attributes that statx(2) shows, which the native part reads. */
function* attributesOf(path: PathName): Steps<number> {
  const { results } = yield* chain([['lstat', path]]);
  return (results[0] as FileStatus | undefined)?.attributes ?? 0;
}

function* examineDirectory(
  { operation: { environment }, directoryPath, directory, existing }: Place,
  fails: (code: string, text: string) => void,
): Steps<void> {
  const refused = yield* refusal(directoryPath, MAY_CHANGE);
  if (refused === 'EROFS') fails('read-only', 'the filesystem is mounted read-only: a write fails with EROFS');
  else if (refused !== undefined)
    fails(
      'no-permission',
      `this process may not make files in "${display(directoryPath)}": a write fails with ${refused}`,
    );
  const { uid } = environment;
  const isSticky = (directory.mode & 0o1000) !== 0;
  const isOthers = existing !== undefined && existing.uid !== uid && directory.uid !== uid;
  if (refused === undefined && isSticky && isOthers && !mayDo('fowner'))
    fails('sticky', "it is another user's file in a directory with the sticky bit: a write fails with EPERM");
}

/** The code with which something is refused; undefined if it is permitted. */
export function* refusal(path: PathName, mode: number): Steps<string | undefined> {
  try {
    yield* call.access(path, mode);
    return undefined;
  } catch (error) {
    return codeOf(error) ?? 'EACCES';
  }
}

function tellOthers({ mode, gid }: FileStatus, findings: Findings, directoryPath: PathName): void {
  const who = (mode & 0o002) !== 0 ? 'everybody' : (mode & 0o020) !== 0 ? `the members of group ${gid}` : undefined;
  if (who === undefined || process.platform === 'win32') return;
  const sticky = (mode & 0o1000) !== 0 ? '; the sticky bit lets them rename and remove only their own' : '';
  findings.add(
    'fact',
    'access',
    'shared',
    `besides its owner ${who} may make files in "${display(directoryPath)}"${sticky}`,
  );
}
