/** All orders of a few processes that update one file, and what must hold at the end of each. */
import { Disk } from './disk.ts';
import { Owner, target, type Mutation } from './owners.ts';
import { Remover } from './remover.ts';
import { sweepAll } from './recovery.ts';
import { root } from './tree.ts';

export interface Scenario {
  readonly owners: number;
  readonly preemptions: number;
  /** What the file holds before; none if there is no file. */
  readonly old?: string;
  /** Whether the lock is a dead process's in the beginning, with a temporary file. */
  readonly stale?: boolean;
  readonly distrusts?: boolean;
  readonly blind?: boolean;
  readonly heedless?: boolean;
  /** Whether the first is killed: before it begins, and after each of its actions that change something, in turn. */
  readonly kills?: boolean;
  /** Whether somebody removes the lock's directory, with all that is in it, one by one, at any moment. */
  readonly removed?: boolean;
  /** Whether others may write the directory, so that it is not reached by its path. */
  readonly shared?: boolean;
  /** Whether a directory that is renamed to one with entries is put together with it. */
  readonly merges?: boolean;
  /** The errors with which an update may fail, beside those of one that was taken for dead. */
  readonly fails?: readonly string[];
  /** A mistake, with a memory of its own for each process. */
  readonly mutant?: () => Mutation;
}

export interface Findings {
  schedules: number;
  updated: number;
  lost: number;
  readonly violations: string[];
}

const dead = 98;
const deadRandom = '9'.repeat(20);
const token = (kind: string, extra: string): string =>
  `untorn-${kind}-00000000-0-0-0-0-${dead.toString(36)}-0-0-0-${extra}`;

/** One run: its disk and its processes. */
class Run {
  readonly disk = new Disk();
  readonly owners: Owner[];
  /** All who act. */
  readonly actors: (Owner | Remover)[];
  readonly trace: string[] = [];

  constructor({
    owners,
    old,
    stale = false,
    distrusts = false,
    blind = false,
    heedless = false,
    removed = false,
    shared = false,
    merges,
    mutant,
  }: Scenario) {
    this.#add('/d', this.disk.create('directory', shared ? 0o2775 : 0o755, 0, 0).ino);
    if (old !== undefined) this.#add(target, this.disk.create('file', 0o644, 0, 0, old).ino);
    if (stale) {
      this.#add('/d/.f.untorn-lock', this.disk.create('directory', 0o755, 0, 0).ino);
      const entry = `/d/.f.untorn-lock/held/${token('l', `7ps-${deadRandom}`)}`;
      this.#add('/d/.f.untorn-lock/held', this.disk.create('directory', 0o755, 0, 0).ino);
      this.#add(entry, this.disk.create('directory', 0o755, 0, 0).ino);
      this.#add(`${entry}/.f.${token('t', '8'.repeat(20))}.tmp`, this.disk.create('file', 0o644, 0, 0, 'half').ino);
    }
    const isDead = ({ pid }: { pid: number }): boolean => pid === dead || this.owners[pid - 1]?.state === 'killed';
    this.owners = Array.from(
      { length: owners },
      (_, index) =>
        new Owner(this.disk, index, {
          letter: String.fromCharCode(65 + index),
          distrusts,
          blind,
          heedless,
          isDead,
          traits: { merges },
          mutation: mutant?.(),
        }),
    );
    this.actors = removed ? [...this.owners, new Remover(this.disk, '/d/.f.untorn-lock')] : this.owners;
  }

  #add(path: string, ino: number): void {
    const [name = ''] = path.split('/').slice(-1);
    this.disk.setEntries([
      { directory: this.disk.tree.find(path.slice(0, -name.length - 1) || '/')?.ino ?? root, name, ino },
    ]);
  }
}

/** Runs every order of a scenario. */
export function explore(scenario: Scenario): Findings {
  const findings: Findings = { schedules: 0, updated: 0, lost: 0, violations: [] };
  for (let killAt = scenario.kills ? 0 : -1; ; killAt++) {
    const actions = exploreOrders(scenario, killAt, findings);
    if (!scenario.kills || killAt > actions || findings.violations.length > 0) return findings;
  }
}

