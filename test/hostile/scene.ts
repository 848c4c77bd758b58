/**
 * A shared directory, in which a neighbour can write too; and what he can neither change, nor read, nor remove himself,
 * there and elsewhere. Whatever somebody does in the shared directory, all of that must be as it was.
 */
import {
  chmodSync,
  chownSync,
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  realpathSync,
  utimesSync,
  writeFileSync,
  type Stats,
} from 'node:fs';
import { join } from 'node:path';
import { alice, bob, dev, type User } from '../support/as-user.ts';
import { attributesOf } from '../support/attributes.ts';

/** Who may do everything; and who only may do what the neighbour may, too. */
export const root: User = { uid: 0, gid: 0 };
export const aliceOfDev: User = { ...alice, groups: [dev] };

/**
 * `'group'`: all of a group may write it, and remove each other's files. `'sticky'`: as `/tmp`, all may write, and
 * remove their own.
 */
export type Kind = 'group' | 'sticky';

/** Stands in files that the neighbour may not read, which are JSON. */
const secretText = 'of somebody else';
export const secret: string = JSON.stringify({ secret: secretText });

/** Names that are in every directory that is not to be touched: what is led there finds them. */
export const baits: readonly string[] = ['diary', 'keep', 'index.html', 'file'];

/** What there is to be known of a file or directory, and of all below. */
function record(path: string, name: string, into: Map<string, string>): void {
  const status = lstatSync(path);
  const attributes = Object.entries(attributesOf(path)).map(([attribute, value]) => `${attribute}=${value}`);
  const content = status.isFile() ? readFileSync(path, 'utf8') : status.isSymbolicLink() ? readlinkSync(path) : '';
  // Of the neighbour's own names for the thing itself nobody else knows.
  const links = name === '' ? '' : status.nlink;
  into.set(
    name,
    [
      status.ino,
      status.mode.toString(8),
      status.uid,
      status.gid,
      links,
      status.isFile() ? status.mtimeMs : '',
      ...attributes,
      content,
    ].join(' '),
  );
  if (status.isDirectory()) for (const entry of readdirSync(path)) record(join(path, entry), `${name}/${entry}`, into);
}

export function recordOf(path: string): Map<string, string> {
  const all = new Map<string, string>();
  record(path, '', all);
  return all;
}

/** How something differs from what it was. */
export function differences(
  what: string,
  before: ReadonlyMap<string, string>,
  now: ReadonlyMap<string, string>,
): string[] {
  const names = new Set([...before.keys(), ...now.keys()]);
  return [...names]
    .filter((name) => before.get(name) !== now.get(name))
    .map((name) => {
      if (!now.has(name)) return `${what}${name} is gone`;
      return before.has(name)
        ? `${what}${name} was "${before.get(name)}" and is "${now.get(name)}"`
        : `${what}${name} is new`;
    });
}

const long = new Date('2001-01-01');

export function file(path: string, content: string, owner: User, mode: number): void {
  writeFileSync(path, content);
  chownSync(path, owner.uid, owner.gid);
  chmodSync(path, mode);
  utimesSync(path, long, long);
}

function directory(path: string, owner: User, mode: number): void {
  mkdirSync(path);
  chownSync(path, owner.uid, owner.gid);
  chmodSync(path, mode);
}

/** A directory with files in it. */
export function home(path: string, owner: User, mode: number): void {
  directory(path, owner, 0o755);
  for (const bait of baits) file(join(path, bait), secret, owner, 0o600);
  directory(join(path, 'deep'), owner, 0o700);
  for (const bait of baits) file(join(path, 'deep', bait), secret, owner, 0o600);
  chmodSync(path, mode);
}

/** One shared directory. */
export class Scene {
  readonly folder: string;
  readonly kind: Kind;
  /** A directory beside it that only its user can enter. */
  readonly hidden: string;
  /** A directory and a file of Alice's that only she may read, in the shared directory. */
  readonly private: string;
  readonly note: string;
  readonly #before: Map<string, string>;
  readonly #noteBefore: string;
  readonly #inodes: { readonly private: number; readonly note: number };

