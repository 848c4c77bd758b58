/**
 * The port: every system call of the protocol.
 *
 * The protocol names its calls, and a driver makes them. In an asynchronous call the steps yield a description of each
 * call; `async-driver.ts` makes it with a callback and hands its result or error back into the generator. In a
 * synchronous call (`node-calls.ts`) each call is made where it is requested. The tests have drivers of their own, with
 * a simulated filesystem. So there is one protocol, and every call of it can be made to fail.
 */
import { constants } from 'node:fs';
import { codeOf, type PathName } from '../contract/index.ts';
import type { LockOwner } from './lock-owner.ts';
import type { Mount } from './mounts.ts';
import type { Sign, TokenKind } from './owner.ts';

/** The result of stat(2). Device and inode numbers are bigints, since some do not fit a double. */
export interface FileStatus {
  readonly dev: bigint;
  readonly ino: bigint;
  /** Type and permission bits. */
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  /** The creation time; arbitrary where that is not known. */
  readonly birthtimeNs: bigint;
  /** The attributes that statx(2) shows, where the native part reads them. */
  readonly attributes?: number;
}

/** The last change of a file's content or metadata, in nanoseconds since the epoch. */
export function lastChange({ mtimeNs, ctimeNs }: FileStatus): bigint {
  return mtimeNs > ctimeNs ? mtimeNs : ctimeNs;
}

const { S_IFMT, S_IFREG, S_IFDIR, S_IFLNK } = constants;

export type FileType = 'file' | 'directory' | 'link' | 'special';

export function fileType(mode: number): FileType {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return 'file';
    case S_IFDIR:
      return 'directory';
    case S_IFLNK:
      return 'link';
    default:
      return 'special';
  }
}

/** The calls that reach the system, with the names and arguments of the system calls behind them. */
export interface System {
  open(path: PathName, flags: number, mode: number): number;
  close(fd: number): void;
  /** Reads at a position; returns the number of bytes, 0 at the end. */
  read(fd: number, into: Uint8Array, position: number): number;
  /** Writes at the current position, possibly fewer bytes than given; returns how many. */
  write(fd: number, bytes: Uint8Array): number;
  /** Writes several buffers in order at the current position, possibly not all; returns how many bytes. */
  writev(fd: number, buffers: readonly Uint8Array[]): number;
  ftruncate(fd: number, length: number): void;
  fsync(fd: number): void;
  /** Syncs the content, and only the metadata that is needed to read it. */
  fdatasync(fd: number): void;
  /** Syncs the whole filesystem of an open directory (syncfs(2)); fails with ENOSYS where Node is alone. */
  syncfs(fd: number): void;
  /** Syncs a directory by its path, on Windows; fails with ENOSYS where Node is alone. */
  syncDirectory(path: PathName): void;
  fstat(fd: number): FileStatus;
  lstat(path: PathName): FileStatus;
  stat(path: PathName): FileStatus;
  /** The number of the filesystem's type (statfs(2)). */
  statfs(path: PathName): number;
  /** Fails if this process may not use the file in a way (access(2)); it asks for the real user, as the kernel does. */
  access(path: PathName, mode: number): void;
  readlink(path: PathName): PathName;
  readdir(path: PathName): PathName[];
  mkdir(path: PathName, mode: number): void;
  /** Removes an empty directory. */
  rmdir(path: PathName): void;
  rename(from: PathName, to: PathName): void;
  /** Makes a symbolic link. */
  symlink(target: PathName, path: PathName): void;
  /** Renames, unless the new name exists (renameat2(2) with RENAME_NOREPLACE); fails with ENOSYS where Node is alone. */
  renameNew(from: PathName, to: PathName): void;
  /** Swaps two names atomically (renameat2(2) with RENAME_EXCHANGE); fails with ENOSYS where Node is alone. */
  exchange(one: PathName, other: PathName): void;
  link(existing: PathName, added: PathName): void;
  /** Gives an open file a name (linkat(2)); fails with ENOSYS where Node is alone. */
  linkOpen(fd: number, added: PathName): void;
  unlink(path: PathName): void;
  fchown(fd: number, uid: number, gid: number): void;
  fchmod(fd: number, mode: number): void;
  /** Used only where the runtime's permission model refuses fchmod. */
  chmod(path: PathName, mode: number): void;
  /** Nanoseconds since the epoch; Node sets them exactly to microseconds. */
  futimes(fd: number, atimeNs: bigint, mtimeNs: bigint): void;
  /** The names of an open file's extended attributes; this and the next three fail with ENOSYS where Node is alone. */
  listxattr(fd: number): PathName[];
  getxattr(fd: number, name: PathName): Uint8Array;
  setxattr(fd: number, name: PathName, value: Uint8Array): void;
  removexattr(fd: number, name: PathName): void;
  /** The flags of an open file's inode (ioctl_iflags(2)); these five fail with ENOSYS where Node is alone. */
  getflags(fd: number): number;
  setflags(fd: number, flags: number): void;
  /** The project of an open file, which quotas count by (ioctl_xfs_fsgetxattr(2)), and the flags beside it. */
  getproject(fd: number): number;
  getxflags(fd: number): number;
  setproject(fd: number, project: number, xflags: number): void;
  /** Waits; the duration is in milliseconds. */
  sleep(duration: number): void;
  /**
   * Waits likewise. In an asynchronous call it ends early when the directory's entries or its own name change, if the
   * system reports that.
   */
  sleepUntilChange(directory: PathName, duration: number): Change;
}

