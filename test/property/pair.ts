/** Two processes that do the same to equal trees: one has the native part of the package, the other is without. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { alice, bob, type User } from '../support/as-user.ts';
import { attributesOf, setAttribute } from '../support/attributes.ts';
import { isRoot } from '../support/needs.ts';
import type { Deed } from './deeds.ts';

/** What became of a deed, as data. */
export type Told = { readonly result?: unknown; readonly error?: { readonly [name: string]: unknown } };

/** What there is to be known of a name in a tree. */
export interface Found {
  readonly name: string;
  readonly type: string;
  readonly mode: string;
  readonly owner: string;
  readonly links: number;
  readonly content: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Access and modification, in microseconds; `'now'` if they were not set. */
  readonly times: readonly string[];
}

/** A process, and the tree that it works in. */
class Side {
  readonly process: ChildProcess;
  readonly #folder: string;
  readonly #user: User | undefined;
  #said = '';

  constructor(folder: string, native: boolean, under: readonly string[], user: User | undefined) {
    this.#folder = folder;
    this.#user = user;
    const [command, ...args] = [...under, process.execPath, fileURLToPath(new URL('doer.js', import.meta.url))];
    const { UNTORN_NATIVE: _, ...others } = process.env;
    this.process = spawn(command, args, {
      env: { ...others, NODE_OPTIONS: '', UV_USE_IO_URING: '0', ...(!native && { UNTORN_NATIVE: 'off' }) },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      serialization: 'advanced',
    });
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#said += text));
  }

  /** What the process says next. */
  answer<T>(): Promise<T> {
    return new Promise((resolve, reject) => {
      const fail = (status: number | null, signal: string | null): void =>
        reject(new Error(`The process ended with ${signal ?? status}: ${this.#said}`));
      this.process.once('exit', fail);
      this.process.once('message', (answer) => {
        this.process.off('exit', fail);
        resolve(answer as T);
      });
    });
  }

