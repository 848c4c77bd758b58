/** One run of a scenario: its disk, its calls, and an observer who checks after every action. */
import type { Durability, WriteError, WriteResult } from 'untorn';
import { ProcessState, type Steps } from '#untorn/system/port.js';
import { parseToken } from '#untorn/system/owner.js';
import { checkCrash, checkNow } from './checks.ts';
import { crashStates } from './crash-states.ts';
import { Disk } from './disk.ts';
import { Thread } from './driver.ts';
import { History, type Version } from './history.ts';
import { Persistence, profiles } from './persistence.ts';
import { recover } from './recovery.ts';
import type { Run } from './schedules.ts';
import { systemOf, umask, type Traits } from './system.ts';
import { root, type Inode, type Tree } from './tree.ts';
import { stepsOf, type Plan } from './writers.ts';

export interface Scenario {
  readonly calls: readonly Plan[];
  /** Metadata of the file that is there before, by default of every target. */
  readonly old?: { readonly mode: number; readonly uid?: number; readonly gid?: number; readonly unsynced?: boolean };
  /** Where the calls lead, if not to their own paths. */
  readonly target?: string;
  readonly backup?: string;
  readonly traits?: Traits;
  readonly links?: Readonly<Record<string, string>>;
  readonly preemptions?: number;
}

export type Mutation = (steps: Steps<unknown>) => Steps<unknown>;

/** What was seen in all runs of a scenario. */
export class Findings {
  schedules = 0;
  crashPoints = 0;
  combinations = 0;
  /** States of the disk after a crash, each once. */
  readonly states = new Set<string>();
  readonly violations = new Map<string, string>();
  /** Moments and states that were looked at before, each with what had been promised. */
  readonly seen = new Set<string>();
  readonly recovered = new Set<string>();
}

const oldContent = 'ooooo';

export class World implements Run {
  readonly threads: readonly Thread[];
  readonly #disk = new Disk();
  readonly #persistences: readonly Persistence[];
  readonly #histories = new Map<string, History>();
  readonly #system;
  /** What each process keeps. */
  readonly #states = new Map<number, ProcessState>();
  readonly #scenario: Scenario;
  readonly #findings: Findings;
  readonly #trace: string[] = [];
  /** The moment that was checked last: many calls change nothing. */
  #lookedAt = '';
  /** Left for the end: a write on another disk would count as the newest of this process. */
  readonly #toRecover = new Map<string, { readonly tree: Tree; readonly when: string }>();

  constructor(scenario: Scenario, findings: Findings, mutation: Mutation = (steps) => steps) {
    this.#scenario = scenario;
    this.#findings = findings;
    for (const directory of ['/d', '/state']) this.#add(directory, this.#disk.create('directory', 0o755, 0, 0));
    for (const [link, to] of Object.entries(scenario.links ?? {}))
      this.#add(link, this.#disk.create('link', 0o777, 0, 0, to));
    this.#prepareTargets();
    this.#persistences = profiles.map((profile) => new Persistence(profile, this.#disk));
    if (scenario.old !== undefined) this.#writeOld(scenario.old.unsynced ?? false);
    this.#system = systemOf(this.#disk, scenario.traits);
    this.threads = scenario.calls.map((plan, index) => this.#thread(plan, index, mutation));
  }

  #add(path: string, { ino }: Inode): void {
    const [name = ''] = path.split('/').slice(-1);
    this.#disk.setEntries([{ directory: this.#disk.tree.find(path.slice(0, -name.length))?.ino ?? root, name, ino }]);
  }