/** The callback of a call, which receives its error or its value. */
export type Done<T> = (error: unknown, value?: T) => void;

/** What is known of a directory after a wait for its change. */
export type Change = 'changed' | 'none' | 'unknown';

/**
 * The state that a process, or one of its threads, keeps between calls. Each part is created at its first use. All
 * parts are in one object, so that a test can run several processes in one.
 */
export class ProcessState {
  readonly #parts = new Map<new () => unknown, unknown>();

  of<T>(part: new () => T): T {
    let found = this.#parts.get(part) as T | undefined;
    if (found === undefined) this.#parts.set(part, (found = new part()));
    return found;
  }
}

/** The functions of the environment that the protocol calls directly: they never wait and never fail. */
export interface Environment {
  readonly platform: NodeJS.Platform;
  /** Whether the runtime's permission model refuses calls on descriptors (fsync, fchmod). */
  readonly descriptorsRestricted: boolean;
  /** Whether an open file without a name can be given one. */
  readonly namesOpenFiles: boolean;
  /** Whether a whole filesystem can be synced, and reports all errors then: since Linux 5.8. */
  readonly syncsFilesystems: boolean;
  /** The effective user, if there is one. */
  readonly uid: number | undefined;
  /** Whether an ID from stat(2) stands for all IDs that are not mapped here (user_namespaces(7)). */
  isUnmapped(kind: 'uid' | 'gid', id: number): boolean;
  /** Whether an overlay may drop every sync: see `mounts.ts`. */
  isVolatile(dev: bigint): boolean;
  /** The mount that an open directory was reached through, if the system tells that. */
  mountOf(fd: number): Mount | undefined;
  /** The number of that mount, likewise; the same for all where a directory has one mount only. */
  mountIdOf(fd: number): string | undefined;
  /** Tells the program, as a warning of its process; once about each thing. */
  warnOnce(code: string, message: string, about: string): void;
  /** Whether a filesystem of the types ext2 to ext4 is known to have a journal. */
  hasJournal(dev: bigint): boolean;
  /** Whether a filesystem may be mounted with quotas for projects. */
  hasProjects(dev: bigint): boolean;
  /** The permission bits that a new file does not get. */
  umask(): number;
  /** A path that leads to an open directory even after it is renamed; its own path where there is none. */
  accessPath(directory: number, path: PathName): PathName;
  /** Closes a descriptor whose close has nothing to report: here, or in another thread if that may take long. */
  release(fd: number, where: 'here' | 'elsewhere' | 'quicker'): void;
  /** Calls back soon, after the work that this process has at hand. */
  soon(callback: () => void): void;
  /** Returns a new token for a temporary file's name. */
  token(kind: TokenKind): string;
  /** Registers something to be removed when the process ends, with all paths that it may have then. */
  guard(kind: 'file' | 'lock entry' | 'directory' | 'lock', ...paths: PathName[]): Guard;
  /**
   * Performs steps synchronously when the process ends, after its temporary files are removed and while it holds its
   * locks. The function that it returns cancels that.
   */
  atEnd(steps: () => Steps<unknown>): () => void;
  /** Repeats steps from time to time until they succeed. That does not keep the process alive. */
  insist(steps: () => Steps<boolean>): void;
  /**
   * The locks that this thread is taking or holds, and those that it could not release. The key is the random part of a
   * lock's name.
   */
  readonly locks: Map<string, 'held' | 'given up'>;
  /** What this thread keeps between its calls. */
  readonly state: ProcessState;
  /** A new name for a lock's entry; the lease is in milliseconds. */
  lockToken(lease: number): string;
  /**
   * Whether the owner of a lock is alive. `lastChangeNs` is the last change of its entry; `exclusive` says that only
   * one kernel can have the filesystem mounted.
   */
  judge(owner: LockOwner, lastChangeNs: bigint, exclusive: boolean): Sign;
  /** Updates the times of a lock's entry at an interval, until the function that it returns is called. */
  showLife(entry: PathName, interval: number): () => void;
  /** The directories for copies that cannot be beside their file, the best first. */
  stateDirectories(): PathName[];
}

