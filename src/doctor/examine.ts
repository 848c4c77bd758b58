/** The whole inspection, top to bottom. */
import { codeOf, display, split, type NotKept, type PathName } from '../contract/index.ts';
import {
  call,
  fileType,
  MAY_READ,
  type Mount,
  O_DIRECTORY,
  O_HOLD,
  O_PATH_DIRECTORY,
  type FileStatus,
  type Steps,
} from '../system/index.ts';
import {
  afterFailure,
  type Filesystem,
  filesystemAt,
  type FoundDirectory,
  type Operation,
  throwIfAborted,
} from '../files/index.ts';
import { examineAccess, holdsNoFiles, refusal, type Place } from './access.ts';
import { examineDurability } from './durability.ts';
import { Findings } from './findings.ts';
import type { InspectedFilesystem, Inspection } from './inspection.ts';
import { attempt, type Attempt } from './measure.ts';
import { examineMetadata, tellNotKept } from './metadata.ts';
import { examineRemains, type Remains } from './remains.ts';
import { rowsOf, tellRows } from './rows.ts';
import { follow, tellWay, type Way } from './way.ts';

/** What is known before the directory is reached. */
type Known = Pick<Inspection, 'path' | 'target' | 'kind' | 'links'>;

export function* examine(operation: Operation, measure: boolean): Steps<Inspection> {
  throwIfAborted(operation);
  const { path } = operation;
  const findings = new Findings();
  // 1. The way, and what is at its end.
  const way = yield* follow(operation, path);
  const known: Known = {
    path,
    target: way.end,
    kind: way.stop === undefined ? kindOf(way.status) : 'missing',
    links: way.links,
  };
  tellWay(way, known, findings);
  const directoryPath = known.kind === 'directory' ? way.end : (way.nearest ?? split(way.end).directory);
  const fd = way.stop === undefined ? yield* openToLook(directoryPath, findings) : undefined;
  if (way.stop !== undefined || fd === undefined) return unreached(known, findings);
  try {
    return yield* examineIn(operation, known, way, { directoryPath, fd }, measure, findings);
  } finally {
    yield* afterFailure(closed(fd));
  }
}

interface Opened {
  readonly directoryPath: PathName;
  /** -1 where directories are not opened. */
  readonly fd: number;
}

function* examineIn(
  operation: Operation,
  known: Known,
  way: Way,
  { directoryPath, fd }: Opened,
  measure: boolean,
  findings: Findings,
): Steps<Inspection> {
  // 2. The filesystem.
  const { environment } = operation;
  const directory = yield* fd === -1 ? call.stat(directoryPath) : call.fstat(fd);
  const mount = environment.mountOf(fd);
  const traits = yield* filesystemAt(directoryPath, () => mount);
  const filesystem = shownOf(operation, mount, directory);
  const isTarget = known.kind === 'file' || (known.kind === 'missing' && way.nearest === undefined);
  const path = isTarget ? way.end : undefined;
  const isMountPoint = path !== undefined && (yield* isMounted(operation, path, way.status, mount));
  tellFilesystem(filesystem, traits, holdsNoFiles(mount), findings);
  // 3. Who may do what.
  const place: Place = {
    operation,
    directoryPath,
    directory,
    path,
    existing: path === undefined ? undefined : way.status,
    mount,
    isMountPoint,
  };
  yield* examineAccess(place, findings);
  // 4. What a write would be, as far as that can be told.
  const isVirtual = holdsNoFiles(mount);
  const expected = isVirtual ? [] : yield* examineMetadata(place, traits.own, measure, findings);
  const mayList = (yield* refusal(directoryPath, MAY_READ)) === undefined;
  const told = isVirtual ? false : examineDurability(operation, directory, traits, mount, mayList, findings);
  // 5. What is there.
  const remains = mayList ? yield* lookAround(operation, directoryPath, place, findings) : hidden(findings);
  tellRows(filesystem.rows, filesystem.type, findings);
  // 6. What only an attempt tells.
  const tried =
    measure && !findings.isFailure ? yield* attempt(operation, directoryPath, place.existing && path) : undefined;
  const notKept = tellAttempt(tried, expected, findings);
  const lockable = tried === undefined ? mayLock(traits, filesystem, findings) : tellLocks(tried, findings);
  const { locks, leftovers } = remains;
  return {
    ...known,
    filesystem,
    durable: tried?.measured?.durable ?? (findings.isFailure ? false : told),
    notKept,
    lockable,
    locks,
    leftovers,
    measured: tried?.measured,
    findings: findings.all,
  };
}

function kindOf(status: FileStatus | undefined): Inspection['kind'] {
  if (status === undefined) return 'missing';
  const type = fileType(status.mode);
  return type === 'link' ? 'missing' : type;
}

/** Opens a directory without the right to list it, if the system can; -1 where directories are not opened. */
function* openToLook(path: PathName, findings: Findings): Steps<number | undefined> {
  const flags = O_PATH_DIRECTORY === 0 ? O_DIRECTORY : O_PATH_DIRECTORY;
  if (flags === 0) return -1;
  try {
    return yield* call.open(path, flags, 0);
  } catch (error) {
    // Where there is no such flag, it is looked at by its path.
    if (O_PATH_DIRECTORY === 0) return -1;
    findings.add('failure', 'access', 'unreachable', `"${display(path)}" cannot be opened (${codeOf(error)})`);
    return undefined;
  }
}