  #targetOf(plan: Plan): string {
    return this.#scenario.target ?? plan.path;
  }

  #prepareTargets(): void {
    const { calls, old, backup, traits } = this.#scenario;
    for (const plan of calls) {
      const target = this.#targetOf(plan);
      if (this.#histories.has(target)) continue;
      const before = old && {
        letter: 'o',
        content: oldContent,
        mode: old.mode,
        uid: old.uid ?? 0,
        gid: old.gid ?? 0,
        number: 0,
        soft: old.unsynced ?? false,
      };
      if (before !== undefined) this.#add(target, this.#disk.create('file', before.mode, before.uid, before.gid));
      this.#histories.set(
        target,
        new History(target, before, backup, (traits?.mounted ?? traits?.readOnly) !== undefined),
      );
    }
  }

  #writeOld(unsynced: boolean): void {
    for (const target of this.#histories.keys()) {
      const { ino } = this.#disk.tree.find(target) as Inode;
      this.#disk.write(ino, 0, oldContent);
      if (!unsynced) this.#disk.sync(ino);
    }
  }

  #thread(plan: Plan, index: number, mutation: Mutation): Thread {
    const letter = String.fromCharCode(65 + index);
    const { length } = this.#scenario.calls;
    // Of one call in several writes; of several, in one each, or there are too many orders.
    const content = plan.content ?? letter.repeat(length === 1 ? 7 : 2);
    const history = this.#histories.get(this.#targetOf(plan)) as History;
    const { durability = 'full', mode } = plan.options ?? {};
    const { old } = history;
    const metadata = {
      mode: (mode as number | undefined) ?? old?.mode ?? 0o666 & ~umask,
      uid: old?.uid ?? 0,
      gid: old?.gid ?? 0,
    };
    let own = 0;
    const begun = (number: number): void => {
      // Between processes the last rename wins, whoever began first.
      own = plan.process === undefined ? number : 1;
      history.begin({
        letter: content[0] as string,
        content,
        ...metadata,
        number: own,
        soft: durability === 'off',
      } satisfies Version);
    };
    const process = plan.process ?? 0;
    if (!this.#states.has(process)) this.#states.set(process, new ProcessState());
    const kept = { release: this.#system.close, state: this.#states.get(process) as ProcessState };
    const start = (): Steps<unknown> => mutation(stepsOf(plan, index, content, begun, kept));
    const ended = (outcome: { value: unknown } | { error: unknown }): void => {
      if ('error' in outcome) this.#failed(plan, letter, outcome.error as WriteError);
      else this.#succeeded(history, own, durability, outcome.value as WriteResult);
    };
    return new Thread({ blocking: plan.blocking ?? false, process, start, ended }, this.#system);
  }

  #failed(plan: Plan, letter: string, error: WriteError): void {
    if (!(plan.fails ?? []).includes(error.code)) this.#report('at its end', `G4: ${letter} failed: ${error.stack}`);
  }

  #succeeded(history: History, number: number, durability: Durability, result: WriteResult): void {
    if (durability === 'full' && result.durable !== true)
      this.#report('at its end', `G3: durable is ${result.durable}`);
    history.succeed(number, durability, result, this.#disk.tree.find(history.target));
  }

  acted(thread: Thread, action: string, isNew: boolean): void {
    this.#trace.push(`${this.threads.indexOf(thread)}:${action}`);
    const histories = [...this.#histories.values()];
    for (const history of histories) history.exists ||= this.#disk.tree.find(history.target) !== undefined;
    if (!isNew) return;
    this.#findings.crashPoints++;
    const promises = histories.map(({ signature }) => signature).join('|');
    const moment = `${this.#disk.version} ${promises}`;
    if (moment === this.#lookedAt) return;
    this.#lookedAt = moment;
    for (const violation of checkNow(this.#disk.tree, histories)) this.#report('now', violation);
    for (const persistence of this.#persistences) this.#crash(persistence, histories, promises);
  }

  #crash(persistence: Persistence, histories: readonly History[], promises: string): void {
    const findings = this.#findings;
    const moment = `${persistence.profile}\n${promises}\n${persistence.signature}`;
    if (findings.seen.has(moment)) return;
    findings.seen.add(moment);
    const { states, combinations } = crashStates(persistence);
    findings.combinations += combinations;
    for (const tree of states) {
      const promisedState = `${promises}\n${tree.canonical}`;
      if (findings.seen.has(promisedState)) continue;
      findings.seen.add(promisedState);
      findings.states.add(tree.canonical);
      for (const violation of checkCrash(tree, histories))
        this.#report(`after a crash (${persistence.profile})`, violation);
      if (!findings.recovered.has(tree.canonical))
        this.#toRecover.set(tree.canonical, { tree, when: `recovering from a crash (${persistence.profile})` });
    }
  }

  finished(): void {
    this.#checkEnd();
    for (const [state, { tree, when }] of this.#toRecover) {
      this.#findings.recovered.add(state);
      for (const violation of recover(tree, [...this.#histories.values()])) this.#report(when, violation);
    }
  }

  #checkEnd(): void {
    for (const [index, { state }] of this.threads.entries())
      if (state !== 'done') this.#report('at the end', `G4: ${index} hangs (${state})`);
    if (this.#system.descriptors.size > 0)
      this.#report('at the end', `G10: ${this.#system.descriptors.size} descriptors are open`);
    for (const { path, name } of this.#disk.tree.walk())
      if (parseToken(name) !== undefined) this.#report('at the end', `G10: "${path}" is left`);
    for (const history of this.#histories.values()) {
      const file = this.#disk.tree.find(history.target);
      const newest = Math.max(...history.versions.map(({ number }) => number));
      const held = file === undefined ? [] : history.holding(file);
      const failing = this.#scenario.calls.some(({ fails }) => fails !== undefined);
      if (!failing && !held.some(({ number }) => number === newest))
        this.#report('at the end', `G7: not the last call's: ${JSON.stringify(file?.data)}`);
    }
  }

  #report(when: string, violation: string): void {
    const kind = violation.slice(0, violation.indexOf(':'));
    if (!this.#findings.violations.has(kind))
      this.#findings.violations.set(kind, `${violation}; ${when}, after ${this.#trace.join(' ')}`);
  }
}
