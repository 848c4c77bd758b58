/** The calls of the port on a simulated disk, for one process that runs as root with the umask 022. */
import { constants } from 'node:fs';
import type { FileStatus, System } from '#untorn/system/port.js';
import type { Disk } from './disk.ts';
import { root, type Inode } from './tree.ts';

const { O_CREAT, O_EXCL, O_DIRECTORY, O_NOFOLLOW, O_SYNC, S_IFREG, S_IFDIR, S_IFLNK } = constants;
const typeBits = { file: S_IFREG, directory: S_IFDIR, link: S_IFLNK } as const;

export const umask = 0o022;
/** Linux has it, and Node does not name it. */
const O_PATH = 0o10000000;
const O_TMPFILE = 0o20000000;
/** A disk writes no more than this in one call, so that a content takes several. */
const fewBytes = 3;

interface Descriptor {
  readonly inode: Inode;
  /** Whether it was opened with O_SYNC. */
  readonly syncs: boolean;
  position: number;
}

/** What is special about some paths. */
export interface Traits {
  /** A file that is mounted by itself: no rename over it. */
  readonly mounted?: string | undefined;
  /** A directory in which no names may be changed. */
  readonly readOnly?: string | undefined;
  /**
   * Whether a directory that is renamed to one with entries is put together with it, as on some unions of filesystems.
   */
  readonly merges?: boolean | undefined;
  /** Whether a file can be made without a name. */
  readonly nameless?: boolean | undefined;
}

/** Without a stack, which would take longer than all the rest. */
function fail(code: string, what: string): never {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  const error = Object.assign(new Error(`${code}: ${what}`), { code });
  Error.stackTraceLimit = limit;
  throw error;
}

