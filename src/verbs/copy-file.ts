/**
 * Copying a file.
 *
 * Promise: as of a write. The copy is complete and synced before it has its name, and a file that changes while it is
 * copied is not copied at all, as far as its size and times tell.
 */
import {
  refusal,
  record,
  wrongType,
  type PathLike,
  type PathName,
  type WriteOptions,
  type WriteResult,
} from '../contract/index.ts';
import {
  call,
  fileType,
  forSources,
  givePermit,
  O_READ,
  runAsync,
  runSync,
  targetPath,
  whenDescriptorsAllow,
  type FileStatus,
  type Steps,
} from '../system/index.ts';
import {
  afterFailure,
  during,
  readOptions,
  reporting,
  throwIfAborted,
  type FileSource,
  type Operation,
} from '../files/index.ts';
import { replaceFile, supersededBy } from '../replace/index.ts';
import { newCall, type Call, type Newer } from './name.ts';

/** Options of copying: those of a write. */
export type CopyOptions = Omit<WriteOptions, 'encoding' | 'flag' | 'flush'>;

/**
 * Copies the file `from` to `to`: readers of `to` see its old content or the whole copy, never a part.
 *
 * As cp(1) does, it follows symbolic links, a new file gets the permission bits of `from` less the umask, and a replaced
 * file keeps its own mode, owner and attributes. Not copied: owner, times, attributes, ACL and holes of `from`. All
 * options of {@link writeFile} apply to `to`, and so does its result. If `from` is written while it is copied, that is an
 * error (`ERR_UNTORN_DATA_CHANGED`), as far as its size and its time of modification tell; a file that is replaced
 * meanwhile is copied as it was. Only regular files are copied.
 *
 * @see docs/verbs.md
 * @throws {WriteError} by rejecting; `path` is `from` and `dest` is `to`, `outcome` tells which content `to` has.
 * @throws {TypeError | RangeError} by rejecting, for wrong arguments, before anything is touched.
 * @example Keep a copy
 * ```ts
 * await writeFile('list.txt', 'one\n');
 * await copyFile('list.txt', 'backup/list.txt', { makeParents: true });
 * ```
 */
export async function copyFile(from: PathLike, to: PathLike, options?: CopyOptions | null): Promise<WriteResult> {
  return runAsync(copying(from, to, options, false));
}

/**
 * Copies the file `from` to `to`, like {@link copyFile}, and blocks until it is done.
 *
 * @throws as {@link copyFile}.
 * @example Keep a copy
 * ```ts
 * writeFileSync('list.txt', 'one\n');
 * copyFileSync('list.txt', 'list-2.txt', { overwrite: false });
 * ```
 */
export function copyFileSync(from: PathLike, to: PathLike, options?: CopyOptions | null): WriteResult {
  return runSync(copying(from, to, options, true));
}

const known = [
  'filesystem',
  'durability',
  'sync',
  'signal',
  'mode',
  'owner',
  'preserve',
  'symlink',
  'hardLink',
  'overwrite',
  'ifMatch',
  'lock',
  'ifUnchanged',
  'makeParents',
  'backup',
  'fallback',
  'temporary',
  'retry',
  'linger',
] as const satisfies readonly (keyof CopyOptions)[];

/** The steps of a copy. */
export function copying(
  from: PathLike,
  to: PathLike,
  options: CopyOptions | null | undefined,
  blocking: boolean,
): Steps<WriteResult> {
  if (typeof options === 'number')
    throw wrongType('options', 'an object; for COPYFILE_EXCL give { overwrite: false }', options);
  const settings = readOptions(record(options, 'options', known) as WriteOptions);
  const [source, target] = [targetPath(from, 'from'), targetPath(to, 'to')];
  const names = { operation: 'copy', given: source.given, dest: target.given } as const;
  return copy(newCall(target, settings, names, blocking), source.path);
}

function* copy(began: Call, from: PathName): Steps<WriteResult> {
  const { operation, turn } = began;
  try {
    const { opened, newer } = yield* reporting(operation, openInTurn(began, from));
    try {
      if (newer !== undefined) return supersededBy(newer, opened.status.size);
      operation.settings = { ...operation.settings, modeOfNew: opened.status.mode & 0o777 };
      return yield* replaceFile(operation, turn, { kind: 'source', source: sourceOf(operation, from, opened) });
    } finally {
      yield* afterFailure(call.close(opened.fd));
    }
  } finally {
    givePermit(operation);
    turn.leave();
  }
}

interface Opened {
  readonly fd: number;
  readonly status: FileStatus;
}

/**
 * It has its place among the calls for the target before it opens the file: a later call that makes a link of the
 * target waits, so that the copy does not follow that link.
 */
function* openInTurn(
  { operation, turn }: Call,
  from: PathName,
): Steps<{ readonly opened: Opened; readonly newer: Newer | undefined }> {
  throwIfAborted(operation);
  const newer = yield* turn.enter();
  return { opened: yield* during(operation, 'read source', open(operation, from)), newer };
}

function* open(operation: Operation, from: PathName): Steps<Opened> {
  yield* forSources.take(operation);
  return yield* whenDescriptorsAllow(operation, function* () {
    const fd = yield* call.open(from, O_READ, 0);
    try {
      const status = yield* call.fstat(fd);
      if (fileType(status.mode) === 'directory') throw refusal('EISDIR', 'it is a directory');
      if (fileType(status.mode) !== 'file') throw refusal('EINVAL', 'it is a FIFO, a socket or a device');
      return { fd, status };
    } catch (error) {
      yield* afterFailure(call.close(fd));
      throw error;
    }
  });
}

const [bufferSize, smallSize] = [1 << 20, 1 << 16];

/** The kernel's filesystems, by their numbers in statfs(2), whose files have the size that they may have: sysfs, configfs. */
const saysLargest: ReadonlySet<number> = new Set([0x62656572, 0x62656570]);

function sourceOf({ environment }: Operation, from: PathName, { fd, status }: Opened): FileSource {
  // Files as those in /proc do not tell their size.
  const buffer = new Uint8Array(status.size === 0 ? smallSize : Math.min(bufferSize, status.size));
  let position = 0;
  function* isLargest(): Steps<boolean> {
    return saysLargest.has(yield* call.statfs(environment.accessPath(fd, from)));
  }
  return {
    async: false,
    atHand: true,
    next: () => undefined,
    bytes: (chunk) => chunk as Uint8Array,
    // Whoever opened the file closes it.
    close: () => undefined,
    *read() {
      const count = yield* call.read(fd, buffer, position);
      position += count;
      if (count > 0) return buffer.subarray(0, count);
      const { size, mtimeNs } = yield* call.fstat(fd);
      const isTold = size > 0 || status.size > 0;
      const isWhole = !isTold || size === position || (size === status.size && position < size && (yield* isLargest()));
      if (!isWhole || mtimeNs !== status.mtimeNs)
        throw refusal('ERR_UNTORN_DATA_CHANGED', 'it was changed while it was copied');
      return undefined;
    },
  };
}
