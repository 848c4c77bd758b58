/** How each call of the port is made with `node:fs`, both synchronously and with a callback. */
import * as fs from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { bare, fromBytes, refusal } from '../contract/index.ts';
import { nextTick, setTimeout } from './globals.ts';
import type { Chained, Done, FileStatus, Link, SyncSystem, System } from './port.ts';
import { waitForChange } from './watch.ts';

export type AsyncSystem = {
  readonly [K in keyof System]: (...args: [...Parameters<System[K]>, Done<ReturnType<System[K]>>]) => void;
} & {
  /** Makes a whole chain in one trip to another thread; throws if it makes none of its calls. */
  readonly chain?: ((links: readonly Link[], done: (outcome: Chained) => void) => void) | undefined;
};

function status(stats: BigIntStats): FileStatus {
  return {
    dev: stats.dev,
    ino: stats.ino,
    mode: Number(stats.mode),
    nlink: Number(stats.nlink),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    size: Number(stats.size),
    atimeNs: stats.atimeNs,
    mtimeNs: stats.mtimeNs,
    ctimeNs: stats.ctimeNs,
    birthtimeNs: stats.birthtimeNs,
  };
}

const bigint = bare({ bigint: true });
const asBuffer = bare({ encoding: 'buffer' });

/**
 * A call that often finds nothing: its error gets no stack, which would take ten times as long as the call. An error
 * that is shown has a stack, and has this error as its cause.
 */
export function withoutStack<A extends unknown[], T>(perform: (...args: A) => T): (...args: A) => T {
  return (...args) => {
    const limit: unknown = Error.stackTraceLimit;
    // A program may have frozen it.
    Reflect.set(Error, 'stackTraceLimit', 0);
    try {
      return perform(...args);
    } finally {
      Reflect.set(Error, 'stackTraceLimit', limit);
    }
  };
}

/** Calls that only the native part of the package can make. */
const notOfNode = [
  'syncfs',
  'syncDirectory',
  'renameNew',
  'exchange',
  'linkOpen',
  'listxattr',
  'getxattr',
  'setxattr',
  'removexattr',
  'getflags',
  'setflags',
  'getproject',
  'getxflags',
  'setproject',
] as const satisfies readonly (keyof System)[];

export const nativeOnly: readonly (keyof System)[] = notOfNode;

function everyOne<T>(fails: T): Record<(typeof notOfNode)[number], T> {
  return Object.fromEntries(notOfNode.map((name) => [name, fails])) as Record<(typeof notOfNode)[number], T>;
}

function notHere(): never {
  throw refusal('ENOSYS', 'this call needs the native part of the package');
}

function notHereLater(...args: unknown[]): void {
  const done = args.at(-1) as Done<never>;
  done(refusal('ENOSYS', 'this call needs the native part of the package'));
}

export const nodeSync: SyncSystem = {
  open: withoutStack(fs.openSync),
  close: fs.closeSync,
  read: (fd, into, position) => fs.readSync(fd, into, 0, into.byteLength, position),
  write: (fd, bytes) => fs.writeSync(fd, bytes, 0, bytes.byteLength, null),
  writev: (fd, buffers) => fs.writevSync(fd, buffers),
  ftruncate: fs.ftruncateSync,
  fsync: fs.fsyncSync,
  fdatasync: fs.fdatasyncSync,
  ...everyOne(notHere),
  fstat: (fd) => status(fs.fstatSync(fd, bigint)),
  lstat: withoutStack((path) => status(fs.lstatSync(path, bigint))),
  stat: withoutStack((path) => status(fs.statSync(path, bigint))),
  statfs: (path) => fs.statfsSync(path).type,
  access: (path, mode) => fs.accessSync(path, mode),
  readlink: (path) => fromBytes(fs.readlinkSync(path, asBuffer)),
  readdir: (path) => fs.readdirSync(path, asBuffer).map(fromBytes),
  mkdir: (path, mode) => void fs.mkdirSync(path, mode),
  rmdir: (path) => fs.rmdirSync(path),
  rename: fs.renameSync,
  symlink: (target, path) => fs.symlinkSync(target, path),
  link: fs.linkSync,
  unlink: fs.unlinkSync,
  fchown: fs.fchownSync,
  fchmod: fs.fchmodSync,
  chmod: fs.chmodSync,
  futimes: (fd, atimeNs, mtimeNs) => fs.futimesSync(fd, secondsOf(atimeNs), secondsOf(mtimeNs)),
  sleep,
  sleepUntilChange: (_, duration) => {
    sleep(duration);
    return 'unknown';
  },
};

