/** The files of one trial, and what must be true of them after it. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync as plainWrite,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sweepSync, updateFileSync, writeFileSync, type WriteOptions } from 'untorn';
import { contents } from './contents.ts';
import type { Subject } from './spoiled.ts';
import type { Task, Told } from './subject.ts';

/** What a program is told, but for the order to the spoiler. */
export type Doing = Omit<Task, 'order'>;

/** The files of trials, and what must be true of them after each. */
export interface Stage {
  /** All that is in it is looked at. */
  readonly folder: string;
  /** What is tried, but for its way. */
  readonly doing: Omit<Doing, 'way'>;
  /** What the program that failed must be able to do next. */
  readonly next: Doing;
  /** Back to the beginning. */
  reset(): void;
  remove(): void;
  /**
   * After it ended, well or not, in a program that still runs or in none. `undone` is whether the spoiled call was the
   * removal of a file.
   */
  checkEnded(told: Told, what: string, undone: boolean, subject?: Subject): Promise<void>;
  checkKilled(what: string): Promise<void>;
  /** After an exit or a signal: nothing is left that anybody would have to remove. Returns what is in place. */
  checkExited(what: string): string;
}

export interface Scenario {
  readonly options: WriteOptions;
  /** The same for the command. */
  readonly flags: readonly string[];
  readonly old: boolean;
}

export const scenarios = {
  overwriting: { options: {}, flags: [], old: true },
  creating: { options: {}, flags: [], old: false },
  'creating only': { options: { overwrite: false }, flags: ['--no-overwrite'], old: false },
  'with a backup': { options: { backup: 'simple' }, flags: ['--backup=simple'], old: true },
  'with numbered backups': {
    options: { backup: { numbered: 2 } },
    flags: ['--backup=numbered', '--backup-limit=2'],
    old: true,
  },
} satisfies Record<string, Scenario>;

/** In memory where there is such a place: what a disk does is not asked here. */
export const base: string = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
/** Of the files that are there before. */
export const mode = 0o640;
export const owner = (
  process.geteuid?.() === 0 ? { uid: 64_001, gid: 64_002 } : { uid: process.geteuid?.(), gid: process.getegid?.() }
) as { uid: number; gid: number };

/** One file, that is written or, under its lock, updated. */
export class FileStage implements Stage {
  readonly folder: string = mkdtempSync(join(base, 'untorn-fault-'));
  readonly path: string = join(this.folder, 'file');
  /** A file outside of the folder that holds the new content. */
  readonly source: string = this.folder.replace('untorn-fault-', 'untorn-source-');
  readonly doing: Stage['doing'];
  readonly next: Doing;
  readonly #scenario: Scenario;
  readonly #locked: boolean;

  constructor(scenario: Scenario, kind: 'written' | 'updated' = 'written') {
    this.#scenario = scenario;
    this.#locked = kind === 'updated';
    this.doing = { path: this.path, content: 'new', options: scenario.options };
    this.next = {
      path: this.path,
      content: 'next',
      options: {},
      way: this.#locked ? 'updateFileSync' : 'writeFileSync',
    };
    plainWrite(this.source, contents.new);
    this.reset();
  }

  reset(): void {
    for (const name of readdirSync(this.folder)) rmSync(join(this.folder, name), { recursive: true });
    if (!this.#scenario.old) return;
    plainWrite(this.path, contents.old);
    chownSync(this.path, owner.uid, owner.gid);
    chmodSync(this.path, mode);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
    rmSync(this.source);
  }

  #content(path = this.path): string | undefined {
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  }

  #holds(allowed: readonly ('old' | 'new')[], what: string): string {
    const content = this.#content();
    const found =
      content === contents.new
        ? 'new'
        : content === (this.#scenario.old ? contents.old : undefined)
          ? 'old'
          : `torn: ${content?.length} bytes`;
    assert.ok((allowed as string[]).includes(found), `${what}: ${found}, not ${allowed.join(' or ')}`);
    return found;
  }

  #metadata(what: string, notKept: readonly string[]): void {
    if (!this.#scenario.old) return;
    const status = statSync(this.path);
    if (!notKept.includes('owner')) assert.equal(status.uid, owner.uid, `${what}: owner`);
    if (!notKept.includes('group')) assert.equal(status.gid, owner.gid, `${what}: group`);
    // What could not be kept may only shrink the rights.
    if (notKept.length === 0) assert.equal(status.mode & 0o7777, mode, `${what}: mode`);
    else assert.equal(status.mode & 0o7777 & ~mode, 0, `${what}: mode ${status.mode.toString(8)}`);
  }

  #temporary(): string[] {
    return readdirSync(this.folder).filter((name) => name !== 'file' && !/^file(~|\.~\d~)$/.test(name));
  }

  #backup(what: string): void {
    for (const name of ['~', '.~1~']) {
      const backup = this.#content(`${this.path}${name}`);
      assert.ok(backup === undefined || backup === contents.old, `${what}: the backup is torn`);
      if (backup !== undefined)
        assert.equal(statSync(`${this.path}${name}`).mode & 0o7777 & ~mode, 0, `${what}: the mode of the backup`);
    }
  }

  async checkEnded({ error, notKept = [] }: Told, what: string, undone: boolean): Promise<void> {
    if (error === undefined) this.#holds(['new'], what);
    else {
      assert.ok(error.known, `${what}: ${error.message}`);
      this.#holds(
        error.outcome === 'unknown' ? ['old', 'new'] : [error.outcome as 'old' | 'new'],
        `${what}: ${error.message}`,
      );
    }
    this.#metadata(what, notKept);
    this.#backup(what);
    if (!undone) assert.deepEqual(this.#temporary(), [], `${what}: temporary files`);
  }

  checkExited(what: string): string {
    const state = this.#holds(['old', 'new'], what);
    this.#metadata(what, []);
    this.#backup(what);
    assert.deepEqual(this.#temporary(), [], `${what}: left`);
    // A numbered backup is whole before the rename: nobody can know at an exit whether that is under way, and so it
    // stays.
    const isNumbered = typeof this.#scenario.options.backup === 'object';
    const numbered = readdirSync(this.folder).filter((name) => /~\d~$/.test(name));
    const allowed = state === 'old' && numbered.length === 0 ? [] : ['file.~1~'];
    assert.deepEqual(numbered, isNumbered ? allowed : [], `${what}: numbered backups`);
    return state;
  }

  async checkKilled(what: string): Promise<void> {
    this.#holds(['old', 'new'], what);
    this.#metadata(what, []);
    this.#backup(what);
    const left = this.#temporary();
    assert.ok(
      left.length <= Number(this.#locked) + (this.#scenario.options.backup === undefined ? 1 : 2),
      `${what}: left ${left.join(' ')}`,
    );
    if (this.#locked) updateFileSync(this.path, () => 'next', { lock: { timeout: 0 } });
    const { kept } = sweepSync(this.folder);
    assert.deepEqual(kept, [], `${what}: kept by the sweep`);
    assert.deepEqual(this.#temporary(), [], `${what}: not swept`);
    if (!this.#locked) writeFileSync(this.path, 'next');
    assert.equal(this.#content(), 'next', `${what}: the next write`);
  }
}
