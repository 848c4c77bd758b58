/** Directories in a folder that others may write: what they rename there is never removed, and decides nothing. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { replaceDirectory, sweep, type ReplaceDirectoryResult, type SweepResult } from 'untorn';
import { alice, as, bob, needsUsers, type User } from '../support/as-user.ts';
import { ask } from '../support/child.ts';
import { needsNative, newFolderForLinks } from '../support/native-part.ts';
import { newFolder } from '../support/folder.ts';
import { isRoot } from '../support/needs.ts';

const superuser: User = { uid: 0, gid: 0 };

/** A folder of Bob's in which all may write, and no rule keeps them from renaming what is not theirs. */
function sharedFolder(t: TestContext): string {
  const folder = newFolderForLinks(t);
  chownSync(folder, bob.uid, bob.gid);
  chmodSync(folder, 0o777);
  return folder;
}

/** A private directory of somebody's with something in it. */
function secretOf({ uid, gid }: User, folder: string, name = 'private'): string {
  const directory = join(folder, name);
  mkdirSync(directory, { mode: 0o700 });
  writeFileSync(join(directory, 'secret'), 'secret');
  for (const path of [directory, join(directory, 'secret')]) chownSync(path, uid, gid);
  return directory;
}

function assertThere(directory: string): void {
  assert.equal(readFileSync(join(directory, 'secret'), 'utf8'), 'secret');
}

/** What a program of a user's tells. */
async function tell<T>({ uid, gid }: User, code: string, ...args: string[]): Promise<T> {
  const program = `import { replaceDirectory, sweep } from 'untorn'; import { writeFileSync } from 'node:fs'; const [path] = process.argv.slice(1);
    const made = (content, options) => replaceDirectory(path, (directory) => writeFileSync(directory + '/a', content), options);
    console.log(JSON.stringify(await (async () => { ${code} })() ?? null));`;
  return ask<T>(program, args, uid === 0 ? {} : { under: as({ uid, gid }) });
}

/** The name of a version whose maker is dead, up to the number of its inode. */
async function deadVersion(t: TestContext): Promise<string> {
  const path = join(newFolder(t), 'site');
  await tell(superuser, "await made('old')", path);
  return /^.*untorn-v-[0-9a-z-]+/.exec(readlinkSync(path))?.[0] as string;
}

const inode = (path: string): string => lstatSync(path, { bigint: true }).ino.toString(36);

for (const [who, owner] of [
  ['an ordinary user', alice],
  ['the superuser', superuser],
] as const) {
  describe(`where others may write, for ${who}`, () => {
    const needs = async (t: TestContext): Promise<boolean> => needsUsers(t);

    it('a sweep removes no directory for its name', async (t) => {
      if (!(await needs(t))) return;
      const folder = sharedFolder(t);
      const token = (await deadVersion(t)).replace('untorn-v-', 'untorn-d-');
      const planted = join(folder, `${token}.tmp`);
      renameSync(secretOf(owner, folder), planted);
      // Also if he may put something beside it, or in it a directory that is named so.
      const other = join(folder, `.other${token.slice(token.indexOf('.untorn'))}.tmp`);
      renameSync(secretOf(owner, folder), other);
      chmodSync(other, 0o777);
      mkdirSync(join(other, token.slice(token.indexOf('untorn'))));
      const { removed, kept } = await tell<SweepResult>(
        owner,
        'return sweep(path, { olderThan: 0, recursive: true })',
        folder,
      );
      assert.deepEqual([removed, kept.map(({ reason }) => reason)], [[], ['special', 'special']]);
      assertThere(planted);
      assertThere(other);
    });

    it('a link of another user does not say which directory is the old version', async (t) => {
      if (!(await needs(t))) return;
      const folder = sharedFolder(t);
      const secret = secretOf(owner, folder);
      const version = join(folder, `${await deadVersion(t)}.${inode(secret)}`);
      renameSync(secret, version);
      const path = join(folder, 'site');
      symlinkSync(basename(version), path);
      lchownSync(path, bob.uid, bob.gid);
      const { oldPath } = await tell<ReplaceDirectoryResult>(owner, "return made('new')", path);
      assert.deepEqual([oldPath, readFileSync(join(path, 'a'), 'utf8')], [version, 'new']);
      assertThere(version);
    });

    it('the own link removes only the directory that it was made for, and the own one', async (t) => {
      if (!(await needs(t))) return;
      const folder = sharedFolder(t);
      const path = join(folder, 'site');
      const { directory } = await tell<{ directory: string }>(owner, "return made('old')", path);
      renameSync(directory, join(folder, 'away'));
      renameSync(secretOf(owner, folder), directory);
      const { oldPath } = await tell<ReplaceDirectoryResult>(owner, "return made('new')", path);
      assert.equal(oldPath, directory);
      assertThere(directory);
      const replaced = await tell<ReplaceDirectoryResult>(owner, "return made('newer')", path);
      assert.deepEqual([replaced.oldPath, readFileSync(join(path, 'a'), 'utf8')], [undefined, 'newer']);
    });

    it('a directory at the path itself stays, since another may have put it there', async (t) => {
      if (!(await needs(t))) return;
      if (!needsNative(t)) return;
      const folder = sharedFolder(t);
      const path = secretOf(owner, folder, 'site');
      chmodSync(path, 0o700);
      const { oldPath } = await tell<ReplaceDirectoryResult>(owner, "return made('new')", path);
      assertThere(oldPath as unknown as string);
      assert.equal(readFileSync(join(path, 'a'), 'utf8'), 'new');
      // In a sticky one of the superuser's nobody else can rename it.
      chownSync(folder, 0, 0);
      chmodSync(folder, 0o1777);
      const { oldPath: left } = await tell<ReplaceDirectoryResult>(owner, "return made('newer')", path);
      assert.equal(left, undefined);
    });
  });
}

