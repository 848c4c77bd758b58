/**
 * A transaction that was killed at any of its steps, and what is not as it left it: a directory that is not there while
 * others recover or are at work, at any of their steps; a copy of its directories; a record that another user takes
 * away and brings back; a staged file that is gone.
 */
import { Disk } from './disk.ts';
import { Process } from './process.ts';
import { root, type Tree } from './tree.ts';
import {
  recoverySteps,
  surroundingsFor,
  transactionSteps,
  unchanged,
  type Mutation,
  type Planned,
} from './transactions.ts';

const plan: readonly Planned[] = [
  { write: '/d/f', content: 'A' },
  { write: '/e/g', content: 'B' },
];
export const old = '/d/f=o /e/g=o';
export const fresh = '/d/f=A /e/g=B';
const folders = ['/d', '/e'] as const;
type Folder = (typeof folders)[number];

function begin(): Disk {
  const disk = new Disk();
  for (const [name, file] of [
    ['d', 'f'],
    ['e', 'g'],
  ] as const) {
    const { ino } = disk.create('directory', 0o755, 0, 0);
    disk.setEntries([
      { directory: root, name, ino },
      { directory: ino, name: file, ino: disk.create('file', 0o644, 0, 0, 'o').ino },
    ]);
  }
  return disk;
}

/** A disk as it is when the transaction was killed at a step; undefined if it has ended by then. */
export function killedAt(
  step: number,
  watch: (disk: Disk) => void = () => undefined,
): { disk: Disk; owner: Process } | undefined {
  const disk = begin();
  watch(disk);
  const owner = new Process(transactionSteps(plan, 'full', surroundingsFor(0)), disk);
  return owner.go(step) ? { disk, owner } : undefined;
}

const isOf =
  (name: string) =>
  (path: string): boolean =>
    path.includes(name);

/** The files but for what the package keeps, and whether something of that is left. */
export function contents(tree: Tree, where: readonly string[] = folders): { files: string; left: string[] } {
  const names = tree.walk().filter(({ path }) => where.some((folder) => path.startsWith(`${folder}/`)));
  const files = names
    .filter(({ path, inode }) => inode.type === 'file' && !path.includes('untorn'))
    .map(({ path, inode }) => `${path}=${inode.data}`);
  return { files: files.join(' '), left: names.map(({ path }) => path).filter(isOf('untorn')) };
}

export function isCommitted(tree: Tree): boolean {
  return (
    contents(tree).files !== old || tree.walk().some(({ name }) => ['token.committed', 'token.done'].includes(name))
  );
}

interface Recovered {
  readonly files: readonly { readonly path: string; readonly outcome: string }[];
  readonly kept: readonly unknown[];
}

export function recovery(disk: Disk, folder: string, index: number, mutation: Mutation = unchanged): Process {
  return new Process(mutation(recoverySteps(folder, surroundingsFor(index))), disk);
}

export function recoverAll(disk: Disk): Recovered[] {
  return folders.map((folder) => {
    const one = recovery(disk, folder, 9);
    one.go(Infinity);
    if (one.error !== undefined) throw one.error;
    return one.result as Recovered;
  });
}

/** Moves a directory away, with an empty one in its place or with none; returns how to bring it back. */
function takeAway(disk: Disk, folder: string, empty: boolean): () => void {
  const name = folder.slice(1);
  const ino = disk.tree.find(folder)?.ino as number;
  disk.setEntries([
    { directory: root, name, ino: empty ? disk.create('directory', 0o755, 0, 0).ino : undefined },
    { directory: root, name: 'away', ino },
  ]);
  return () =>
    disk.setEntries([
      { directory: root, name, ino },
      { directory: root, name: 'away', ino: undefined },
    ]);
}

/** Who is at work in the other directory meanwhile. */
const others: Readonly<Record<string, (folder: Folder) => (disk: Disk, mutation: Mutation) => Process>> = {
  'a recovery': (folder) => (disk, mutation) => recovery(disk, folder, 1, mutation),
  'a transaction': (folder) => (disk, mutation) =>
    new Process(
      mutation(
        transactionSteps([{ append: folder === '/d' ? '/d/f' : '/e/g', content: '' }], 'full', surroundingsFor(2)),
      ),
      disk,
    ),
};

