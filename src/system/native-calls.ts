/** How the calls of the port are made with the native part, alone or several in one trip to another thread. */
import { win32 } from 'node:path';
import { codeOf, fromBytes, type PathName } from '../contract/index.ts';
import type { Native, NativeBytes, NativeLinks } from './native.ts';
import { type AsyncSystem, nativeOnly, withoutStack } from './node-calls.ts';
import { argsOf, type Chained, type Done, type FileStatus, type Link, type SyncSystem, type System } from './port.ts';

/** The calls of which Node has none, or a slower one. What is opened by it must be closed by it. */
const sooner = ['open', 'close', 'fstat', 'lstat', 'stat', 'statfs'] as const;
const missing: readonly (keyof System)[] = [...nativeOnly, 'futimes'];
const elsewhere = ['open', 'close'] as const;

/** What calls return, if they return anything. */
const gives: Readonly<Partial<Record<keyof System, 'number' | 'status' | 'bytes'>>> = {
  open: 'number',
  write: 'number',
  fstat: 'status',
  lstat: 'status',
  stat: 'status',
  statfs: 'number',
  listxattr: 'bytes',
  getxattr: 'bytes',
  getflags: 'number',
  getproject: 'number',
  getxflags: 'number',
};

/** Where an outcome has what it tells, counted in numbers of 64 bits: see `struct outcome` in native/untorn.c. */
const firstResult = 2;
const firstStatus = firstResult + 256;

/** The names that Node's errors give to calls. */
const shownAs: Readonly<Partial<Record<keyof System, string>>> = {
  futimes: 'futime',
  renameNew: 'rename',
  exchange: 'rename',
  linkOpen: 'link',
};

/** Adds the native calls to those of Node. */
export function withNative(
  native: Native,
  node: { sync: SyncSystem; async: AsyncSystem },
): { sync: SyncSystem; async: AsyncSystem } {
  const { operations } = native;
  const numbers = new Float64Array(native.outcome);
  const bigints = new BigInt64Array(native.outcome);

  /** No call has more than three arguments. Written out, since it is done for every call. */
  function encoded(links: readonly Link[]): NativeLinks {
    const values: NativeLinks = [];
    for (let i = 0; i < links.length; i++) {
      const link = links[i] as unknown as readonly [keyof System, ...PathName[]];
      values.push(operations[link[0]], link[1], link[2], link[3]);
    }
    return values;
  }

  function decoded(links: readonly Link[], bytes: NativeBytes): Chained {
    const done = numbers[0] as number;
    const errno = numbers[1] as number;
    const results: unknown[] = [];
    let statuses = 0;
    let buffers = 0;
    for (let i = 0; i < done; i++) {
      const name = (links[i] as Link)[0];
      const number = numbers[firstResult + i] as number;
      const result = gives[name];
      if (result === 'status') results.push(statusAt(statuses++));
      else if (result !== 'bytes') results.push(result === 'number' ? number : undefined);
      else {
        const found = number === 0 ? undefined : (bytes?.[buffers++] as Buffer);
        results.push(name === 'listxattr' ? namesIn(found) : (found ?? Buffer.alloc(0)));
      }
    }
    return errno === 0 ? { results } : { results, error: systemError(errno, links[done] as Link) };
  }

  function statusAt(index: number): FileStatus {
    const at = firstStatus + index * 12;
    return {
      mode: numbers[at] as number,
      nlink: numbers[at + 1] as number,
      uid: numbers[at + 2] as number,
      gid: numbers[at + 3] as number,
      size: numbers[at + 4] as number,
      attributes: numbers[at + 5] as number,
      dev: bigints[at + 6] as bigint,
      ino: bigints[at + 7] as bigint,
      atimeNs: bigints[at + 8] as bigint,
      mtimeNs: bigints[at + 9] as bigint,
      ctimeNs: bigints[at + 10] as bigint,
      birthtimeNs: bigints[at + 11] as bigint,
    };
  }

  const chainNow = (links: readonly Link[]): Chained =>
    completed(links, decoded(links, native.chain(undefined, ...encoded(links))));
  const chainLater = (links: readonly Link[], done: (chained: Chained) => void): void =>
    native.chain((bytes) => done(completed(links, decoded(links, bytes))), ...encoded(links));

  /**
   * If a time of a file is later than the year 2262, it does not fit 64 bits: Node reads that status. An EOVERFLOW of
   * another call comes from the kernel, as where a mount has no number for the user who makes a file.
   */
  function completed(links: readonly Link[], chained: Chained): Chained {
    const { results, error: failure } = chained;
    if (codeOf(failure) !== 'EOVERFLOW' || gives[(links[results.length] as Link)[0]] !== 'status') return chained;
    try {
      while (results.length < links.length) {
        const [name] = links[results.length] as Link;
        const make = (gives[name] === 'status' ? node.sync : sync)[name] as (...args: unknown[]) => unknown;
        results.push(make(...argsOf(links, { results })));
      }
    } catch (error) {
      return { results, error };
    }
    return { results };
  }

  const now =
    (name: keyof System): unknown =>
    (first: unknown, second: unknown, third: unknown) => {
      const { results, error } = chainNow([[name, first, second, third] as unknown as Link]);
      if (error !== undefined) throw error;
      return results[0];
    };
  const later =
    (name: keyof System): unknown =>
    (...args: unknown[]) => {
      const done = args.pop() as Done<unknown>;
      chainLater([[name, ...args] as unknown as Link], ({ results, error }) => done(error, results[0]));
    };
  const made = (names: readonly (keyof System)[], make: (name: keyof System) => unknown): object =>
    Object.fromEntries(names.filter((name) => name in operations).map((name) => [name, make(name)]));
  const sync: SyncSystem = { ...node.sync, ...made([...sooner, ...missing], now), chain: chainNow };
  const async: AsyncSystem = { ...node.async, ...made([...elsewhere, ...missing], later), chain: chainLater };
  if (process.platform === 'win32') return withWindows(node, now, later);
  return {
    sync: { ...sync, futimes: (fd, ...times) => (times.every(fits) ? sync : node.sync).futimes(fd, ...times) },
    async: {
      ...async,
      futimes: (fd, atimeNs, mtimeNs, done) =>
        (fits(atimeNs) && fits(mtimeNs) ? async : node.async).futimes(fd, atimeNs, mtimeNs, done),
    },
  };
}