/** A registered removal at the end of the process. */
export interface Guard {
  /** Reports that the file exists. */
  opened(): void;
  /** Reports that the file is gone, or is to stay. */
  release(): void;
}

/** A wait for another part of this process: subscribes, and returns how to stop waiting. */
export type Subscribe<T> = (wake: (value: T) => void, fail: (error: unknown) => void) => void | (() => void);

export type SystemCall = {
  [K in keyof System]: { readonly name: K; readonly args: Parameters<System[K]> };
}[keyof System];

/**
 * Calls without a decision in between: each is made if the one before has succeeded. With the native part of the package
 * they take one trip to another thread; otherwise the drivers make them one by one.
 */
export interface Chain {
  readonly name: 'chain';
  readonly links: readonly Link[];
}

/** A call of a chain: `['open', path, flags, mode]`. */
export type Link = { [K in keyof System]: readonly [K, ...Parameters<System[K]>] }[keyof System];

/** The outcome of a chain: the results of its links, and the error of the one that failed. */
export interface Chained {
  readonly results: unknown[];
  error?: unknown;
}

/** Stands for the descriptor that the latest `open` of the same chain has returned. */
export const opened = -1;

export type Request =
  | SystemCall
  | Chain
  | { readonly name: 'wait'; readonly subscribe: Subscribe<unknown> }
  | { readonly name: 'uninterrupted'; readonly steps: Steps<unknown> }
  | { readonly name: 'concurrently'; readonly steps: readonly Steps<unknown>[] };

/** A part of the protocol: yields requests and receives their results. */
// oxlint-disable-next-line typescript/no-explicit-any -- the result of a yield depends on the request; perform() restores its type
export type Steps<T> = Generator<Request, T, any>;

type Calls = { readonly [K in keyof System]: (...args: Parameters<System[K]>) => Steps<ReturnType<System[K]>> };

const names: readonly (keyof System)[] = [
  'open',
  'close',
  'read',
  'write',
  'writev',
  'ftruncate',
  'fsync',
  'fdatasync',
  'syncfs',
  'syncDirectory',
  'fstat',
  'lstat',
  'stat',
  'statfs',
  'access',
  'readlink',
  'readdir',
  'mkdir',
  'rmdir',
  'rename',
  'symlink',
  'renameNew',
  'exchange',
  'link',
  'linkOpen',
  'unlink',
  'fchown',
  'fchmod',
  'chmod',
  'futimes',
  'listxattr',
  'getxattr',
  'setxattr',
  'removexattr',
  'getflags',
  'setflags',
  'getproject',
  'getxflags',
  'setproject',
  'sleep',
  'sleepUntilChange',
];

/** Calls that are made at once, and perhaps whole chains of them; `chain` throws if it makes none of its calls. */
export interface SyncSystem extends System {
  readonly chain?: (links: readonly Link[]) => Chained;
}

/** Performs steps. */
export interface Runner {
  /** Makes calls where they are requested, if the runner blocks. */
  readonly blocking: SyncSystem | undefined;
  /** Makes the calls of uninterrupted steps, if the runner does not block. */
  readonly uninterrupted: SyncSystem | undefined;
  /** How many `whenDescriptorsAllow` the current steps are in: those close what they have open before they wait. */
  closesFirst: number;
  /** What ends a wait for a descriptor, once that is known. */
  signal?: AbortSignal | undefined;
}

/** The runner of the current steps. */
let runner: Runner | undefined;

/** Whether that runner blocks, so that it cannot wait for another part of this process. */
export function isSynchronous(): boolean {
  return runner?.blocking !== undefined;
}

/** The runner of the current steps, if it does not block. */
export function asyncRunner(): Runner | undefined {
  return runner?.blocking === undefined ? runner : undefined;
}

/**
 * Resumes steps with the outcome of their last request, until they yield the next one. A blocking driver makes calls
 * where they are requested: handing each call up through ten functions and its result down again took a fifth of a
 * synchronous write. The outer runner is restored, since a caller's callback may begin steps of another driver.
 */
export function resumeSteps<T>(
  steps: Steps<T>,
  failed: boolean,
  outcome: unknown,
  by: Runner,
): IteratorResult<Request, T> {
  const outer = runner;
  runner = by;
  try {
    return failed ? steps.throw(outcome) : steps.next(outcome);
  } finally {
    runner = outer;
  }
}

