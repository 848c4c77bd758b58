/** A tree of files: what running processes see, or what a crash left. */

export interface Inode {
  readonly ino: number;
  readonly type: 'file' | 'directory' | 'link';
  mode: number;
  uid: number;
  gid: number;
  /** Of a file its content, one character a byte; of a link where it leads. */
  data: string;
  /** Of a directory. */
  readonly entries: Map<string, number>;
}

export interface Named {
  readonly path: string;
  readonly name: string;
  readonly inode: Inode;
}

export const root = 1;

/** Does not change: who changes the inodes takes another tree of them. */
export class Tree {
  readonly inodes: ReadonlyMap<number, Inode>;
  #canonical: string | undefined;
  #names: Named[] | undefined;

  constructor(inodes: ReadonlyMap<number, Inode>) {
    this.inodes = inodes;
  }

  /** The file at a path, links followed. */
  find(path: string, from = root): Inode | undefined {
    let at = path.startsWith('/') ? root : from;
    for (const name of path.split('/').filter((part) => part !== '')) {
      const ino = this.inodes.get(at)?.entries.get(name);
      const found = ino === undefined ? undefined : this.inodes.get(ino);
      const end = found?.type === 'link' ? this.find(found.data, at) : found;
      if (end === undefined) return undefined;
      at = end.ino;
    }
    return this.inodes.get(at);
  }

  /** Every name with its file, in the order of the names; of a directory, by default of all. */
  walk(from = root): readonly Named[] {
    if (from === root && this.#names !== undefined) return this.#names;
    const names: Named[] = [];
    this.#collect(from, '', names);
    if (from === root) this.#names = names;
    return names;
  }

  #collect(directory: number, path: string, names: Named[]): void {
    const { entries } = this.inodes.get(directory) as Inode;
    for (const name of [...entries.keys()].toSorted()) {
      const inode = this.inodes.get(entries.get(name) as number) as Inode;
      names.push({ path: `${path}/${name}`, name, inode });
      if (inode.type === 'directory') this.#collect(inode.ino, `${path}/${name}`, names);
    }
  }

  /** The same text for trees that nobody can tell apart: inode numbers count only as far as names share one. */
  get canonical(): string {
    if (this.#canonical !== undefined) return this.#canonical;
    const seen = new Map<number, number>();
    const lines = [];
    for (const { path, inode } of this.walk()) {
      const { ino, type, mode, uid, gid, data } = inode;
      if (!seen.has(ino)) seen.set(ino, seen.size);
      lines.push(`${path} ${type} ${seen.get(ino)} ${mode.toString(8)} ${uid}:${gid} ${JSON.stringify(data)}`);
    }
    return (this.#canonical = lines.join('\n'));
  }
}
