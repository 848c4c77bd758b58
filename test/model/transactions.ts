/**
 * Transactions in the model: one that is crashed at every step, into every state that a crash can leave; then
 * recovered, by a recovery that is crashed at every step itself.
 */
import type { Durability } from 'untorn';
import { readSyncData } from '#untorn/contract/data.js';
import { readOptions } from '#untorn/files/settings.js';
import { givenPath } from '#untorn/system/paths.js';
import { Draft } from '#untorn/transaction/draft.js';
import { LockSet } from '#untorn/transaction/lock-set.js';
import { recoverDirectory } from '#untorn/journal/recover-directory.js';
import { commitDraft } from '#untorn/transaction/commit.js';
import { newOperation } from '#untorn/files/operation.js';
import type { Steps, Environment } from '#untorn/system/port.js';
import { parseToken } from '#untorn/system/owner.js';
import { Disk } from './disk.ts';
import { perform } from './process.ts';
import { root, type Tree } from './tree.ts';
import { copyOf, Watch } from './watch.ts';
import { surroundingsOf } from './writers.ts';

/** One change that a transaction makes. */
export type Planned =
  | { readonly append: string; readonly content: string }
  | { readonly write: string; readonly content: string; readonly backup?: 'simple' | { numbered: number } }
  | { readonly remove: string; readonly backup?: 'simple' | { numbered: number } }
  | { readonly rename: string; readonly to: string };

export interface TransactionScenario {
  readonly before: Readonly<Record<string, string>>;
  readonly plan: readonly Planned[];
  readonly after: Readonly<Record<string, string>>;
  readonly durability?: Durability;
  /** Whether who wrote the files before has not synced them. */
  readonly unsynced?: boolean;
}

export type Mutation = (steps: Steps<unknown>) => Steps<unknown>;
export const unchanged: Mutation = (steps) => steps;

const directories = ['/d', '/e'];

/** All steps of a transaction: staging, commit, and all. */
export function* transactionSteps(
  plan: readonly Planned[],
  durability: Durability,
  environment: Environment,
): Steps<void> {
  const settings = readOptions({ durability });
  const draft = new Draft(settings, environment, true, { olderThan: 0, judge: () => 'alive' });
  const locks = new LockSet(draft);
  for (const planned of plan) {
    if ('append' in planned) {
      const path = givenPath(planned.append);
      // Read under its lock.
      yield* locks.take(yield* draft.places([path]));
      const content = `${String(yield* draft.read(draft.newLook(path)))}${planned.content}`;
      yield* draft.put(path, settings, readSyncData(Buffer.from(content, 'latin1'), 'utf8'));
    } else if ('write' in planned)
      yield* draft.put(
        givenPath(planned.write),
        readOptions({ durability, backup: planned.backup }),
        readSyncData(Buffer.from(planned.content, 'latin1'), 'utf8'),
      );
    else if ('remove' in planned)
      yield* draft.remove(
        givenPath(planned.remove),
        readOptions({ durability, backup: planned.backup, symlink: 'replace' }),
        false,
      );
    else
      yield* draft.rename(
        givenPath(planned.rename),
        givenPath(planned.to),
        readOptions({ durability, symlink: 'replace' }),
      );
  }
  yield* commitDraft(draft, locks);
}

export function recoverySteps(directory: string, environment: Environment): Steps<unknown> {
  return recoverDirectory(newOperation(givenPath(directory), readOptions({}), environment, true), {
    olderThan: 0,
    judge: () => 'dead',
  });
}

/** Of the process that runs the transaction, or of one that comes after it. */
export function surroundingsFor(index: number): Environment {
  return { ...surroundingsOf(index, () => undefined), judge: () => (index === 0 ? 'alive' : 'dead') };
}

export class TransactionCheck {
  readonly violations: string[] = [];
  states = 0;
  crashPoints = 0;
  readonly #scenario: TransactionScenario;
  readonly #mutation: Mutation;
  readonly #seen = new Set<string>();

  constructor(scenario: TransactionScenario, mutation: Mutation = unchanged) {
    this.#scenario = scenario;
    this.#mutation = mutation;
  }