/** Whether a time fits 64 bits. */
function fits(time: bigint): boolean {
  return BigInt.asIntN(64, time) === time;
}

/**
 * On Windows there are two calls: a rename that also replaces a file that is open, where the system and the filesystem
 * have it, and the sync of a directory.
 */
function withWindows(
  { sync, async }: { sync: SyncSystem; async: AsyncSystem },
  now: (name: keyof System) => unknown,
  later: (name: keyof System) => unknown,
): { sync: SyncSystem; async: AsyncSystem } {
  const [rename, syncDirectory] = [now('rename') as System['rename'], now('syncDirectory') as System['syncDirectory']];
  const renameLater = later('rename') as AsyncSystem['rename'];
  const syncDirectoryLater = later('syncDirectory') as AsyncSystem['syncDirectory'];
  return {
    sync: {
      ...sync,
      syncDirectory: (path) => syncDirectory(toNamespacedPath(path)),
      rename(from, to) {
        try {
          rename(toNamespacedPath(from), toNamespacedPath(to));
        } catch (error) {
          if (!isMissing(error)) throw error;
          sync.rename(from, to);
        }
      },
    },
    async: {
      ...async,
      syncDirectory: (path, done) => syncDirectoryLater(toNamespacedPath(path), done),
      rename: (from, to, done) =>
        renameLater(toNamespacedPath(from), toNamespacedPath(to), (error) => {
          if (isMissing(error)) async.rename(from, to, done);
          else done(error);
        }),
    },
  };
}

/** Whether an error says that there is no such call here. */
function isMissing(error: unknown): boolean {
  return ['ENOSYS', 'EINVAL', 'ENOTSUP'].includes(codeOf(error) ?? '');
}

/** Longer paths than usual need another form. */
function toNamespacedPath(path: PathName): PathName {
  return typeof path === 'string' ? win32.toNamespacedPath(path) : path;
}

/** The names of attributes, each of which ends with a null. */
function namesIn(list: Buffer | undefined): PathName[] {
  const names: PathName[] = [];
  for (let start = 0; list !== undefined && start < list.length;) {
    const end = list.indexOf(0, start);
    names.push(fromBytes(list.subarray(start, end)));
    start = end + 1;
  }
  return names;
}

let names: Map<number, [string, string]> | undefined;

/** The number that Node gives to an error of the system, its name, and the words for it. */
function described(errno: number): [number: number, code: string, words: string] {
  // The map is made anew at each call.
  names ??= process.getBuiltinModule('node:util').getSystemErrorMap();
  const known = process.platform === 'win32' ? numberOf(errno) : -errno;
  return [known, ...(names.get(known) ?? ([`Unknown system error ${known}`, 'unknown error'] as const))];
}

/** On Windows Node has numbers of its own. */
function numberOf(errno: number): number {
  const all = Object.entries(process.getBuiltinModule('node:os').constants.errno);
  const code = all.find(([, value]) => value === errno)?.[0];
  return [...(names as Map<number, [string, string]>)].find(([, [name]]) => name === code)?.[0] ?? -errno;
}

/** An error like those of `node:fs`. */
const systemError = withoutStack((errno: number, [name, first, second]: Link): Error => {
  const [number, code, words] = described(errno);
  const syscall = shownAs[name] ?? name;
  // As in Node's errors, paths are text whatever they were given as.
  const path = typeof first === 'number' ? undefined : first.toString();
  const dest =
    path !== undefined && typeof second !== 'number' ? (second as PathName | undefined)?.toString() : undefined;
  const where = path === undefined ? '' : ` '${path}'`;
  const to = dest === undefined ? '' : ` -> '${dest}'`;
  const error: NodeJS.ErrnoException & { dest?: string } = new Error(`${code}: ${words}, ${syscall}${where}${to}`);
  error.errno = number;
  error.code = code;
  error.syscall = syscall;
  if (path !== undefined) error.path = path;
  if (dest !== undefined) error.dest = dest;
  return error;
});
