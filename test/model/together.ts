/**
 * Two that carry out one committed transaction at once, as an owner that was taken for dead and whoever took over, in
 * orders of their calls.
 */
import { clearStaged, makeAll, type Part } from '#untorn/journal/apply.js';
import { openDirectory } from '#untorn/files/directory.js';
import { identityOf, stagedToken, type Change } from '#untorn/journal/format.js';
import { newOperation } from '#untorn/files/operation.js';
import { readOptions } from '#untorn/files/settings.js';
import { givenPath } from '#untorn/system/paths.js';
import { call, type Steps } from '#untorn/system/port.js';
import { Disk } from './disk.ts';
import { Process } from './process.ts';
import { root } from './tree.ts';
import { surroundingsFor } from './transactions.ts';

const staged = `.f.${stagedToken('id')}1`;
/** The inodes of the model count up: a root, a directory, the old file, the new one. */
const stagedIno = 4n;

function* carryOut(index: number): Steps<void> {
  const operation = newOperation(givenPath('/d/f'), readOptions({}), surroundingsFor(index), true);
  const parts: Part[] = [{ directory: yield* openDirectory(operation, '/d'), directoryPath: '/d', numbered: true }];
  const change: Change = {
    kind: 'put',
    directory: 0,
    name: 'f',
    staged,
    is: { ino: stagedIno },
    over: identityOf({ ...(yield* call.lstat('/d/was')) }, false),
  };
  yield* makeAll(operation, 'id', parts, [change]);
  yield* clearStaged(operation, 'id', parts, [change]);
}

function begin(): Disk {
  const disk = new Disk();
  const { ino } = disk.create('directory', 0o755, 0, 0);
  const old = disk.create('file', 0o644, 0, 0, 'old').ino;
  const entries = [
    ['f', old],
    ['was', old],
    [staged, disk.create('file', 0o644, 0, 0, 'new').ino],
  ] as const;
  disk.setEntries([
    { directory: root, name: 'd', ino },
    ...entries.map(([name, file]) => ({ directory: ino, name, ino: file })),
  ]);
  return disk;
}

/**
 * The first goes on for some calls, then the second, again the first; then each to its end, the second before. Returns
 * what was wrong.
 */
export function checkTogether(): { violations: string[]; orders: number } {
  const violations: string[] = [];
  let orders = 0;
  const tryOrder = (
    first: number,
    second: number,
    again: number,
  ): { firstGoes: boolean; secondGoes: boolean; again: boolean } => {
    const disk = begin();
    const [one, other] = [0, 1].map((index) => new Process(carryOut(index), disk)) as [Process, Process];
    const goes = { firstGoes: one.go(first), secondGoes: other.go(second), again: one.go(again) };
    for (const last of [other, one]) last.go(Infinity);
    orders++;
    const found = disk.tree
      .walk()
      .filter(({ inode }) => inode.type === 'file')
      .map(({ path, inode }) => `${path}=${inode.data}`)
      .join(' ');
    const error = one.error ?? other.error;
    if (error !== undefined || found !== '/d/f=new /d/was=old')
      violations.push(`G9: ${found} ${String(error ?? '')} after ${first}, ${second}, ${again}`);
    return goes;
  };
  for (let first = 0, goes = true; goes; first++) {
    for (let second = 0, secondGoes = true; secondGoes; second++) {
      for (let again = 1, thirdGoes = true; thirdGoes; again++)
        ({ firstGoes: goes, secondGoes, again: thirdGoes } = tryOrder(first, second, again));
    }
  }
  return { violations, orders };
}
