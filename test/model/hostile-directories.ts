/**
 * A neighbour who may rename in the directory, while one is replaced in it: at any step he puts a private directory of
 * its owner's, which he could not remove, in the place of what this package has there. It must never be removed.
 */
import type { FileStatus, Steps, SystemCall } from '#untorn/system/port.js';
import { parseToken } from '#untorn/system/owner.js';
import { make, path, replacing, show, type DirectoryScenario } from './directories.ts';
import { Disk } from './disk.ts';
import { mutant } from './mutants.ts';
import { perform, Process } from './process.ts';
import { sweepAll } from './recovery.ts';
import { root } from './tree.ts';
import { unchanged, type Mutation } from './transactions.ts';

const names = ['version', 'tree', 'the path'] as const;

export interface Attacked {
  readonly violations: string[];
  /** How many swaps there were to make. */
  readonly swaps: number;
}

function begin(before: DirectoryScenario['before']): Disk {
  const disk = new Disk();
  disk.setEntries([{ directory: root, name: 'd', ino: disk.create('directory', 0o777, 0, 0).ino }]);
  if (before === 'a link') perform(replacing(5, { letter: 'o' }), disk, () => undefined);
  if (before === 'a directory') make(disk, path, 'o');
  make(disk, '/d/private', 'p');
  return disk;
}

/** Exchanges the private directory and something of this package's; false if there is nothing to exchange it with. */
function swap(disk: Disk, which: string): boolean {
  const directory = disk.tree.find('/d');
  const name =
    which === 'the path'
      ? 'site'
      : [...(directory?.entries.keys() ?? [])].find((one) =>
          which === 'old version' ? isOld(one) : parseToken(one)?.kind === which && !isOld(one),
        );
  const one = directory?.entries.get('private');
  const other = name === undefined ? undefined : directory?.entries.get(name);
  if (directory === undefined || name === undefined || one === undefined || other === undefined) return false;
  disk.setEntries([
    { directory: directory.ino, name, ino: one },
    { directory: directory.ino, name: 'private', ino: other },
  ]);
  return true;
}

/** The first version is that of process 5. */
function isOld(name: string): boolean {
  return parseToken(name)?.kind === 'version' && parseToken(name)?.pid === 6;
}

/** Tries each swap at each step of a replacement; then sweeps, replaces again, and sweeps again. */
export function checkAttacked(before: DirectoryScenario['before'], mutation: Mutation = unchanged): Attacked {
  const violations: string[] = [];
  let swaps = 0;
  for (const which of [...names, 'old version']) {
    for (let at = 0, ended = false; !ended; at++) {
      const disk = begin(before);
      const secret = show(disk.tree, disk.tree.find('/d/private'));
      const owner = new Process(mutation(replacing(0, { letter: 'n' })), disk);
      ended = !owner.go(at);
      // What is at the path before it is looked at is the old directory, whoever has put it there.
      if (
        which === 'the path' &&
        ![...(disk.tree.find('/d')?.entries.keys() ?? [])].some(
          (name) => parseToken(name)?.pid === 1 && parseToken(name)?.kind === 'version',
        )
      )
        continue;
      if (!swap(disk, which)) continue;
      swaps++;
      owner.go(Infinity);
      const look = (when: string): void => {
        const isThere = disk.tree
          .walk()
          .some(({ inode }) => inode.type === 'directory' && show(disk.tree, inode) === secret);
        if (!isThere) violations.push(`the private directory is gone ${when}, swapped with ${which} at ${at}`);
      };
      look('after the replacement');
      sweepAll(disk);
      look('after a sweep');
      new Process(mutation(replacing(1, { letter: 'x' })), disk).go(Infinity);
      sweepAll(disk);
      look('after the next replacement');
    }
  }
  return { violations, swaps };
}

/** Looks that do not tell one inode from another. */
export const blind: Mutation = mutant((request) =>
  request.name === 'lstat' || request.name === 'fstat' || request.name === 'stat' ? sameFor(request) : undefined,
);

function* sameFor(look: SystemCall): Steps<unknown> {
  const status = (yield look) as FileStatus;
  return { ...status, ino: 1n };
}
