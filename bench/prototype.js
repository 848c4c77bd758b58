// The contender "plain callbacks": what callbacks of node:fs reach with the tricks that measured as gains, and with none
// of the care that a library needs. It keeps no mode, owner or attribute, follows no link, guards nothing, and takes no
// turns with synchronous calls. It is here to be measured, and is never shipped.
//  - A small file is opened with O_DSYNC, so that one job of the thread pool writes and syncs it.
//  - The old file is held open (O_PATH) until the promise has settled: to free its blocks holds nobody up.
//  - One sync of a directory serves all writes that renamed before it began.
//  - Nobody waits for a close, and of the calls for one path that are not awaited the newest is written.
import fs from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';

const { O_CREAT, O_DIRECTORY, O_DSYNC, O_EXCL, O_RDONLY, O_WRONLY } = fs.constants;
const O_PATH = 0o10000000;
const O_NEW = O_CREAT | O_EXCL | O_WRONLY;
const stride = 8 << 20;
const worthASync = 32 << 20;
const small = 1 << 20;
const ignore = () => undefined;

const seed = `${process.pid.toString(36)}.${Date.now().toString(36)}`;
let made = 0;
const temporaryFor = (target) => `${target}.${seed}.${(made++).toString(36)}.tmp`;
const toBytes = (data) => (typeof data === 'string' ? Buffer.from(data) : data);

let active = 0;
const directories = new Map();

function syncDirectory(folder, done) {
  let directory = directories.get(folder);
  if (directory === undefined) {
    directory = { fd: fs.openSync(folder, O_RDONLY | O_DIRECTORY), isBusy: false, next: undefined };
    directories.set(folder, directory);
  }
  if (directory.next !== undefined) {
    directory.next.push(done);
    return;
  }
  directory.next = [done];
  if (!directory.isBusy) beginSync(directory);
}

function beginSync(directory) {
  directory.isBusy = true;
  const sync = () => {
    const waiting = directory.next;
    directory.next = undefined;
    fs.fsync(directory.fd, (error) => {
      directory.isBusy = false;
      if (directory.next !== undefined) beginSync(directory);
      for (const done of waiting) done(error);
    });
  };
  if (active > 1) setImmediate(sync);
  else sync();
}

function replace(target, data, isDurable, ended) {
  active++;
  const done = (error) => {
    active--;
    ended(error);
  };
  const bytes = toBytes(data);
  const temporary = temporaryFor(target);
  const isSmall = bytes.length <= small;
  let old;
  let whenHeld;
  fs.open(target, O_PATH, (error, fd) => {
    old = error ? -1 : fd;
    whenHeld?.();
  });
  fs.open(temporary, isDurable && isSmall ? O_NEW | O_DSYNC : O_NEW, 0o666, (failed, fd) => {
    if (failed) return done(failed);
    let written = 0;
    let synced = 0;
    let isSyncing = false;
    let whenSynced;
    let failure;
    const write = (error, count) => {
      if (error) return done(error);
      written += count;
      if (written === bytes.length) {
        if (isSyncing) whenSynced = finish;
        else finish();
        return undefined;
      }
      if (!isSmall && !isSyncing && written - synced >= worthASync) {
        synced = written;
        isSyncing = true;
        fs.fdatasync(fd, (problem) => {
          failure ??= problem;
          isSyncing = false;
          whenSynced?.();
        });
      }
      return fs.write(fd, bytes, written, Math.min(stride, bytes.length - written), null, write);
    };
    const finish = () => {
      if (failure) done(failure);
      else if (isDurable && !isSmall) fs.fdatasync(fd, rename);
      else rename(null);
    };
    const rename = (error) => {
      if (error) return done(error);
      if (old === undefined) {
        whenHeld = () => rename(null);
        return undefined;
      }
      fs.close(fd, ignore);
      return fs.rename(temporary, target, (problem) => {
        const end = (last) => {
          if (old >= 0) fs.close(old, ignore);
          done(last);
        };
        if (problem || !isDurable) end(problem);
        else syncDirectory(path.dirname(target), end);
      });
    };
    return write(null, 0);
  });
}

const queues = new Map();

export function write(given, data, { durable }) {
  const target = given.charCodeAt(0) === 47 ? given : path.resolve(given);
  const queue = queues.get(target);
  if (queue !== undefined) {
    queue.data = data;
    queue.durable ||= durable;
    queue.next ??= Promise.withResolvers?.() ?? withResolvers();
    return queue.next.promise;
  }
  const own = { data: undefined, durable: false, next: undefined };
  queues.set(target, own);
  const begin = (content, isDurable, { resolve, reject }) =>
    replace(target, content, isDurable, (error) => {
      if (error) reject(error);
      else resolve();
      const { next } = own;
      if (next === undefined) {
        queues.delete(target);
        return;
      }
      const last = [own.data, own.durable];
      own.data = undefined;
      own.durable = false;
      own.next = undefined;
      begin(...last, next);
    });
  return new Promise((resolve, reject) => begin(data, durable, { resolve, reject }));
}

function withResolvers() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
}

const opened = new Map();

export function writeSync(target, data, { durable }) {
  const bytes = toBytes(data);
  const temporary = temporaryFor(target);
  const fd = fs.openSync(temporary, O_NEW);
  for (let written = 0; written < bytes.length;) written += fs.writeSync(fd, bytes, written, bytes.length - written);
  if (durable) fs.fdatasyncSync(fd);
  fs.closeSync(fd);
  const old = fs.existsSync(target) ? fs.openSync(target, O_PATH) : undefined;
  fs.renameSync(temporary, target);
  if (durable) {
    const folder = path.dirname(target);
    if (!opened.has(folder)) opened.set(folder, fs.openSync(folder, O_RDONLY));
    fs.fsyncSync(opened.get(folder));
  }
  if (old !== undefined) fs.close(old, ignore);
}

/** One sequence of calls, with nothing kept and nothing guarded. */
export async function stream(target, source, { durable }) {
  const temporary = temporaryFor(target);
  await pipeline(source, fs.createWriteStream(temporary, { flags: 'wx', flush: durable }));
  await new Promise((resolve, reject) => {
    const done = (error) => (error ? reject(error) : resolve());
    fs.rename(temporary, target, (error) => {
      if (error || !durable) done(error);
      else syncDirectory(path.dirname(target), done);
    });
  });
}

export const json = (target, value, options) => write(target, `${JSON.stringify(value)}\n`, options);
