/** The files of two directories that one transaction changes, and what must be true of them after it. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync as plainWrite,
} from 'node:fs';
import { basename, join } from 'node:path';
import { sweepSync } from 'untorn';
import { contents } from './contents.ts';
import type { Subject } from './spoiled.ts';
import { base, mode, owner, type Doing, type Stage } from './stage.ts';
import type { Told } from './subject.ts';
import { keepFiles, recoverHere } from './ways-of-several.ts';

const { old } = contents;
const before: Readonly<Record<string, string>> = { 'a/f': old, 'a/i': 'renamed', 'b/g': old, 'b/h': 'removed' };
const after: Readonly<Record<string, string>> = { 'a/f': contents.new, 'b/g': contents.new, 'b/i': 'renamed' };

/** What backups there are afterwards. */
export const backups = {
  one: { 'a/f~': old },
  all: { 'a/f~': old, 'b/g~': old, 'b/h~': 'removed' },
} satisfies Record<string, Record<string, string>>;

export class SeveralStage implements Stage {
  readonly folder: string = mkdtempSync(join(base, 'untorn-fault-'));
  readonly doing: Stage['doing'] = { path: this.folder, content: 'new', options: {} };
  readonly next: Doing = { ...this.doing, way: 'keepFiles' };
  /** For `untorn commit`; outside of the folder. */
  readonly manifest: string = this.folder.replace('untorn-fault-', 'untorn-manifest-');
  readonly #after: Readonly<Record<string, string>>;
  #settled = 0;

  constructor(backedUp: keyof typeof backups) {
    this.#after = { ...after, ...backups[backedUp] };
    const at = (name: string): string => join(this.folder, name);
    const changes = [
      { write: at('a/f'), from: '-' },
      { write: at('b/g'), content: contents.new },
      { remove: at('b/h') },
      { rename: at('a/i'), to: at('b/i') },
    ];
    plainWrite(this.manifest, JSON.stringify(changes));
    this.reset();
  }

  reset(): void {
    for (const name of ['a', 'b']) {
      rmSync(join(this.folder, name), { recursive: true, force: true });
      mkdirSync(join(this.folder, name));
    }
    for (const [name, content] of Object.entries(before)) {
      const path = join(this.folder, name);
      plainWrite(path, content);
      chownSync(path, owner.uid, owner.gid);
      chmodSync(path, mode);
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
    rmSync(this.manifest);
  }

  #names(): string[] {
    return ['a', 'b']
      .flatMap((directory) => readdirSync(join(this.folder, directory)).map((name) => `${directory}/${name}`))
      .toSorted();
  }

  #litter(): string[] {
    return this.#names().filter((name) => basename(name).includes('untorn-'));
  }

  /** All old or all new. */
  #state(what: string): 'old' | 'new' {
    const files = this.#names().filter((name) => !basename(name).includes('untorn-'));
    const found = Object.fromEntries(files.map((name) => [name, readFileSync(join(this.folder, name), 'utf8')]));
    const shown = (state: Readonly<Record<string, string>>): string[] =>
      Object.entries(state)
        .map(([name, content]) => `${name}: ${content.slice(0, 8)}, ${content.length}`)
        .toSorted();
    const state = 'b/h' in found ? 'old' : 'new';
    assert.deepEqual(shown(found), shown(state === 'old' ? before : this.#after), what);
    return state;
  }

  #metadata(what: string, notKept: readonly string[]): void {
    for (const name of this.#names().filter((one) => !basename(one).includes('untorn-'))) {
      const status = statSync(join(this.folder, name));
      if (notKept.length === 0)
        assert.deepEqual(
          [status.uid, status.gid, status.mode & 0o7777],
          [owner.uid, owner.gid, mode],
          `${what}: ${name}`,
        );
      else assert.equal(status.mode & 0o7777 & ~mode, 0, `${what}: mode ${status.mode.toString(8)} of ${name}`);
    }
  }

  async checkEnded({ error, notKept = [] }: Told, what: string, _: boolean, subject?: Subject): Promise<void> {
    const outcome = error?.outcome ?? 'new';
    const full = `${what}: ${error?.message ?? 'no error'}`;
    assert.ok(error?.known !== false, full);
    // What is committed, or may be, is brought to its end by whoever comes next.
    if (error !== undefined && outcome !== 'old') await this.#settle(full, subject);
    const state = this.#state(full);
    if (outcome !== 'unknown') assert.equal(state, outcome, full);
    this.#metadata(full, notKept);
    assert.deepEqual(this.#litter(), [], full);
  }

  checkExited(what: string): string {
    assert.deepEqual(this.#litter(), [], `${what}: left`);
    const state = this.#state(what);
    this.#metadata(what, []);
    return state;
  }

  /** By the next calls there, or by a recovery: of the program itself or, if that is gone, of this one. */
  async #settle(what: string, subject: Subject | undefined): Promise<void> {
    const isNext = ++this.#settled % 2 === 0;
    if (subject === undefined) {
      if (isNext) keepFiles(this.folder);
      await recoverHere(this.folder);
      return;
    }
    const told = await subject.perform({ ...this.doing, way: isNext ? 'keepFiles' : 'recoverHere', order: 'look' });
    assert.deepEqual(told?.error, undefined, `${what}: ${isNext ? 'the next one' : 'the recovery'}`);
  }

  async checkKilled(what: string): Promise<void> {
    await this.#settle(what, undefined);
    this.#state(what);
    this.#metadata(what, []);
    for (const name of ['a', 'b'])
      assert.deepEqual(sweepSync(join(this.folder, name)).kept, [], `${what}: kept by the sweep`);
    assert.deepEqual(this.#litter(), [], `${what}: neither recovered nor swept`);
    keepFiles(this.folder);
  }
}