describe('where others may write', () => {
  it(
    'the rights of the new directory are not those of what another user leads to',
    { skip: !isRoot && 'needs root' },
    async (t) => {
      const folder = sharedFolder(t);
      const open = join(folder, 'open');
      mkdirSync(open);
      chownSync(open, bob.uid, bob.gid);
      chmodSync(open, 0o777);
      symlinkSync('open', join(folder, 'site'));
      lchownSync(join(folder, 'site'), bob.uid, bob.gid);
      const { directory } = await replaceDirectory(join(folder, 'site'), () => undefined);
      const { uid, mode } = lstatSync(directory);
      assert.deepEqual([uid, mode & 0o777], [0, 0o777 & ~process.umask()]);
    },
  );

  it(
    'versions and recovery files of others are not told of as if they were own',
    { skip: !isRoot && 'needs root' },
    async (t) => {
      const folder = sharedFolder(t);
      const version = await deadVersion(t);
      const names = [version, version.replace('untorn-v-', 'untorn-r-')];
      mkdirSync(join(folder, names[0] as string));
      writeFileSync(join(folder, names[1] as string), 'x');
      for (const name of names) chownSync(join(folder, name), bob.uid, bob.gid);
      const { kept, recoverable } = await sweep(folder);
      assert.deepEqual([kept.map(({ reason }) => reason), recoverable], [['foreign', 'foreign'], []]);
    },
  );
});

describe('an old directory', () => {
  it('is not removed through what is mounted in it; the result says where it is', async (t) => {
    const path = join(newFolder(t), 'site');
    const { directory } = await replaceDirectory(path, (one) => {
      mkdirSync(join(one, 'mounted'));
      writeFileSync(join(one, 'a'), 'old');
    });
    if (!isRoot || !existsSync('/dev/shm')) return t.skip('needs root and /dev/shm');
    const elsewhere = secretOf(superuser, newFolder(t, '/dev/shm'));
    const { status, stderr } = spawnSync('mount', ['--bind', elsewhere, join(String(directory), 'mounted')], {
      encoding: 'utf8',
    });
    if (status !== 0) return t.skip(`cannot mount: ${stderr.trim()}`);
    const { oldPath } = await replaceDirectory(path, () => undefined);
    const point = join(String(oldPath), 'mounted');
    const found = existsSync(join(point, 'secret'));
    assert.equal(spawnSync('umount', [point]).status, 0);
    assertThere(elsewhere);
    assert.ok(found);
  });

  it('that its owner may not write is replaced, and left where that is', async (t) => {
    if (!(await needsUsers(t))) return;
    const folder = newFolder(t);
    chownSync(folder, alice.uid, alice.gid);
    const path = join(folder, 'site');
    const published = `const fill = (directory) => { chmodSync(directory, 0o755); writeFileSync(directory + '/a', 'x'); chmodSync(directory, 0o555); };
      return replaceDirectory(path, fill);`;
    const code = `const { chmodSync } = await import('node:fs'); ${published}`;
    const first = await tell<{ directory: string }>(alice, code, path);
    assert.equal(lstatSync(first.directory).mode & 0o777, 0o555);
    const second = await tell<{ oldPath: string; directory: string }>(alice, code, path);
    assert.deepEqual(
      [second.oldPath, lstatSync(second.directory).mode & 0o777, readdirSync(second.directory)],
      [first.directory, 0o555, ['a']],
    );
    rmSync(folder, { recursive: true });
  });
});
