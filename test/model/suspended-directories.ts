/** A replacement that is stopped at any of its steps while another one goes by; and one of whose calls fails. */
import { WriteError } from 'untorn';
import { parseToken } from '#untorn/system/owner.js';
import { begin, make, path, replacing, show, type DirectoryScenario } from './directories.ts';
import type { Disk } from './disk.ts';
import { Process } from './process.ts';
import { sweepAll } from './recovery.ts';

/** What the path leads to, by the letter of who made it: one that is not whole is told as it is. */
function found(disk: Disk): string {
  const directory = disk.tree.find(path);
  if (directory === undefined) return 'nothing';
  const letters = new Set(
    disk.tree
      .walk(directory.ino)
      .filter(({ inode }) => inode.type === 'file')
      .map(({ inode }) => inode.data),
  );
  const names = disk.tree
    .walk(directory.ino)
    .map((one) => one.path)
    .join();
  return names === '/a,/l,/sub,/sub/c' && letters.size === 1 ? [...letters].join() : String(show(disk.tree, directory));
}

/** Names of this package's beside those that may stay. */
function left(disk: Disk, told: readonly string[]): string[] {
  const tree = disk.tree;
  return tree
    .walk()
    .filter(
      ({ name, path: at, inode }) =>
        (parseToken(name) !== undefined || name.includes('untorn-l')) &&
        inode !== tree.find(path) &&
        !told.includes(at),
    )
    .map((one) => one.path);
}

interface Checked {
  readonly violations: string[];
  readonly trials: number;
}

/** Stops the first at each step, and lets it go on when the second, which takes it for dead, has ended. */
export function checkSuspended(before: DirectoryScenario['before']): Checked {
  const violations: string[] = [];
  for (let trials = 0; ; trials++) {
    const disk = begin(before);
    const first = new Process(replacing(0, { letter: 'A' }), disk);
    if (!first.go(trials)) return { violations, trials };
    const second = new Process(replacing(1, { letter: 'B' }), disk);
    const may = (...allowed: string[]): void => {
      const is = found(disk);
      if (!allowed.includes(is)) violations.push(`G1: the path leads to ${is}, stopped at ${trials}`);
    };
    const old = before === 'nothing' ? 'nothing' : 'o';
    for (const process of [second, first]) while (process.go(1)) may(old, 'A', 'B');
    if (second.error !== undefined)
      violations.push(`G8: the second fails, stopped at ${trials}: ${String(second.error)}`);
    // Who comes back late is the last, or finds that it is not to change anything.
    if (first.error === undefined) may('A', 'B');
    else {
      may('B');
      if (
        !WriteError.isWriteError(first.error) ||
        first.error.outcome !== 'old' ||
        !['ERR_LOCK_LOST', 'EEXIST'].includes(first.error.code)
      )
        violations.push(`G4: the first says ${String((first.error as Error).stack)}, stopped at ${trials}`);
    }
    const { recoverable } = sweepAll(disk);
    const litter = left(disk, recoverable.map(String));
    if (litter.length > 0) violations.push(`G10: ${litter.join()} is left, stopped at ${trials}`);
  }
}

/**
 * Lets each call fail: the error tells what was done, and who gave a directory that was ready finds it where it was.
 */
export function checkFaults(before: DirectoryScenario['before'], ready: string | undefined): Checked {
  const violations: string[] = [];
  for (let trials = 0; ; trials++) {
    const disk = begin(before);
    const old = found(disk);
    if (ready !== undefined) make(disk, ready, 'A');
    const owner = new Process(replacing(0, { letter: 'A', ready }), disk, trials);
    owner.go(Infinity);
    if (owner.calls <= trials) return { violations, trials };
    const { error } = owner;
    const outcome = error === undefined ? 'new' : WriteError.isWriteError(error) ? error.outcome : String(error);
    const report = (violation: string): void =>
      void violations.push(`${violation}, call ${trials} failed: ${outcome}, ${String(error)}`);
    if (found(disk) !== (outcome === 'new' ? 'A' : outcome === 'old' ? old : ''))
      report(`G4: the path leads to ${found(disk)}`);
    if (outcome === 'old' && ready !== undefined && disk.tree.find(ready) === undefined)
      report('G4: what was ready is gone');
    const { recoverable } = sweepAll(disk);
    // What is in place is not undone, so that the old one may be left.
    const litter = left(disk, outcome === 'new' ? recoverable.map(String) : []);
    if (litter.length > 0) report(`G10: ${litter.join()} is left`);
  }
}