  constructor(parent: string, kind: Kind, owner: User) {
    const folder = join(parent, 'shared');
    this.folder = folder;
    this.kind = kind;
    mkdirSync(folder);
    chownSync(folder, 0, dev);
    this.hidden = join(parent, 'hidden');
    directory(this.hidden, owner, 0o700);
    for (const name of ['state', 'other']) file(join(this.hidden, name), 'old', owner, 0o600);
    const own = { ...owner, gid: dev };
    this.private = this.at('private');
    this.note = this.at('note');
    home(this.private, alice, 0o700);
    file(this.note, secret, alice, 0o600);
    for (const name of ['state', 'other', 'mine']) file(this.at(name), 'old', own, 0o664);
    directory(this.at('own'), { uid: bob.uid, gid: dev }, 0o775);
    file(this.at('own/file'), 'old', { uid: bob.uid, gid: dev }, 0o664);
    chmodSync(folder, kind === 'group' ? 0o2775 : 0o1777);
    this.#before = recordOf(this.private);
    this.#noteBefore = recordOf(this.note).get('') as string;
    this.#inodes = { private: lstatSync(this.private).ino, note: lstatSync(this.note).ino };
  }

  at(name: string): string {
    return join(this.folder, name);
  }

  /** Makes a file of somebody's. */
  put(name: string, content: string, owner: User): void {
    file(this.at(name), content, { ...owner, gid: dev }, 0o664);
  }

  /** What the hidden files hold. */
  get hiddenContents(): string {
    return ['state', 'other'].map((name) => readFileSync(join(this.hidden, name), 'utf8')).join(', ');
  }

  /** Whether some file holds this, under whatever name, in the shared directory or in the hidden one. */
  holds(content: string, where: 'shared' | 'hidden'): boolean {
    const folder = where === 'shared' ? this.folder : this.hidden;
    return readdirSync(folder, { withFileTypes: true }).some(
      (entry) => entry.isFile() && readFileSync(join(folder, entry.name), 'utf8') === content,
    );
  }

  /** The names in it, and in directories below. */
  names(): string[] {
    return readdirSync(this.folder, { recursive: true, encoding: 'utf8' }).filter(
      (name) => !name.startsWith('private/'),
    );
  }

  /** Where something is now, by its inode. */
  #find(inode: number): string | undefined {
    return this.#walk((path, status) => (status.ino === inode ? path : undefined))[0];
  }

  #walk<T>(look: (path: string, status: Stats) => T | undefined, folder: string = this.folder): T[] {
    return readdirSync(folder).flatMap((name) => {
      const path = join(folder, name);
      const status = lstatSync(path);
      const found = look(path, status);
      const below = status.isDirectory() && status.ino !== this.#inodes.private ? this.#walk(look, path) : [];
      return found === undefined ? below : [found, ...below];
    });
  }

  /** What was done to Alice's things, or was made known of them. */
  harm(): string[] {
    const found: string[] = [];
    const privatePlace = this.#find(this.#inodes.private);
    if (privatePlace === undefined) found.push("Alice's directory is gone");
    else found.push(...differences("Alice's directory", this.#before, recordOf(privatePlace)));
    const notePlace = this.#find(this.#inodes.note);
    if (notePlace !== undefined)
      found.push(...differences("Alice's file", new Map([['', this.#noteBefore]]), recordOf(notePlace)));
    // In a directory of a group the neighbour may remove it.
    else if (this.kind === 'sticky') found.push("Alice's file is gone");
    found.push(
      ...this.#walk((path, status) =>
        leaks(path, status, this.#inodes.note)
          ? `a secret stands in ${path.slice(this.folder.length)}, which the neighbour can read`
          : undefined,
      ),
    );
    return found;
  }

  /** Which of Alice's things is under a name that the neighbour did not give it. */
  published(name: string, moved: string): string[] {
    const there = resolved(this.at(name));
    if (there === undefined || there === moved || [this.private, this.note].includes(there)) return [];
    const { ino } = lstatSync(there);
    return Object.entries(this.#inodes).flatMap(([what, inode]) =>
      ino === inode ? [`${name} is Alice's ${what} one`] : [],
    );
  }
}

/** Where a path leads; undefined if nowhere. */
function resolved(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

/** Whether the neighbour can read a secret there. */
function leaks(path: string, { mode, uid, gid, ino, ...status }: Stats, note: number): boolean {
  if ((mode & 0o170000) !== 0o100000 || ino === note) return false;
  const readable =
    (mode & 0o004) !== 0 || (gid === dev && (mode & 0o040) !== 0) || (uid === bob.uid && (mode & 0o400) !== 0);
  return readable && beginningOf(path, Math.min(status.size, 4096)).includes(secretText);
}

/** Of a file that may be huge. */
function beginningOf(path: string, size: number): string {
  const fd = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(size);
    return bytes.toString('utf8', 0, readSync(fd, bytes));
  } finally {
    closeSync(fd);
  }
}