  run(): void {
    const { before, plan, durability = 'full', unsynced = false } = this.#scenario;
    const disk = new Disk();
    for (const directory of directories)
      disk.setEntries([{ directory: root, name: directory.slice(1), ino: disk.create('directory', 0o755, 0, 0).ino }]);
    const create = (path: string, content: string): number => {
      const { ino } = disk.create('file', 0o644, 0, 0);
      disk.setEntries([{ directory: disk.tree.find(path.slice(0, 2))?.ino as number, name: path.slice(3), ino }]);
      if (!unsynced) disk.write(ino, 0, content);
      return ino;
    };
    const files = Object.entries(before).map(([path, content]) => ({ ino: create(path, content), content }));
    const watched = new Watch(disk);
    if (unsynced) for (const { ino, content } of files) disk.write(ino, 0, content);
    let committed = false;
    const look = (): void => this.#crash(disk, watched, committed, durability === 'off');
    perform(this.#mutation(transactionSteps(plan, durability, surroundingsFor(0))), disk, look);
    committed = true;
    look();
    this.#expect(disk.tree, true, 'at the end');
  }

  #crash(disk: Disk, watched: Watch, committed: boolean, killsOnly: boolean): void {
    this.crashPoints++;
    if (this.#isCaught) return;
    for (const { tree } of killsOnly ? [{ tree: copyOf(disk.tree) }] : watched.states(`${committed}`))
      this.#recover(tree, committed, 'after a crash', true);
  }

  /** A mutant needs no further look. */
  get #isCaught(): boolean {
    return this.#mutation !== unchanged && this.violations.length > 0;
  }

  /** Recovers what a crash left, from either directory first, and crashes that too. */
  #recover(tree: Tree, committed: boolean, when: string, again: boolean): void {
    const moment = `${committed} ${tree.canonical}`;
    if (this.#seen.has(moment) || this.#isCaught) return;
    this.#seen.add(moment);
    this.states++;
    // Of what a crash in a recovery leaves either order, by turns: there are many.
    const orders = [directories, directories.toReversed()];
    for (const order of again ? orders : [orders[this.states % 2] as readonly string[]]) {
      const disk = Disk.from(tree);
      const watched = new Watch(disk);
      for (const directory of order) {
        const look = (): void => {
          for (const { tree: left } of watched.states(''))
            this.#recover(left, committed, `${when}, and in the recovery`, false);
        };
        const result = perform(
          this.#mutation(recoverySteps(directory, surroundingsFor(again ? 1 : 2))),
          disk,
          again && this.#mutation === unchanged ? look : () => undefined,
        ) as { kept: unknown[] };
        if (result.kept.length > 0)
          this.#report(`G9: the recovery leaves ${JSON.stringify(result.kept, show)} ${when}`);
      }
      this.#expect(disk.tree, committed, when);
    }
  }

  #expect(tree: Tree, committed: boolean, when: string): void {
    const { before, after, unsynced = false } = this.#scenario;
    const found: Record<string, string> = {};
    for (const { path, name, inode } of tree.walk()) {
      if (parseToken(name) !== undefined || name.includes('untorn-l')) this.#report(`G10: "${path}" is left ${when}`);
      else if (inode.type === 'file') found[path] = inode.data;
    }
    const is = (state: Readonly<Record<string, string>>): boolean =>
      JSON.stringify(Object.entries(found).toSorted()) === JSON.stringify(Object.entries(state).toSorted());
    // What nobody had synced may be torn, but is still there.
    const isTorn =
      unsynced &&
      Object.keys(found).join() === Object.keys(before).join() &&
      Object.entries(found).every(([path, data]) => data.replace('\0', '') === '' || data === before[path]);
    if (!is(after) && (committed || !(is(before) || isTorn)))
      this.#report(`G9: ${JSON.stringify(found)} ${when}${committed ? ' of what was durable' : ''}`);
  }

  #report(violation: string): void {
    if (this.violations.length < 10) this.violations.push(violation);
  }
}

function show(_: string, value: unknown): unknown {
  return value instanceof Error ? `${value.stack}` : value;
}