interface Choice {
  readonly taken: number;
  readonly of: number;
}

/** Returns how many changes the first process made at most. */
function exploreOrders(scenario: Scenario, killAt: number, findings: Findings): number {
  let prefix: number[] = [];
  let most = 0;
  for (;;) {
    const run = new Run(scenario);
    const { choices, actions } = runOne(run, prefix, scenario.preemptions, killAt);
    most = Math.max(most, actions);
    findings.schedules++;
    check(run, scenario, findings);
    while (choices.length > 0 && (choices.at(-1) as Choice).taken + 1 >= (choices.at(-1) as Choice).of) choices.pop();
    if (choices.length === 0 || findings.violations.length > 0) return most;
    prefix = choices.map(({ taken }) => taken);
    prefix[prefix.length - 1]!++;
  }
}

function runOne(
  run: Run,
  prefix: readonly number[],
  preemptions: number,
  killAt: number,
): { choices: Choice[]; actions: number } {
  const choices: Choice[] = [];
  const [first] = run.owners as [Owner];
  let actions = 0;
  let current: Owner | Remover | undefined;
  for (let left = preemptions; ;) {
    if (actions === killAt && first.state === 'running') {
      first.kill();
      run.disk.version++; // Who sleeps looks again.
    }
    const able = run.actors.filter((actor) => actor.canAct);
    // Time goes by: who sleeps looks again, the one after the other.
    const sleeper =
      able.length > 0
        ? undefined
        : run.owners.filter((owner) => owner.sleeps).toSorted((one, other) => one.naps - other.naps)[0];
    if (sleeper !== undefined) {
      sleeper.naps++;
      able.push(sleeper);
    }
    const goesOn = current !== undefined && able.includes(current);
    const options = !goesOn
      ? able
      : left === 0
        ? [current as Owner]
        : [current as Owner, ...able.filter((actor) => actor !== current)];
    const taken = prefix[choices.length] ?? 0;
    const next = options[taken];
    if (next === undefined) return { choices, actions };
    if (goesOn && next !== current) left--;
    current = next;
    choices.push({ taken, of: options.length });
    const before = run.disk.version;
    run.trace.push(`${next.letter}:${next.act()}`);
    if (next === first && run.disk.version !== before) actions++;
    if (choices.length > 2000) throw new Error(`It does not end: ${run.trace.slice(0, 300).join(' ')}`);
  }
}

function check(
  run: Run,
  { old = '', distrusts = false, removed = false, fails = [] }: Scenario,
  findings: Findings,
): void {
  const report = (violation: string): void =>
    void findings.violations.push(`${violation}; after ${run.trace.join(' ')}`);
  const content = run.disk.tree.find(target)?.data ?? '';
  const count = (letter: string): number => content.split(letter).length - 1;
  if (!content.startsWith(old)) report(`G1: the file holds ${content}`);
  for (const { state, letter, error } of run.owners) {
    if (state === 'running') report(`G8: ${letter} hangs`);
    if (state === 'updated' && count(letter) !== 1) report(`G8: ${letter} is lost: ${content}`);
    if (state === 'updated') findings.updated++;
    if (count(letter) > 1) report(`G8: ${letter} is there twice: ${content}`);
    if (state !== 'failed') continue;
    findings.lost++;
    if (count(letter) > 0) report(`G4: ${letter} failed, and is there: ${content}`);
    if (error?.outcome !== 'old') report(`G4: ${letter} says ${error?.outcome}`);
    const expected = distrusts || removed ? ['ERR_LOCK_LOST', 'ERR_VERSION_CONFLICT', ...fails] : fails;
    if (!expected.includes(error?.code ?? '')) report(`G8: ${letter} failed: ${error?.stack}`);
  }
  const killed = run.owners.some(({ state }) => state === 'killed');
  if (killed) sweepAll(run.disk);
  const names = [...(run.disk.tree.find('/d')?.entries.keys() ?? [])].filter((name) => name !== 'f');
  if (names.length > 0) report(`G10: left are ${names.join(', ')}`);
}
