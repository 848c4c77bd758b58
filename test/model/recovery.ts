/** What comes after a crash: a sweep, and the next write. */
import type { SweepResult } from 'untorn';
import { sweepDirectory } from '#untorn/sweep/sweep-directory.js';
import { readOptions } from '#untorn/files/settings.js';
import { newOperation } from '#untorn/files/operation.js';
import { givenPath } from '#untorn/system/paths.js';
import { parseToken } from '#untorn/system/owner.js';
import { ProcessState } from '#untorn/system/port.js';
import { runSync } from '#untorn/system/systems.js';
import type { Violation } from './checks.ts';
import { Disk } from './disk.ts';
import type { History } from './history.ts';
import { systemOf } from './system.ts';
import type { Tree } from './tree.ts';
import { stepsOf, surroundingsOf } from './writers.ts';

/** Sweeps a disk whose writers are all dead. */
export function sweepAll(disk: Disk): SweepResult {
  const system = systemOf(disk);
  const operation = newOperation(givenPath('/'), readOptions({}), surroundingsOf(9, system.close), true);
  return runSync(
    sweepDirectory({
      directory: '/',
      olderThan: 0,
      recursive: true,
      dryRun: false,
      judge: () => 'dead',
      operation: operation,
    }),
    system,
  );
}

/** Sweeps a disk and writes its targets: nothing but temporary files goes, and a write succeeds. */
export function* recover(tree: Tree, histories: readonly History[]): Generator<Violation> {
  const disk = Disk.from(tree);
  const system = systemOf(disk);
  sweepAll(disk);
  const left = new Map([...disk.tree.walk()].map(({ path, inode }) => [path, inode.data]));
  for (const { path, name, inode } of tree.walk()) {
    const isTemporary = parseToken(name)?.kind === 'temporary';
    if (isTemporary && left.has(path)) yield `G10: the sweep leaves "${path}"`;
    if (!isTemporary && left.get(path) !== inode.data) yield `G10: the sweep takes "${path}"`;
  }
  for (const { target } of histories) {
    runSync(
      stepsOf(
        { path: target, blocking: true, options: { makeParents: true, durability: 'normal' } },
        9,
        'next',
        () => {},
        { release: system.close, state: new ProcessState() },
      ),
      system,
    );
    if (disk.tree.find(target)?.data !== 'next') yield `G4: the next write of "${target}" is not there`;
  }
}