function* closed(fd: number): Steps<void> {
  if (fd !== -1) yield* call.close(fd);
}

function unreached(known: Known, findings: Findings): Inspection {
  return {
    ...known,
    filesystem: undefined,
    durable: false,
    notKept: [],
    lockable: false,
    locks: [],
    leftovers: [],
    measured: undefined,
    findings: findings.all,
  };
}

function shownOf({ environment }: Operation, mount: Mount | undefined, { dev }: FileStatus): InspectedFilesystem {
  return {
    type: mount?.type,
    source: mount?.source,
    mountPoint: mount?.point,
    root: mount?.root,
    options: mount?.options ?? [],
    rows: rowsOf(mount, environment.hasJournal(dev)),
  };
}

/** Whether something is mounted on a file: it is reached through another mount than its directory. */
function* isMounted(
  { environment }: Operation,
  path: PathName,
  status: FileStatus | undefined,
  mount: Mount | undefined,
): Steps<boolean> {
  if (O_HOLD === 0 || status === undefined || mount === undefined) return false;
  let fd;
  try {
    fd = yield* call.open(path, O_HOLD, 0);
  } catch {
    return false;
  }
  try {
    const own = environment.mountOf(fd);
    return own !== undefined && own.id !== mount.id;
  } finally {
    yield* afterFailure(call.close(fd));
  }
}

function tellFilesystem(
  { type, source, mountPoint, root, options }: InspectedFilesystem,
  { own, trust, label, danger }: Filesystem,
  isVirtual: boolean,
  findings: Findings,
): void {
  if (type === undefined) {
    findings.add('fact', 'filesystem', 'unknown', 'this system does not tell which filesystem it is');
    return;
  }
  const part = root === '/' ? '' : `"${root}" of `;
  findings.add(
    'fact',
    'filesystem',
    'mount',
    `${part}${type} (${source}), mounted at "${mountPoint}" with ${options.join(',')}`,
  );
  if (trust === 'unsafe')
    findings.add(
      'limit',
      'filesystem',
      'unsafe',
      `not all promises hold on ${label}: ${danger}; what needs a lock is refused, unless filesystem: 'any' accepts that`,
    );
  const isSubvolume = options.includes(`subvol=${root}`);
  if (root !== '/' && !isSubvolume)
    findings.add('fact', 'filesystem', 'bind-mount', `"${mountPoint}" is a bind mount: a part of that filesystem`);
  if (!own && !isVirtual)
    findings.add(
      'fact',
      'filesystem',
      'served',
      'a program or a server answers for it, so absences and errors are asked for more than once',
    );
}

function* lookAround(
  operation: Operation,
  directoryPath: PathName,
  { path, directory }: Place,
  findings: Findings,
): Steps<Remains> {
  const flags = O_DIRECTORY;
  const fd = flags === 0 ? undefined : yield* call.open(directoryPath, flags, 0);
  const accessPath = fd === undefined ? directoryPath : operation.environment.accessPath(fd, directoryPath);
  const folder: FoundDirectory = { directory: { accessPath }, directoryPath, fd, status: directory };
  try {
    return yield* examineRemains(operation, folder, path === undefined ? undefined : split(path).name, findings);
  } finally {
    if (fd !== undefined) yield* afterFailure(call.close(fd));
  }
}

function hidden(findings: Findings): Remains {
  findings.add(
    'fact',
    'leftovers',
    'hidden',
    'this process may not list the directory: locks and leftovers are unknown',
  );
  return { locks: [], leftovers: [] };
}

/** Without an attempt. Filesystems of this machine's own do what locks need. */
function mayLock(
  { own, trust }: Filesystem,
  { rows }: InspectedFilesystem,
  findings: Findings,
): Inspection['lockable'] {
  if (findings.isFailure || trust === 'unsafe') return false;
  if (own) {
    findings.add('fact', 'locks', 'lockable', 'locks can be had, for updates, ifMatch and transactions');
    return true;
  }
  const where = rows.length > 0 ? 'the rows below say what was seen; ' : '';
  findings.add('fact', 'locks', 'unknown', `whether locks can be had only an attempt tells (${where}measure)`);
  return 'unknown';
}

function tellLocks({ lockable, failure, measured }: Attempt, findings: Findings): boolean {
  if (lockable) findings.add('fact', 'locks', 'lockable', 'a lock could be had, as an attempt showed');
  else if (measured !== undefined)
    findings.add('limit', 'locks', 'not-lockable', `no lock could be had: ${(failure as Error).message}`);
  return lockable;
}

function tellAttempt(tried: Attempt | undefined, expected: readonly NotKept[], findings: Findings): readonly NotKept[] {
  if (tried === undefined) return expected;
  if (tried.measured === undefined) {
    findings.add('failure', 'cost', 'write-failed', `a write failed: ${(tried.failure as Error).message}`);
    return expected;
  }
  const { milliseconds, durable } = tried.measured;
  findings.add(
    durable === true ? 'fact' : 'limit',
    'cost',
    durable === true ? 'measured' : 'not-durable',
    `one durable write of 4 KiB took ${milliseconds.toFixed(1)} ms, and its result said durable: ${String(durable)}`,
  );
  if (tried.notKept !== undefined) tellNotKept(tried.notKept, findings);
  return tried.notKept ?? expected;
}
