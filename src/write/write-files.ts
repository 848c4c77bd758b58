import {
  describe,
  key,
  misuse,
  readData,
  type Content,
  type Data,
  type PathLike,
  type WriteOptions,
  type WriteResult,
} from '../contract/index.ts';
import { environment, startAsync, targetPath } from '../system/index.ts';
import { newOperation, readOptions, type Operation, type Settings } from '../files/index.ts';
import { Turn } from '../order/index.ts';
import { Group, replaceFile, replaceInGroup } from '../replace/index.ts';

/** One of several files to write. */
export interface FileToWrite {
  readonly path: PathLike;
  readonly data: Data;
}

/** From how many files on one sync of the filesystem is quicker than one for each, and how many share one. */
const [fewest, most] = [32, 1024];

interface Writing {
  readonly operation: Operation;
  readonly turn: Turn;
  readonly content: Content;
}

/**
 * Replaces many independent files, each as {@link writeFile} does.
 *
 * The promise resolves when every file is written, and with `durability: 'full'`, the default, durable; the results are
 * in the order of the files. Each file is replaced by itself: after a crash some hold the old content and some the new,
 * each whole. For all or nothing there is {@link transaction}. Of two entries for one file the later one wins.
 *
 * From 32 files on, one syncfs(2) may stand for the syncs of all contents, on ext4, XFS and Btrfs, with the native part
 * of the package and Linux 5.8 or later. It also writes what other programs have changed on the same filesystem, and
 * waits for that.
 *
 * @see docs/functions.md
 * @throws {AggregateError} by rejecting, once all writes have ended, if some failed: `errors` has their errors in the
 * order of the files, each a {@link WriteError} with `path` and `outcome`. The other files are written.
 * @throws {TypeError | RangeError} by rejecting, for wrong arguments, before anything is touched.
 * @example Write the files of a build
 * ```ts
 * await writeFiles([
 *   { path: 'index.html', data: '<h1>Hello</h1>\n' },
 *   { path: 'style.css', data: 'h1 { color: teal }\n' },
 * ]);
 * ```
 */
export async function writeFiles(
  files: Iterable<FileToWrite>,
  options?: WriteOptions | BufferEncoding | null,
): Promise<WriteResult[]> {
  const settings = readOptions(options);
  const all = readFiles(files, settings);
  // Of several entries for one path only the last has to be written.
  const last = new Map(all.map((writing) => [key(writing.operation.path), writing]));
  const alike = all.filter(
    (writing) => writing.content.kind === 'bytes' && last.get(key(writing.operation.path)) === writing,
  );
  const inGroups = mayShareSync(settings) && alike.length >= fewest ? alike : [];
  const groups = new Map<Writing, Group>();
  for (let start = 0; start < inGroups.length; start += most) {
    const members = inGroups.slice(start, start + most);
    const group = new Group(members.length, environment);
    for (const member of members) groups.set(member, group);
  }
  const ended = await Promise.allSettled(all.map((writing) => write(writing, groups.get(writing))));
  const errors = ended.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
  if (errors.length > 0)
    throw new AggregateError(errors, `${errors.length} of ${all.length} files could not be written`);
  return ended.map((one) => (one as PromiseFulfilledResult<WriteResult>).value);
}

function write({ operation, turn, content }: Writing, group: Group | undefined): Promise<WriteResult> {
  return new Promise((resolve, reject) => {
    const steps =
      group !== undefined && content.kind === 'bytes'
        ? replaceInGroup(operation, turn, content, group)
        : replaceFile(operation, turn, content);
    startAsync(steps, resolve, reject);
  });
}

/** Everything is checked before the first file is touched. */
function readFiles(files: Iterable<FileToWrite>, settings: Settings): Writing[] {
  if (
    typeof (files as Partial<Iterable<unknown>> | null)?.[Symbol.iterator] !== 'function' ||
    typeof files === 'string'
  )
    throw misuse('ERR_INVALID_ARG_TYPE', `"files" must be an iterable of { path, data }, not ${describe(files)}`);
  const given = Array.from(files as Iterable<unknown>, (file) => {
    if (typeof file !== 'object' || file === null || !('path' in file) || !('data' in file))
      throw misuse('ERR_INVALID_ARG_TYPE', `Each of "files" must be { path, data }, not ${describe(file)}`);
    const { path, data } = file as FileToWrite;
    return { target: targetPath(path), content: readData(data, settings.encoding) };
  });
  return given.map(({ target, content }) => {
    const operation = newOperation(target, settings, environment, false);
    return { operation, turn: new Turn(operation), content };
  });
}

function mayShareSync({ durability, backup, ifMatch, ifUnchanged, fallback, sync, keepOnError }: Settings): boolean {
  return (
    environment.syncsFilesystems &&
    durability !== 'off' &&
    backup === undefined &&
    ifMatch === undefined &&
    ifUnchanged === 'write' &&
    fallback === 'error' &&
    sync === 'require' &&
    !keepOnError
  );
}