export interface Checked {
  readonly violations: string[];
  readonly runs: number;
}

/** Takes a directory away when the other process has done so many steps, and brings it back when that has ended. */
export function checkAway(mutation: Mutation): Checked {
  const violations: string[] = [];
  let runs = 0;
  for (let kill = 0; killedAt(kill) !== undefined; kill++) {
    for (const [who, start] of Object.entries(others)) {
      for (const away of folders) {
        // Of the many steps of the other one all are tried, of some kills at each.
        const stride = 47;
        for (let step = kill % stride, goes = true; goes; step += stride) {
          const { disk } = killedAt(kill) as { disk: Disk };
          const committed = isCommitted(disk.tree);
          const other = start(away === '/d' ? '/e' : '/d')(disk, mutation);
          goes = other.go(step);
          const bringBack = takeAway(disk, away, kill % 2 === 0);
          other.go(Infinity);
          bringBack();
          recoverAll(disk);
          recoverAll(disk);
          const { files, left } = contents(disk.tree);
          const told = `${away} away, ${who} at ${step}, killed at ${kill}`;
          if (files !== (committed ? fresh : old)) violations.push(`G9: ${files}, ${told}`);
          else if (left.length > 0) violations.push(`G10: ${left.join(' ')} left, ${told}`);
          runs++;
        }
      }
    }
    if (mutation !== unchanged && violations.length > 0) break;
  }
  return { violations, runs };
}

/** Copies a directory with all that is in it, as `cp -a` does: nothing has the inode that it had. */
function copy(disk: Disk, from: string, to: string): void {
  const { ino } = disk.create('directory', 0o755, 0, 0);
  const [name = ''] = to.split('/').slice(-1);
  disk.setEntries([{ directory: disk.tree.find(to.slice(0, -name.length))?.ino ?? root, name, ino }]);
  for (const [entry, original] of disk.tree.find(from)?.entries ?? []) {
    const inode = disk.inode(original);
    if (inode.type === 'directory') copy(disk, `${from}/${entry}`, `${to}/${entry}`);
    else
      disk.setEntries([
        { directory: ino, name: entry, ino: disk.create(inode.type, inode.mode, inode.uid, inode.gid, inode.data).ino },
      ]);
  }
}

/** Recovers in copies: nothing of the originals changes, nor is anything completed in the copy. */
export function checkCopies(mutation: Mutation): Checked {
  const violations: string[] = [];
  let runs = 0;
  for (let kill = 0; ; kill++) {
    for (const which of [['/d'], ['/e'], folders]) {
      const killed = killedAt(kill);
      if (killed === undefined) return { violations, runs };
      const { disk } = killed;
      const committed = isCommitted(disk.tree);
      for (const folder of which) copy(disk, folder, `${folder}.copy`);
      const before = withoutLocks(disk.tree, folders);
      const copied = contents(disk.tree, ['/d.copy', '/e.copy']).files;
      for (const folder of which) recovery(disk, `${folder}.copy`, 1, mutation).go(Infinity);
      if (withoutLocks(disk.tree, folders) !== before)
        violations.push(`G9: a recovery in a copy of ${which.join(' and ')} changes the original, killed at ${kill}`);
      if (contents(disk.tree, ['/d.copy', '/e.copy']).files !== copied)
        violations.push(`G9: a recovery changes the copy of ${which.join(' and ')}, killed at ${kill}`);
      recoverAll(disk);
      const { files } = contents(disk.tree);
      if (files !== (committed ? fresh : old))
        violations.push(`G9: ${files} after a recovery in a copy, killed at ${kill}`);
      runs++;
    }
    if (mutation !== unchanged && violations.length > 0) return { violations, runs };
  }
}