function sleep(duration: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, duration);
}

/**
 * Passes a promise's result to a callback, outside of the promise, so that an error of the callback is not swallowed.
 */
export function later<T>(promise: Promise<T>, done: Done<T>): void {
  promise.then(
    (value) => nextTick(done, null, value),
    (error: unknown) => nextTick(done, error),
  );
}

function statusDone(done: Done<FileStatus>): (error: Error | null, stats: BigIntStats) => void {
  return (error, stats) => {
    if (error) done(error);
    else done(null, status(stats));
  };
}

export const nodeAsync: AsyncSystem = {
  open: fs.open,
  close: (fd, done) => fs.close(fd, done as Done<undefined>),
  read: (fd, into, position, done) => fs.read(fd, into, 0, into.byteLength, position, done),
  write: (fd, bytes, done) => fs.write(fd, bytes, 0, bytes.byteLength, null, done),
  writev: (fd, buffers, done) => fs.writev(fd, buffers, done),
  ftruncate: (fd, length, done) => fs.ftruncate(fd, length, done as Done<undefined>),
  fsync: (fd, done) => fs.fsync(fd, done as Done<undefined>),
  fdatasync: (fd, done) => fs.fdatasync(fd, done as Done<undefined>),
  ...everyOne(notHereLater),
  fstat: (fd, done) => fs.fstat(fd, bigint, statusDone(done)),
  lstat: (path, done) => fs.lstat(path, bigint, statusDone(done)),
  stat: (path, done) => fs.stat(path, bigint, statusDone(done)),
  statfs: (path, done) => fs.statfs(path, (error, stats) => (error ? done(error) : done(null, stats.type))),
  access: (path, mode, done) => fs.access(path, mode, done as Done<undefined>),
  readlink: (path, done) =>
    fs.readlink(path, asBuffer, (error, link) => (error ? done(error) : done(null, fromBytes(link)))),
  readdir: (path, done) =>
    fs.readdir(path, asBuffer, (error, found) => (error ? done(error) : done(null, found.map(fromBytes)))),
  mkdir: (path, mode, done) => fs.mkdir(path, mode, done as Done<undefined>),
  rmdir: (path, done) => fs.rmdir(path, done as Done<undefined>),
  rename: (from, to, done) => fs.rename(from, to, done as Done<undefined>),
  symlink: (target, path, done) => fs.symlink(target, path, done as Done<undefined>),
  link: (existing, added, done) => fs.link(existing, added, done as Done<undefined>),
  unlink: (path, done) => fs.unlink(path, done as Done<undefined>),
  fchown: (fd, uid, gid, done) => fs.fchown(fd, uid, gid, done as Done<undefined>),
  fchmod: (fd, mode, done) => fs.fchmod(fd, mode, done as Done<undefined>),
  chmod: (path, mode, done) => fs.chmod(path, mode, done as Done<undefined>),
  futimes: (fd, atimeNs, mtimeNs, done) =>
    fs.futimes(fd, secondsOf(atimeNs), secondsOf(mtimeNs), done as Done<undefined>),
  sleep: (duration, done) => void setTimeout(done, duration, null),
  sleepUntilChange: waitForChange,
};

/**
 * Seconds as the nearest double that is not less than the microsecond: libuv truncates to microseconds, newer versions
 * to nanoseconds, and both yield the right microsecond.
 */
function secondsOf(nanoseconds: bigint): number {
  // Node sets the current time for a negative number.
  if (nanoseconds < 0n) throw refusal('EINVAL', 'Node cannot set times before 1970');
  const microseconds = nanoseconds / 1000n;
  const nearest = Number(microseconds) / 1e6;
  // Both sides are multiplied by 2^80, which makes every double from a microsecond on a whole number.
  const isLess = BigInt(nearest * 2 ** 80) * 1_000_000n < microseconds * 2n ** 80n;
  // Adding half of the last place, or a little more, rounds up to the next double.
  return isLess ? nearest + nearest * 2 ** -53 : nearest;
}
