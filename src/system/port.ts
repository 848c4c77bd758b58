/**
 * The port: every call that the protocol makes of the system.
 *
 * The protocol never performs a call. It yields a description of it, and a driver performs it and hands the
 * result (or throws the error) back into the generator: `async-driver.ts` with callbacks, `sync-driver.ts` at once,
 * and the tests with a simulated filesystem. So there is one protocol, and it can be made to fail anywhere.
 */
import { constants } from 'node:fs';
import type { PathName } from '../contract/index.ts';
import type { LockOwner } from './lock-owner.ts';
import type { Sign, TokenKind } from './owner.ts';

/** What stat(2) says, with identities as bigints: device and inode numbers do not fit a double everywhere. */
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
  /** When it was made; where that is not known, any time. */
  readonly birthtimeNs: bigint;
}

/** When a file or anything about it was last changed; nanoseconds since the epoch. */
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

/** The calls that reach the system, named and shaped as the system calls behind them. */
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
  /** The content only, and what is needed to find it. */
  fdatasync(fd: number): void;
  /** All of an open directory's filesystem (syncfs(2)); fails with ENOSYS where that cannot be had. */
  syncfs(fd: number): void;
  fstat(fd: number): FileStatus;
  lstat(path: PathName): FileStatus;
  stat(path: PathName): FileStatus;
  /** The number of the filesystem's type (statfs(2)). */
  statfs(path: PathName): number;
  readlink(path: PathName): PathName;
  readdir(path: PathName): PathName[];
  mkdir(path: PathName, mode: number): void;
  /** Removes an empty directory. */
  rmdir(path: PathName): void;
  rename(from: PathName, to: PathName): void;
  /** Makes a symbolic link. */
  symlink(target: PathName, path: PathName): void;
  /**
   * Swaps two names at once, as renameat2(2) does with RENAME_EXCHANGE; fails with ENOTSUP where that cannot be had.
   */
  exchange(one: PathName, other: PathName): void;
  link(existing: PathName, added: PathName): void;
  unlink(path: PathName): void;
  fchown(fd: number, uid: number, gid: number): void;
  fchmod(fd: number, mode: number): void;
  /** Only where the runtime's permission model refuses fchmod. */
  chmod(path: PathName, mode: number): void;
  /** Seconds since the epoch; exact to microseconds. */
  futimes(fd: number, atime: number, mtime: number): void;
  /**
   * Extended attributes of the file itself, never of what a link points to; fails with ENOSYS where they cannot be had.
   */
  listxattr(path: PathName): string[];
  getxattr(path: PathName, name: string): Uint8Array | null;
  setxattr(path: PathName, name: string, value: Uint8Array): void;
  removexattr(path: PathName, name: string): void;
  /** Waits. Milliseconds. */
  sleep(duration: number): void;
  /**
   * The same, or until the entries of a directory change, or its own name, where an asynchronous call can be told of
   * that.
   */
  sleepUntilChange(directory: PathName, duration: number): Change;
}

/** How a call with a callback tells what became of it. */
export type Done<T> = (error: unknown, value?: T) => void;

/** What became known of a directory while it was waited for. */
export type Change = 'changed' | 'none' | 'unknown';

/**
 * What a process, or one thread of it, keeps between its calls: part by part, each made when it is asked for first. All
 * of it is in one object, so that a test can run several processes in one.
 */
export class ProcessState {
  readonly #parts = new Map<new () => unknown, unknown>();

  of<T>(part: new () => T): T {
    let found = this.#parts.get(part) as T | undefined;
    if (found === undefined) this.#parts.set(part, (found = new part()));
    return found;
  }
}

/** What the protocol asks of its environment that never waits and never fails. */
export interface Environment {
  readonly platform: NodeJS.Platform;
  /** Whether the runtime's permission model refuses calls on descriptors (fsync, fchmod). */
  readonly descriptorsRestricted: boolean;
  /** The effective user, where there is one. */
  readonly uid: number | undefined;
  /** Whether an owner that a look tells stands for all that cannot be told apart here. */
  isUnmapped(kind: 'uid' | 'gid', id: number): boolean;
  /** Whether an overlay may drop every sync: see `mounts.ts`. */
  isVolatile(dev: bigint): boolean;
  /** Whether a filesystem, ext2 to ext4, is known to have a journal. */
  hasJournal(dev: bigint): boolean;
  /** Bits that a new file does not get. */
  umask(): number;
  /** A path through which an open directory is reached even when it is renamed, or its own path where there is none. */
  accessPath(directory: number, path: PathName): PathName;
  /** Closes a descriptor through which nothing was written: at once, or in another thread if that may take long. */
  release(fd: number, where: 'here' | 'elsewhere' | 'quicker'): void;
  /** Calls back soon, when what is going on in this process now has gone on. */
  soon(callback: () => void): void;
  /** A new token for a temporary file's name. */
  token(kind: TokenKind): string;
  /** Puts something on the list of what is removed when the process ends, by all of the paths that it may have then. */
  guard(kind: 'file' | 'lock entry' | 'directory' | 'lock', ...paths: PathName[]): Guard;
  /**
   * Performs steps, blocking, when the process ends, after its temporary files are gone and while it has its locks;
   * returns how to take that back.
   */
  atEnd(steps: () => Steps<unknown>): () => void;
  /** Performs steps now and then until they have succeeded, for as long as the process has something else to do. */
  insist(steps: () => Steps<boolean>): void;
  /**
   * The locks of this thread that are under way or held, and those that could not be released, by their names' random
   * parts.
   */
  readonly locks: Map<string, 'held' | 'given up'>;
  /** What this thread keeps between its calls. */
  readonly state: ProcessState;
  /** A new name for a lock's entry; the lease in milliseconds. */
  lockToken(lease: number): string;
  /**
   * Whether the owner of a lock lives; its entry was last changed then, and `exclusive` says that only one kernel can
   * have its filesystem mounted.
   */
  judge(owner: LockOwner, lastChangeNs: bigint, exclusive: boolean): Sign;
  /** Changes the times of a lock's entry now and then, until the function that it returns is called. */
  showLife(entry: PathName, interval: number): () => void;
  /** Where copies go that cannot lie beside their file, best first. */
  stateDirectories(): PathName[];
}

