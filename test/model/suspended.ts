/**
 * A transaction whose owner is stopped at any of its steps, taken for dead, and goes on when another has gone by; and
 * one that is stopped while a foreign program, which takes no locks, puts a file there.
 */
import { Disk } from './disk.ts';
import { Process } from './process.ts';
import { root, type Tree } from './tree.ts';
import { recoverySteps, surroundingsFor, transactionSteps, type Mutation, type Planned } from './transactions.ts';

const plan: readonly Planned[] = [{ write: '/d/f', content: 'A' }, { write: '/e/g', content: 'B' }, { remove: '/e/h' }];

function begin(): Disk {
  const disk = new Disk();
  for (const [index, name] of ['d', 'e'].entries()) {
    const { ino } = disk.create('directory', 0o755, 0, 0);
    disk.setEntries([{ directory: root, name, ino }]);
    for (const file of index === 0 ? ['f'] : ['g', 'h'])
      disk.setEntries([{ directory: ino, name: file, ino: disk.create('file', 0o644, 0, 0, 'o').ino }]);
  }
  return disk;
}

function contents(tree: Tree): string {
  return tree
    .walk()
    .filter(({ inode }) => inode.type === 'file')
    .map(({ path, inode }) => `${path}=${inode.data}`)
    .join(' ');
}

/** Stops the owner at each step; returns what was wrong, and how many steps there were. */
export function checkSuspended(mutation: Mutation): { violations: string[]; stops: number } {
  const violations: string[] = [];
  for (let stops = 0; ; stops++) {
    const disk = begin();
    const owner = new Process(mutation(transactionSteps(plan, 'full', surroundingsFor(0))), disk);
    if (!owner.go(stops)) return { violations, stops };
    // It reads the file under the lock that it takes over, and changes what it finds.
    const other = new Process(
      mutation(transactionSteps([{ append: '/d/f', content: 'U' }], 'full', surroundingsFor(1))),
      disk,
    );
    other.go(Infinity);
    owner.go(Infinity);
    for (const directory of ['/d', '/e']) new Process(recoverySteps(directory, surroundingsFor(2)), disk).go(Infinity);
    const found = contents(disk.tree);
    const committed = '/d/f=AU /e/g=B';
    const old = '/d/f=oU /e/g=o /e/h=o';
    // Where it had no lock yet, or none any more, the other comes first.
    const first = '/d/f=A /e/g=B';
    const right =
      owner.error === undefined ? [committed, first] : outcomeOf(owner.error) === 'new' ? [committed] : [old];
    if (other.error !== undefined) violations.push(`G8: the other fails, stopped at ${stops}: ${String(other.error)}`);
    else if (!right.includes(found)) violations.push(`G9: ${found}, stopped at ${stops}: ${String(owner.error)}`);
  }
}

function outcomeOf(error: unknown): unknown {
  return (error as { outcome?: unknown }).outcome;
}

/** Kills the owner at each step after which a foreign program puts a file where one was removed or replaced. */
export function checkForeign(mutation: Mutation): { violations: string[]; kills: number } {
  const violations: string[] = [];
  for (let kills = 0; ; kills++) {
    const disk = begin();
    const owner = new Process(transactionSteps(plan, 'full', surroundingsFor(0)), disk);
    if (!owner.go(kills)) return { violations, kills };
    for (const [path, name] of [
      ['/d', 'f'],
      ['/e', 'h'],
    ] as const) {
      disk.setEntries([
        { directory: disk.tree.find(path)?.ino as number, name, ino: disk.create('file', 0o644, 0, 0, 'X').ino },
      ]);
    }
    for (const directory of ['/d', '/e'])
      new Process(mutation(recoverySteps(directory, surroundingsFor(1))), disk).go(Infinity);
    const found = contents(disk.tree);
    if (!['/d/f=X /e/g=o /e/h=X', '/d/f=X /e/g=B /e/h=X'].includes(found))
      violations.push(`G9: ${found}, killed at ${kills}`);
  }
}

/** Lets each call of the owner fail: its error tells what was done, and a recovery makes that whole. */
export function checkFaults(): { violations: string[]; faults: number } {
  const violations: string[] = [];
  for (let faults = 0; ; faults++) {
    const disk = begin();
    const owner = new Process(transactionSteps(plan, 'full', surroundingsFor(0)), disk, faults);
    owner.go(Infinity);
    if (owner.calls <= faults) return { violations, faults };
    const before = contents(disk.tree);
    for (const directory of ['/d', '/e']) new Process(recoverySteps(directory, surroundingsFor(1)), disk).go(Infinity);
    const found = contents(disk.tree);
    const told = owner.error === undefined ? 'new' : outcomeOf(owner.error);
    const right = told === 'old' ? '/d/f=o /e/g=o /e/h=o' : '/d/f=A /e/g=B';
    if (told === 'unknown' ? !['/d/f=o /e/g=o /e/h=o', '/d/f=A /e/g=B'].includes(found) : found !== right)
      violations.push(
        `G9: ${found}, ${String(told)}, call ${faults} failed: ${String(owner.error)}; before the recovery ${before}`,
      );
  }
}
