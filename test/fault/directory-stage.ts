/** A directory whose place another takes, and what must be true of both after it. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { basename, join, relative } from 'node:path';
import { replaceDirectorySync, sweepSync } from 'untorn';
import { contents } from './contents.ts';
import { base, owner, type Doing, type Stage } from './stage.ts';
import type { Told } from './subject.ts';
import { fillSync, publishSync } from './ways-of-several.ts';

/** What is at the path before: a link to a version of the package's own, a directory, or nothing. */
export type Form = 'a link' | 'a directory' | 'nothing';

const mode = 0o750;

export class DirectoryStage implements Stage {
  readonly folder: string = mkdtempSync(join(base, 'untorn-fault-'));
  readonly path: string = join(this.folder, 'site');
  readonly doing: Stage['doing'] = { path: this.path, content: 'new', options: {} };
  readonly next: Doing = { ...this.doing, content: 'next', way: 'publishSync' };
  readonly #form: Form;
  readonly #isReady: boolean;

  /** `source`: whether what takes its place is ready before, or filled then. */
  constructor(form: Form, source: 'ready' | 'filled') {
    this.#form = form;
    this.#isReady = source === 'ready';
    this.reset();
  }

  reset(): void {
    for (const name of readdirSync(this.folder)) rmSync(join(this.folder, name), { recursive: true });
    if (this.#isReady) fillSync(`${this.path}-ready`, contents.new);
    if (this.#form === 'nothing') return;
    fillSync(this.path, contents.old);
    chownSync(this.path, owner.uid, owner.gid);
    chmodSync(this.path, mode);
    if (this.#form === 'a directory') return;
    renameSync(this.path, `${this.path}-first`);
    replaceDirectorySync(this.path, `${this.path}-first`, { durability: 'off' });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }

  /** What is at the path: nothing, or all of one directory. */
  #state(what: string): 'old' | 'new' | 'next' {
    if (!existsSync(this.path)) {
      assert.ok(
        this.#form === 'nothing' && lstatSync(this.path, { throwIfNoEntry: false }) === undefined,
        `${what}: it is gone`,
      );
      return 'old';
    }
    assert.deepEqual(
      [readdirSync(this.path).toSorted(), readdirSync(join(this.path, 'sub'))],
      [['index', 'sub'], ['page']],
      `${what}: names`,
    );
    const [index, page] = ['index', 'sub/page'].map((name) => readFileSync(join(this.path, name), 'utf8'));
    assert.equal(index, page, what);
    const found = (['old', 'new', 'next'] as const).find((one) => contents[one] === index);
    assert.ok(found, `${what}: torn: ${index?.length} bytes`);
    return found;
  }

  #checkReady(state: string, what: string): void {
    if (this.#isReady)
      assert.equal(existsSync(join(`${this.path}-ready`, 'index')), state === 'old', `${what}: what was ready`);
  }

  /** What is there beside the directory. */
  #litter(): string[] {
    const link =
      lstatSync(this.path, { throwIfNoEntry: false })?.isSymbolicLink() === true ? readlinkSync(this.path) : '';
    return readdirSync(this.folder).filter((name) => !['site', 'site-ready', link].includes(name));
  }

  async checkEnded({ error, oldPath }: Told, what: string, undone: boolean): Promise<void> {
    const full = `${what}: ${error?.message ?? 'no error'}`;
    assert.ok(error?.known !== false, full);
    const state = this.#state(full);
    const outcome = error?.outcome ?? 'new';
    if (outcome !== 'unknown') assert.equal(state, outcome, full);
    this.#checkReady(state, full);
    if (this.#form !== 'nothing' && !this.#isReady)
      assert.equal(statSync(this.path).mode & 0o7777 & ~mode, 0, `${full}: mode`);
    // What could not be removed is in a directory of its own.
    const left = this.#litter().filter((name) => name !== relative(this.folder, oldPath ?? '').split('/')[0]);
    // Where it is not certain that the new one is durable, the old one stays.
    const stays = error !== undefined && outcome === 'new' && this.#form !== 'nothing';
    if (stays) assert.ok(left.length === 1 && left[0]?.includes('untorn-v-'), `${full}: ${left.join(' ')}`);
    else if (!undone) assert.deepEqual(left, [], full);
  }

  checkExited(what: string): string {
    const state = this.#state(what);
    this.#checkReady(state, what);
    assert.deepEqual(this.#litter(), [], `${what}: left`);
    return state;
  }

  async checkKilled(what: string): Promise<void> {
    const state = this.#state(what);
    assert.notEqual(state, 'next', what);
    publishSync(this.path, contents.next);
    assert.equal(this.#state(`${what}: the next one`), 'next');
    const { kept, recoverable } = sweepSync(this.folder);
    // A version is whole, and is only told of. That which was there before is of this process, which lives.
    const told = [...kept.filter(({ reason }) => reason === 'alive').map(({ path }) => path), ...recoverable].map(
      (path) => basename(path.toString()),
    );
    assert.deepEqual(this.#litter(), told, `${what}: neither swept nor told of`);
    assert.ok(told.length === 0 || (told.length === 1 && told[0]?.includes('untorn-v-')), `${what}: ${told.join(' ')}`);
  }
}