/** Performs steps to their end, synchronously. */
export function finish<T>(steps: Steps<T>, system: SyncSystem): T {
  const by = { blocking: system, uninterrupted: undefined, closesFirst: 0 };
  const { done, value } = resumeSteps(steps, false, undefined, by);
  if (done !== true) throw new Error('A synchronous call cannot wait for another part of its own process');
  return value;
}

function* perform(name: keyof System, args: unknown[]): Steps<unknown> {
  const blocking = runner?.blocking;
  if (blocking !== undefined) return (blocking[name] as (...args: unknown[]) => unknown)(...args);
  return yield { name, args } as SystemCall;
}

/** The system calls as steps: `const fd = yield* call.open(path, flags, mode)`. */
export const call: Calls = Object.fromEntries(
  names.map((name) => [name, (...args: unknown[]) => perform(name, args)]),
) as unknown as Calls;

/** Makes calls one after the other, up to the first that fails. */
export function* chain(links: readonly Link[]): Steps<Chained> {
  const blocking = runner?.blocking;
  if (blocking === undefined) return yield { name: 'chain', links };
  if (blocking.chain !== undefined) {
    try {
      return blocking.chain(links);
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
  }
  return inOrder(links, blocking);
}

/** Whether the native part refused a chain, as for memory that can be resized: it has made no call. */
export function isRefusal(error: unknown): boolean {
  return codeOf(error) === 'ERR_INVALID_ARG_TYPE';
}

function inOrder(links: readonly Link[], system: System): Chained {
  const results: unknown[] = [];
  let latest: unknown;
  try {
    for (const one of links) {
      // No call has more than three arguments. Copying them for each call took longer than the cheapest calls.
      const first = one[1] === opened ? latest : one[1];
      const result = (system[one[0]] as (...args: unknown[]) => unknown)(first, one[2], one[3]);
      results.push(result);
      if (one[0] === 'open') latest = result;
    }
  } catch (error) {
    return { results, error };
  }
  return { results };
}

/** Which link opens a file, if the links before it change nothing, so that the chain can be repeated; otherwise -1. */
export function opensFirst(links: readonly Link[]): number {
  const first = links.findIndex(([name]) => name !== 'stat' && name !== 'lstat');
  return links[first]?.[0] === 'open' ? first : -1;
}

/** The arguments of the next call of a chain. */
export function argsOf(links: readonly Link[], { results }: Chained): unknown[] {
  const args: unknown[] = (links[results.length] as Link).slice(1);
  if (args[0] === opened) args[0] = results.findLast((_, index) => (links[index] as Link)[0] === 'open');
  return args;
}

/** Waits for another part of this process. Only asynchronous calls may wait. */
export function* wait<T>(subscribe: Subscribe<T>): Steps<T> {
  return yield { name: 'wait', subscribe: subscribe as Subscribe<unknown> };
}

/**
 * Performs steps that do not depend on each other: concurrently in an asynchronous call. All have ended when it
 * returns. If some failed, it throws the error of the first of them.
 */
export function* concurrently<const T extends readonly unknown[]>(...steps: { [K in keyof T]: Steps<T[K]> }): Steps<T> {
  return runner?.blocking === undefined
    ? yield { name: 'concurrently', steps: steps as readonly Steps<unknown>[] }
    : ((yield* inTurn(steps)) as unknown as T);
}

/**
 * Performs independent steps in turn, which is one of their possible orders; returns all values, or throws the first
 * error.
 */
export function* inTurn(all: readonly Steps<unknown>[]): Steps<unknown[]> {
  const parts: Settled[] = [];
  for (const steps of all) {
    try {
      parts.push({ value: yield* steps });
    } catch (error) {
      parts.push({ error });
    }
  }
  return allOf(parts);
}

/** How one of several parts ended. */
export type Settled = { readonly value: unknown } | { readonly error: unknown };

/** The values of all parts, or the error of the first that failed. */
export function allOf(parts: readonly Settled[]): unknown[] {
  return parts.map((part) => {
    if ('error' in part) throw part.error;
    return part.value;
  });
}

/** Steps that do nothing. */
export function* nothing(): Steps<undefined> {}

/** Performs steps synchronously, even in an asynchronous call: nothing else of this process comes between. */
export function* uninterrupted<T>(steps: Steps<T>): Steps<T> {
  if (runner?.blocking !== undefined) return yield* steps;
  const by = runner?.uninterrupted;
  return by === undefined ? yield { name: 'uninterrupted', steps } : finish(steps, by);
}