function withoutLocks(tree: Tree, where: readonly string[]): string {
  return tree
    .walk()
    .filter(({ path }) => where.some((folder) => path.startsWith(`${folder}/`)) && !path.includes('untorn-l'))
    .map(({ path, inode }) => `${path}=${inode.data}`)
    .join(' ');
}

/** Another user, who may write the directory of a record or a pointer, takes that away and brings it back. */
export function checkTaken(): Checked {
  const violations: string[] = [];
  let runs = 0;
  for (let stop = 0; killedAt(stop) !== undefined; stop++) {
    for (const kind of ['journal', 'pointer']) {
      for (const back of ['before the recovery', 'after the recovery', 'after the owner went on']) {
        for (const dies of [true, false]) {
          const { disk, owner } = killedAt(stop) as { disk: Disk; owner: Process };
          const bringBack = takeRecord(disk, kind);
          if (bringBack === undefined) continue;
          runs++;
          const recovered = [];
          if (back === 'before the recovery') bringBack();
          for (const folder of folders.toReversed()) recovered.push(resultOf(recovery(disk, folder, 1)));
          if (back === 'after the recovery') bringBack();
          if (!dies) owner.go(Infinity);
          if (back === 'after the owner went on') bringBack();
          recovered.push(...recoverAll(disk), ...recoverAll(disk));
          const { files } = contents(disk.tree);
          const lost = recovered.flatMap((one) => one.files).some(({ outcome }) => outcome === 'missing');
          const told = `${kind} taken at ${stop}, back ${back}, the owner ${dies ? 'dies' : 'goes on'}: ${String(owner.error)}`;
          if (![old, fresh].includes(files) && !lost) violations.push(`G9: ${files}, ${told}`);
          if (!dies && owner.error === undefined && files !== fresh)
            violations.push(`G9: ${files} of what was done, ${told}`);
        }
      }
    }
  }
  return { violations, runs };
}

function resultOf(process: Process): Recovered {
  process.go(Infinity);
  if (process.error !== undefined) throw process.error;
  return process.result as Recovered;
}

function takeRecord(disk: Disk, kind: string): (() => void) | undefined {
  for (const folder of folders) {
    const directory = disk.tree.find(folder)?.ino as number;
    const [name, ino] = [...disk.inode(directory).entries].find(([one]) => one.endsWith(`.${kind}`)) ?? [];
    if (name === undefined || ino === undefined) continue;
    disk.setEntries([
      { directory, name, ino: undefined },
      { directory: root, name: 'taken', ino },
    ]);
    return () =>
      disk.setEntries([
        { directory: root, name: 'taken', ino: undefined },
        { directory, name, ino },
      ]);
  }
  return undefined;
}

/** Removes a staged file of one that is committed: it is told, and not taken for complete. */
export function checkVanished(): Checked {
  const violations: string[] = [];
  let runs = 0;
  for (let kill = 0; ; kill++) {
    for (const folder of folders) {
      const killed = killedAt(kill);
      if (killed === undefined) return { violations, runs };
      const { disk } = killed;
      const directory = disk.tree.find(folder)?.ino as number;
      const names = [...disk.inode(directory).entries.keys()].filter(isOf('untorn-x'));
      if (names.length === 0 || !isCommitted(disk.tree)) continue;
      disk.setEntries(names.map((name) => ({ directory, name, ino: undefined })));
      const quiet = new Process(transactionSteps([{ append: '/d/f', content: '' }], 'full', surroundingsFor(2)), disk);
      quiet.go(Infinity);
      const recovered = folders.map((one) => resultOf(recovery(disk, one, 1)));
      const { files } = contents(disk.tree);
      const told = recovered
        .flatMap((one) => one.files)
        .filter(({ outcome }) => outcome === 'missing')
        .map(({ path }) => path.slice(0, 2));
      if (files !== fresh && !told.includes(folder))
        violations.push(`G9: ${files} without a word, the staged file of ${folder} gone at ${kill}`);
      if (files === fresh && told.length > 0)
        violations.push(`G9: a false alarm, the staged file of ${folder} gone at ${kill}`);
      runs++;
    }
  }
}