export function systemOf(
  disk: Disk,
  traits: Traits = {},
  bytesPerWrite = fewBytes,
): System & { readonly descriptors: ReadonlyMap<number, unknown> } {
  const descriptors = new Map<number, Descriptor>();
  let lastDescriptor = 2;

  /** The directory of the last name of a path, and that name. */
  function locate(path: string | Buffer, from = root): { directory: number; name: string } {
    const names = String(path)
      .split('/')
      .filter((part) => part !== '' && part !== '.');
    let at = String(path).startsWith('/') ? root : from;
    if (names[0] === 'proc') {
      at = opened(Number(names[3])).inode.ino;
      names.splice(0, 4);
    }
    const name = names.pop() ?? '.';
    for (const part of names) at = follow({ directory: at, name: part }).ino;
    return { directory: at, name };
  }

  function entryAt({ directory, name }: { directory: number; name: string }): Inode {
    return name === '.'
      ? disk.inode(directory)
      : disk.inode(disk.inode(directory).entries.get(name) ?? fail('ENOENT', name));
  }

  /** What a name leads to, through links. */
  function follow(place: { directory: number; name: string }): Inode {
    const inode = entryAt(place);
    return inode.type === 'link' ? follow(locate(inode.data, place.directory)) : inode;
  }

  function lookUp(path: string | Buffer): Inode {
    return entryAt(locate(path));
  }

  function opened(fd: number): Descriptor {
    return descriptors.get(fd) ?? fail('EBADF', String(fd));
  }

  function isSame(path: string | undefined, directory: number, name?: string): boolean {
    if (path === undefined) return false;
    const place = name === undefined ? { directory: lookUp(path).ino, name } : locate(path);
    return place.directory === directory && place.name === name;
  }

  /** A place for a name to be changed at. */
  function writable(path: string | Buffer): { directory: number; name: string } {
    const place = locate(path);
    if (isSame(traits.readOnly, place.directory)) fail('EACCES', String(path));
    return place;
  }

  function added(path: string | Buffer, inode: () => number): void {
    const place = writable(path);
    // One that was removed and is still open.
    if (place.directory !== root && disk.linksTo(place.directory) === 0) fail('ENOENT', String(path));
    if (disk.inode(place.directory).entries.has(place.name)) fail('EEXIST', String(path));
    disk.setEntries([{ ...place, ino: inode() }]);
  }

  function status({ ino, type, mode, uid, gid, data }: Inode): FileStatus {
    const times = { atimeNs: 0n, mtimeNs: 0n, ctimeNs: 0n, birthtimeNs: 0n };
    return {
      dev: 1n,
      ino: BigInt(ino),
      mode: typeBits[type] | mode,
      nlink: disk.linksTo(ino),
      uid,
      gid,
      size: data.length,
      ...times,
    };
  }

  return {
    descriptors,
    open(path, flags, mode) {
      if ((flags & O_CREAT) !== 0) {
        if ((flags & O_EXCL) === 0) fail('EINVAL', 'the model creates new files only');
        added(path, () => disk.create('file', mode & ~umask, 0, 0).ino);
      }
      if ((flags & O_TMPFILE) !== 0) {
        if (traits.nameless !== true) fail('EOPNOTSUPP', String(path));
        if (disk.linksTo(follow(locate(path)).ino) === 0) fail('ENOENT', String(path));
        descriptors.set(++lastDescriptor, {
          inode: disk.create('file', mode & ~umask, 0, 0),
          syncs: false,
          position: 0,
        });
        return lastDescriptor;
      }
      let inode = lookUp(path);
      if (inode.type === 'link' && (flags & O_PATH) === 0)
        inode = (flags & O_NOFOLLOW) === 0 ? follow(locate(path)) : fail('ELOOP', String(path));
      if ((flags & O_DIRECTORY) !== 0 && inode.type !== 'directory') fail('ENOTDIR', String(path));
      descriptors.set(++lastDescriptor, {
        inode,
        syncs: O_SYNC !== undefined && (flags & O_SYNC) === O_SYNC,
        position: 0,
      });
      return lastDescriptor;
    },
    close: (fd) => void (descriptors.delete(fd) || fail('EBADF', String(fd))),
    read: (fd, into, position) => Buffer.from(opened(fd).inode.data.slice(position), 'latin1').copy(into),
    write(fd, bytes) {
      const file = opened(fd);
      const text = Buffer.from(bytes.subarray(0, bytesPerWrite)).toString('latin1');
      disk.write(file.inode.ino, file.position, text);
      file.position += text.length;
      if (file.syncs) disk.sync(file.inode.ino);
      return text.length;
    },
    writev: () => fail('ENOSYS', 'writev'),
    ftruncate: (fd, length) => disk.truncate(opened(fd).inode.ino, length),
    fsync: (fd) => disk.sync(opened(fd).inode.ino),
    syncfs: () => fail('ENOSYS', 'syncfs'),
    syncDirectory: () => fail('ENOSYS', 'syncDirectory'),
    fdatasync: () => fail('ENOSYS', 'fdatasync'),
    fstat: (fd) => status(opened(fd).inode),
    lstat: (path) => status(lookUp(path)),
    stat: (path) => status(follow(locate(path))),
    // ext4, so that the steps are those for a filesystem of the machine's own.
    statfs: () => 0xef53,
    access: (path) => void lookUp(path),
    readlink: (path) => lookUp(path).data,
    readdir: (path) => [...follow(locate(path)).entries.keys()],
    mkdir: (path, mode) => added(path, () => disk.create('directory', mode & ~umask, 0, 0).ino),
    rmdir(path) {
      if (lookUp(path).entries.size > 0) fail('ENOTEMPTY', String(path));
      disk.setEntries([{ ...writable(path), ino: undefined }]);
    },
    rename(from, to) {
      const source = writable(from);
      const target = writable(to);
      const { ino, type } = lookUp(from);
      const replaced = disk.inode(target.directory).entries.get(target.name);
      const isOver = replaced === undefined ? type : disk.inode(replaced).type;
      if ((isOver === 'directory') !== (type === 'directory'))
        fail(isOver === 'directory' ? 'EISDIR' : 'ENOTDIR', String(to));
      if (target.directory !== root && disk.linksTo(target.directory) === 0) fail('ENOENT', String(to));
      if (type === 'directory' && replaced !== undefined && disk.inode(replaced).entries.size > 0) {
        if (traits.merges !== true) fail('ENOTEMPTY', String(to));
        const moved = [...disk.inode(ino).entries].map(([name, inner]) => ({ directory: replaced, name, ino: inner }));
        disk.setEntries([...moved, { ...source, ino: undefined }]);
        return;
      }
      if (isSame(traits.mounted, target.directory, target.name)) fail('EBUSY', String(to));
      if (disk.inode(target.directory).entries.get(target.name) === ino) return; // rename(2): does nothing.
      disk.setEntries([
        { ...target, ino },
        { ...source, ino: undefined },
      ]);
    },
    symlink: (target, path) => added(path, () => disk.create('link', 0o777, 0, 0, String(target)).ino),
    renameNew: () => fail('ENOSYS', 'renameNew'),
    exchange(one, other) {
      const [ino, second] = [lookUp(one).ino, lookUp(other).ino];
      disk.setEntries([
        { ...writable(one), ino: second },
        { ...writable(other), ino },
      ]);
    },
    linkOpen: (fd, name) => added(name, () => opened(fd).inode.ino),
    link: (existing, name) => added(name, () => lookUp(existing).ino),
    unlink(path) {
      lookUp(path);
      disk.setEntries([{ ...writable(path), ino: undefined }]);
    },
    fchown(fd, uid, gid) {
      const { inode } = opened(fd);
      // chown(2) clears set-id bits.
      disk.setMetadata(inode.ino, {
        uid: uid === -1 ? inode.uid : uid,
        gid: gid === -1 ? inode.gid : gid,
        mode: inode.mode & 0o1777,
      });
    },
    fchmod: (fd, mode) => disk.setMetadata(opened(fd).inode.ino, { mode }),
    chmod: () => fail('ENOSYS', 'chmod'),
    futimes: () => undefined,
    listxattr: () => [],
    getxattr: () => fail('ENODATA', 'getxattr'),
    setxattr: () => undefined,
    removexattr: () => undefined,
    getflags: () => fail('ENOSYS', 'getflags'),
    setflags: () => fail('ENOSYS', 'setflags'),
    getproject: () => fail('ENOSYS', 'getproject'),
    getxflags: () => fail('ENOSYS', 'getxflags'),
    setproject: () => fail('ENOSYS', 'setproject'),
    sleep: () => fail('ENOSYS', 'sleep'),
    sleepUntilChange: () => fail('ENOSYS', 'sleepUntilChange'),
  };
}
