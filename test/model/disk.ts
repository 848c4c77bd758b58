/**
 * The simulated filesystem as running processes see it. Each change also goes to the listeners as effects, which
 * `persistence.ts` lets reach the disk separately, late, or never.
 *
 * An entry never reaches the disk without its inode's first state (owner, mode, empty): filesystems order that
 * themselves, or their check after a crash takes such entries away.
 */
import { root, Tree, type Inode } from './tree.ts';

export type Effect =
  | {
      readonly kind: 'data';
      readonly ino: number;
      readonly offset: number;
      readonly bytes: string;
      readonly extends: boolean;
    }
  | { readonly kind: 'size'; readonly ino: number; readonly size: number }
  | {
      readonly kind: 'metadata';
      readonly ino: number;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  | { readonly kind: 'entry'; readonly directory: number; readonly name: string; readonly ino: number | undefined };

/** Told what happens. The effects of one change come together. */
export interface Listener {
  created(inode: Inode): void;
  changed(effects: readonly Effect[]): void;
  synced(ino: number): void;
}

export class Disk {
  readonly inodes = new Map<number, Inode>();
  readonly listeners: Listener[] = [];
  /** Counts changes and syncs. */
  version = 0;
  #last = root - 1;

  constructor() {
    this.create('directory', 0o755, 0, 0);
  }

  /** A disk that holds what a crash left. */
  static from(tree: Tree): Disk {
    const disk = new Disk();
    for (const [ino, inode] of tree.inodes) {
      disk.inodes.set(ino, { ...inode, entries: new Map(inode.entries) });
      disk.#last = Math.max(disk.#last, ino);
    }
    return disk;
  }

  get tree(): Tree {
    return new Tree(this.inodes);
  }

  inode(ino: number): Inode {
    return this.inodes.get(ino) as Inode;
  }

  /** A new inode, which no name leads to yet. */
  create(type: Inode['type'], mode: number, uid: number, gid: number, data = ''): Inode {
    const inode = { ino: ++this.#last, type, mode, uid, gid, data, entries: new Map<string, number>() };
    this.inodes.set(inode.ino, inode);
    for (const listener of this.listeners) listener.created(inode);
    return inode;
  }

  /** Sets names of directories, in one change; undefined removes. */
  setEntries(changes: readonly { directory: number; name: string; ino: number | undefined }[]): void {
    for (const { directory, name, ino } of changes) {
      if (ino === undefined) this.inode(directory).entries.delete(name);
      else this.inode(directory).entries.set(name, ino);
    }
    this.#changed(changes.map((change) => ({ kind: 'entry', ...change })));
  }

  write(ino: number, offset: number, bytes: string): void {
    const inode = this.inode(ino);
    const before = inode.data.length;
    inode.data = inode.data.slice(0, offset).padEnd(offset, '\0') + bytes + inode.data.slice(offset + bytes.length);
    const longer = inode.data.length > before;
    const data = { kind: 'data', ino, offset, bytes, extends: longer } as const;
    this.#changed(longer ? [data, { kind: 'size', ino, size: inode.data.length }] : [data]);
  }

  truncate(ino: number, size: number): void {
    const inode = this.inode(ino);
    inode.data = inode.data.slice(0, size).padEnd(size, '\0');
    this.#changed([{ kind: 'size', ino, size }]);
  }

  setMetadata(ino: number, metadata: Partial<Pick<Inode, 'mode' | 'uid' | 'gid'>>): void {
    const { mode, uid, gid } = Object.assign(this.inode(ino), metadata);
    this.#changed([{ kind: 'metadata', ino, mode, uid, gid }]);
  }

  sync(ino: number): void {
    this.version++;
    for (const listener of this.listeners) listener.synced(ino);
  }

  #changed(effects: readonly Effect[]): void {
    this.version++;
    for (const listener of this.listeners) listener.changed(effects);
  }

  linksTo(ino: number): number {
    let count = 0;
    for (const { entries } of this.inodes.values()) for (const other of entries.values()) if (other === ino) count++;
    return count;
  }
}
