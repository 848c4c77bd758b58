/** The enumeration of crash states misses none, and makes none up. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { crashStates, product } from './crash-states.ts';
import { Disk, type Effect } from './disk.ts';
import { Persistence, type Profile } from './persistence.ts';
import { root, Tree } from './tree.ts';

/** Writes a file and renames it over another, synced or not. */
function replace(
  profile: Profile,
  { synced }: { synced: boolean },
): { persistence: Persistence; disk: Disk; fresh: number } {
  const disk = new Disk();
  const old = disk.create('file', 0o644, 0, 0, 'old');
  disk.setEntries([{ directory: root, name: 'f', ino: old.ino }]);
  const persistence = new Persistence(profile, disk);
  const fresh = disk.create('file', 0o600, 0, 0).ino;
  disk.setEntries([{ directory: root, name: 't', ino: fresh }]);
  disk.write(fresh, 0, 'ne');
  disk.write(fresh, 2, 'w');
  disk.setMetadata(fresh, { mode: 0o644 });
  if (synced) disk.sync(fresh);
  disk.setEntries([
    { directory: root, name: 'f', ino: fresh },
    { directory: root, name: 't', ino: undefined },
  ]);
  return { persistence, disk, fresh };
}

function contents(persistence: Persistence): string[] {
  return [...new Set(crashStates(persistence).states.map((tree) => String(tree.find('/f')?.data)))].toSorted();
}

/** Every subset of everything, without any shortcut. */
function everySubset(persistence: Persistence): Set<string> {
  const found = new Set<string>();
  for (const kept of product(persistence.pending.map(() => [false, true]))) {
    const disk = Disk.from(new Tree(persistence.certain));
    const sizes = new Map([...disk.inodes.values()].map(({ ino, data }) => [ino, data.length]));
    for (const [index, effect] of persistence.pending.entries()) if (kept[index]) redo(disk, sizes, effect);
    for (const inode of disk.inodes.values())
      if (inode.type === 'file')
        inode.data = inode.data.slice(0, sizes.get(inode.ino)).padEnd(sizes.get(inode.ino) ?? 0, '\0');
    found.add(disk.tree.canonical);
  }
  return found;
}

function redo(disk: Disk, sizes: Map<number, number>, effect: Effect): void {
  if (effect.kind === 'entry') disk.setEntries([effect]);
  else if (effect.kind === 'data') disk.write(effect.ino, effect.offset, effect.bytes);
  else if (effect.kind === 'metadata') disk.setMetadata(effect.ino, { mode: effect.mode });
  else sizes.set(effect.ino, effect.size);
}

describe('crashStates()', () => {
  it('finds the truncated and the torn file of a rename without a sync', () => {
    assert.deepEqual(contents(replace('weak', { synced: false }).persistence), [
      '',
      '\0\0',
      '\0\0\0',
      '\0\0w',
      'ne',
      'ne\0',
      'new',
      'old',
    ]);
    assert.deepEqual(contents(replace('journaled', { synced: false }).persistence), [
      '',
      '\0\0',
      '\0\0\0',
      '\0\0w',
      'ne',
      'ne\0',
      'new',
      'old',
    ]);
    assert.deepEqual(contents(replace('ordered', { synced: false }).persistence), ['', 'ne', 'new', 'old']);
  });

  it('finds the old and the new file only, if it was synced before the rename', () => {
    for (const profile of ['weak', 'journaled', 'ordered'] as const)
      assert.deepEqual(contents(replace(profile, { synced: true }).persistence), ['new', 'old']);
  });

  it('finds the new file only, once the directory is synced', () => {
    for (const profile of ['weak', 'journaled', 'ordered'] as const) {
      const { persistence, disk } = replace(profile, { synced: true });
      disk.sync(root);
      assert.deepEqual(contents(persistence), ['new']);
    }
  });

  it('finds the same states as trying every subset', () => {
    for (const synced of [false, true]) {
      const { persistence } = replace('weak', { synced });
      const found = crashStates(persistence).states.map((tree) => tree.canonical);
      assert.deepEqual(new Set(found), everySubset(persistence));
      assert.equal(new Set(found).size, found.length);
    }
  });

  it('persists the journal as a prefix', () => {
    const disk = new Disk();
    const persistence = new Persistence('journaled', disk);
    for (const name of ['a', 'b', 'c'])
      disk.setEntries([{ directory: root, name, ino: disk.create('file', 0o600, 0, 0).ino }]);
    const names = crashStates(persistence).states.map((tree) =>
      tree
        .walk()
        .map(({ name }) => name)
        .join(''),
    );
    assert.deepEqual(names, ['', 'a', 'ab', 'abc']);
  });

  it('refuses to leave states out', () => {
    const disk = new Disk();
    const persistence = new Persistence('weak', disk);
    for (let index = 0; index < 16; index++)
      disk.setEntries([{ directory: root, name: `${index}`, ino: disk.create('file', 0o600, 0, 0).ino }]);
    assert.throws(() => crashStates(persistence), /make the scenario smaller/);
  });
});