/** A file that is removed when the process ends. */
export interface Guard {
  /** The file is known to exist. */
  opened(): void;
  /** It is gone, or to stay. */
  release(): void;
}

/** A wait for another part of this process: subscribes, and gives back how to stop waiting. */
export type Subscribe<T> = (wake: (value: T) => void, fail: (error: unknown) => void) => void | (() => void);

export type SystemCall = {
  [K in keyof System]: { readonly name: K; readonly args: Parameters<System[K]> };
}[keyof System];

/**
 * Calls that follow one another without a decision in between: each is made if the one before has succeeded. A driver
 * makes them one by one; one that can makes them in one piece.
 */
export interface Chain {
  readonly name: 'chain';
  readonly links: readonly Link[];
}

/** A call of a chain: `['open', path, flags, mode]`. */
export type Link = { [K in keyof System]: readonly [K, ...Parameters<System[K]>] }[keyof System];

/** What became of a chain: what its links gave, and the error of the one that stopped it. */
export interface Chained {
  readonly results: unknown[];
  error?: unknown;
}

/** In place of a descriptor: the one that the first link of the chain has opened. */
export const opened = -1;

export type Request =
  | SystemCall
  | Chain
  | { readonly name: 'wait'; readonly subscribe: Subscribe<unknown> }
  | { readonly name: 'uninterrupted'; readonly steps: Steps<unknown> }
  | { readonly name: 'concurrently'; readonly steps: readonly Steps<unknown>[] };

/** A part of the protocol: yields what it wants done and is given the results. */
// oxlint-disable-next-line typescript/no-explicit-any -- what a yield gives back depends on the request; perform() restores its type
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
  'fstat',
  'lstat',
  'stat',
  'statfs',
  'readlink',
  'readdir',
  'mkdir',
  'rmdir',
  'rename',
  'symlink',
  'exchange',
  'link',
  'unlink',
  'fchown',
  'fchmod',
  'chmod',
  'futimes',
  'listxattr',
  'getxattr',
  'setxattr',
  'removexattr',
  'sleep',
  'sleepUntilChange',
];

/** What performs steps. */
export interface Runner {
  /** What makes their calls where they are asked for, if it blocks. */
  readonly blocking: System | undefined;
  /** What makes the calls of uninterrupted steps, if it does not. */
  readonly uninterrupted: System | undefined;
  /** Within how many steps these are that close what they have open before they wait for a descriptor. */
  closesFirst: number;
}

/** What performs the steps that run now. */
let runner: Runner | undefined;

/** Whether that blocks, and cannot wait for another part of this process. */
export function isSynchronous(): boolean {
  return runner?.blocking !== undefined;
}

/** What performs the steps that run now, where it does not block. */
export function asyncRunner(): Runner | undefined {
  return runner?.blocking === undefined ? runner : undefined;
}

/**
 * Runs steps up to what they yield, with what became of their last request. Calls of a driver that blocks are made
 * where they are asked for: to hand each one up through ten functions and its result down again took a fifth of a
 * synchronous write. A callback of the caller's may begin steps of another driver.
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

/** Performs steps to their end, blocking. */
export function finish<T>(steps: Steps<T>, system: System): T {
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
  const results: unknown[] = [];
  try {
    // No call has more than three arguments; to copy them for each took longer than the cheapest calls.
    for (const one of links) {
      const make = blocking[one[0]] as (...args: unknown[]) => unknown;
      results.push(make(one[1] === opened ? results[0] : one[1], one[2], one[3]));
    }
  } catch (error) {
    return { results, error };
  }
  return { results };
}

/** The arguments of the next call of a chain. */
export function argsOf(one: Link, { results }: Chained): unknown[] {
  const args: unknown[] = one.slice(1);
  if (args[0] === opened) args[0] = results[0];
  return args;
}

/** Waits for another part of this process. Only asynchronous calls may. */
export function* wait<T>(subscribe: Subscribe<T>): Steps<T> {
  return yield { name: 'wait', subscribe: subscribe as Subscribe<unknown> };
}

/**
 * Performs steps that do not depend on each other, side by side in an asynchronous call. All have ended when it
 * returns; if some failed it fails with the first one's error.
 */
export function* concurrently<const T extends readonly unknown[]>(...steps: { [K in keyof T]: Steps<T[K]> }): Steps<T> {
  return runner?.blocking === undefined
    ? yield { name: 'concurrently', steps: steps as readonly Steps<unknown>[] }
    : ((yield* inTurn(steps)) as unknown as T);
}

/**
 * Parts that do not depend on each other, in one of the orders that they may have; the values of all, or the first
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

/** No steps, where there may be some. */
export function* nothing(): Steps<undefined> {}

/** Performs steps at once, blocking, also in an asynchronous call: nothing else of this process comes between. */
export function* uninterrupted<T>(steps: Steps<T>): Steps<T> {
  if (runner?.blocking !== undefined) return yield* steps;
  const by = runner?.uninterrupted;
  return by === undefined ? yield { name: 'uninterrupted', steps } : finish(steps, by);
}