  do(deeds: readonly Deed[]): Promise<Told[]> {
    this.process.send({ folder: this.#folder, deeds });
    return this.answer();
  }

  /** Makes the tree anew. Its files are from 2001. */
  prepare(): void {
    rmSync(this.#folder, { recursive: true, force: true });
    mkdirSync(this.#folder);
    const at = (name: string): Buffer => Buffer.from(join(this.#folder, name), 'latin1');
    const own = this.#user;
    const file = (name: string, mode: number): void => {
      writeFileSync(at(name), `old ${name.length}`);
      if (isRoot && own !== undefined) chownSync(at(name), own.uid, own.gid);
      chmodSync(at(name), mode);
    };
    for (const name of ['folder', 'closed']) mkdirSync(at(name));
    for (const [name, mode] of [
      ['plain', 0o644],
      ['private', 0o600],
      ['read only', 0o444],
      ['with set-id', 0o6755],
      ['of another', 0o664],
      ['linked', 0o640],
      ['attributes', 0o640],
      ['odd \xff', 0o644],
      ['folder/inner', 0o644],
      ['closed/file', 0o644],
    ] as const)
      file(name, mode);
    if (isRoot) chownSync(at('of another'), alice.uid, alice.gid);
    linkSync(at('linked'), at('another name of linked'));
    for (const [name, target] of [
      ['link', 'plain'],
      ['dangling', 'nowhere'],
      ['loop', 'loop'],
    ] as const)
      symlinkSync(target, at(name));
    for (const name of ['attributes', 'odd \xff']) {
      setAttribute(at(name), 'user.note', Buffer.from([0, 255, 10]));
      setAttribute(at(name), Buffer.from('user.\xff', 'latin1'), Buffer.from(name, 'latin1'));
    }
    setAttribute(at('attributes'), 'user.empty', Buffer.alloc(0));
    for (const name of readdirSync(this.#folder, { recursive: true, encoding: 'latin1' }))
      if (lstatSync(at(name)).isFile()) utimesSync(at(name), 981_173_106.123_456, 981_173_107.654_321);
    if (isRoot && own !== undefined) for (const name of ['', 'folder', 'closed']) chownSync(at(name), own.uid, own.gid);
    chmodSync(at('closed'), 0o555);
  }

  /** What is in the tree now, in order. */
  look(): Found[] {
    const found: Found[] = [];
    const record = (folder: string): void => {
      for (const name of readdirSync(Buffer.from(join(this.#folder, folder), 'latin1'), 'latin1')) {
        const inner = join(folder, name);
        const path = Buffer.from(join(this.#folder, inner), 'latin1');
        const status = lstatSync(path, { bigint: true });
        const type = status.isFile() ? 'file' : status.isDirectory() ? 'folder' : 'link';
        const micro = (ns: bigint): string => (ns < 1_000_000_000_000_000_000n ? String(ns / 1000n) : 'now');
        const attributes = type === 'file' ? attributesOf(path) : {};
        found.push({
          name: this.normal(inner),
          type,
          mode: Number(status.mode).toString(8),
          owner: `${status.uid}:${status.gid}`,
          links: type === 'file' ? Number(status.nlink) : 0,
          content: type === 'file' ? contentOf(path) : type === 'link' ? this.normal(readlinkSync(path, 'latin1')) : '',
          attributes,
          times: type === 'file' ? [micro(status.atimeNs), micro(status.mtimeNs)] : [],
        });
        if (type === 'folder') record(inner);
      }
    };
    record('');
    // What is left of several failures may have the same name, apart from what is random in it.
    const order = (one: Found): string => `${one.name}\0${one.content}`;
    return found.toSorted((one, other) => (order(one) < order(other) ? -1 : 1));
  }

  /** The same value with one name for the folder, and for whatever is random. */
  normal<T>(value: T): T {
    if (typeof value === 'string')
      return value
        .replaceAll(this.#folder, '<folder>')
        .replaceAll(/(untorn-[a-z]|(?<=<folder>\/|^)made)-[0-9a-z]+(?:-[0-9a-z]+)+(\.[0-9a-z]+)?/g, '$1-<random>')
        .replaceAll(/\/proc\/self\/fd\/\d+/g, '<descriptor>')
        .replaceAll(/"[0-9a-z]{6,}-[0-9a-z-]+"|\b[0-9a-f]{32,}\b/g, '<version>') as T;
    if (Array.isArray(value)) return value.map((one) => this.normal(one as unknown)) as T;
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(
        Object.entries(value).map(([name, one]) => [
          name,
          /^(?:current)?version$/i.test(name) && one !== undefined ? '<version>' : this.normal(one),
        ]),
      ) as T;
    return value;
  }
}

/** A content, or what stands for a long one. The look at it does not count as an access. */
function contentOf(path: Buffer): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOATIME);
  const content = readFileSync(fd, 'latin1');
  closeSync(fd);
  return content.length < 100 ? content : `${content.slice(0, 20)} and so on: ${content.length} bytes`;
}

export class Pair {
  readonly with: Side;
  readonly without: Side;
  readonly #base: string;

  private constructor(base: string, under: readonly string[], user: User | undefined) {
    this.#base = base;
    this.with = new Side(join(base, 'one'), true, under, user);
    this.without = new Side(join(base, 'two'), false, under, user);
  }

  /** Starts both, as a user if the superuser is to be another. */
  static async start(parent: string, under: readonly string[]): Promise<Pair> {
    const base = mkdtempSync(join(parent, 'untorn-pair-'));
    chmodSync(base, 0o755);
    const pair = new Pair(base, under, under.length > 0 ? bob : undefined);
    const [one, other] = await Promise.all(
      [pair.with, pair.without].map((side) => side.answer<{ hasNative: boolean }>()),
    );
    assert.deepEqual(
      [one?.hasNative, other?.hasNative],
      [true, false],
      'one has the native part, the other is without',
    );
    return pair;
  }

  get both(): readonly [Side, Side] {
    return [this.with, this.without];
  }

  end(): void {
    for (const { process } of this.both) process.disconnect();
    rmSync(this.#base, { recursive: true, force: true });
  }
}
