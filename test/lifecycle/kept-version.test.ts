/** Old versions of directories on a filesystem that other machines may have in use: they stay for a while. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { replaceDirectory, sweep, type ReplaceDirectoryResult } from 'untorn';
import { bob } from '../support/as-user.ts';
import { ask } from '../support/child.ts';
import { newFolder } from '../support/folder.ts';
import { needsRoot } from '../support/needs.ts';
import { replacing } from '../support/replacing.ts';

const onLinux = { skip: process.platform === 'linux' ? false : 'filesystems are told apart on Linux only' };

/** Replaces in a process that is told that the filesystem is NFS; `later` in seconds is how much later it is there. */
async function replaceOnNfs(path: string, content: string, later = 0): Promise<ReplaceDirectoryResult> {
  return ask(
    `
    ${replacing}
    const [path, content, later] = process.argv.slice(1);
    const { statfsSync, lstatSync } = fs;
    fs.statfsSync = (...args) => ({ ...statfsSync(...args), type: 0x6969 });
    fs.lstatSync = (name, ...args) => {
      const status = lstatSync(name, ...args);
      if (String(name).endsWith('/site') && typeof status?.ctimeNs === 'bigint') status.ctimeNs += BigInt(later) * 1_000_000_000n;
      return status;
    };
    syncBuiltinESMExports();
    const { replaceDirectorySync } = await import('untorn');
    console.log(JSON.stringify(replaceDirectorySync(path, (directory) => fs.writeFileSync(directory + '/a', content))));`,
    [path, content, String(later)],
  );
}

const contentOf = (directory: unknown): string => readFileSync(join(String(directory), 'a'), 'utf8');

describe('replaceDirectory(), where other machines may read', () => {
  it('leaves the old version under its name; a later replacement removes it', onLinux, async (t) => {
    const folder = newFolder(t);
    const path = join(folder, 'site');
    const first = await replaceOnNfs(path, '1');
    const second = await replaceOnNfs(path, '2');
    assert.deepEqual([second.oldPath, contentOf(first.directory), contentOf(path)], [first.directory, '1', '2']);
    await replaceOnNfs(path, '3', 60);
    assert.equal(contentOf(first.directory), '1');
    await replaceOnNfs(path, '4', 660);
    const versions = readdirSync(folder)
      .filter((name) => name.includes('untorn-v-'))
      .map((name) => contentOf(join(folder, name)));
    assert.deepEqual([versions.toSorted(), contentOf(path)], [['3', '4'], '4']);
  });

  it('leaves it to a sweep', onLinux, async (t) => {
    const folder = newFolder(t);
    const path = join(folder, 'site');
    for (const content of ['1', '2', '3']) await replaceOnNfs(path, content);
    const { kept, removed } = await sweep(folder);
    assert.deepEqual([kept.map(({ reason }) => reason), removed], [['young', 'young'], []]);
    const { removed: links, recoverable } = await sweep(folder, { olderThan: 0 });
    assert.deepEqual(
      [links.length, recoverable, readdirSync(folder).toSorted()],
      [2, [], [readlinkSync(path), 'site'].toSorted()],
    );
  });

  it('believes no link of another user, and no link of its own that says something else', onLinux, async (t) => {
    if (!needsRoot(t)) return;
    const folder = newFolder(t);
    chmodSync(folder, 0o777);
    const path = join(folder, 'site');
    const { directory } = await replaceDirectory(path, (one) => writeFileSync(join(one, 'a'), '1'));
    const version = readlinkSync(path);
    const [tree, other] = ['0', '1'].map((digit) =>
      join(folder, version.replace('untorn-v-', 'untorn-d-').replace(/.{20}\.[^.]*$/, `${digit.repeat(20)}.tmp`)),
    ) as [string, string];
    renameSync(path, tree);
    symlinkSync(`${version}/${lstatSync(String(directory), { bigint: true }).ino.toString(36)}`, other);
    lchownSync(other, bob.uid, bob.gid);
    mkdirSync(join(folder, 'empty'));
    const { kept, removed } = await sweep(folder, { olderThan: 0 });
    assert.deepEqual(
      [removed, kept.map(({ reason }) => reason).toSorted(), contentOf(directory)],
      [[], ['alive', 'foreign', 'special'], '1'],
    );
  });
});
