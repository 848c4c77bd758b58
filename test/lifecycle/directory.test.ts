/**
 * What comes between while a directory is replaced: aborts, others, the end of the process, and rights that are
 * missing.
 */
import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { replaceDirectory, replaceDirectorySync, sweep, WriteError, type SweepResult } from 'untorn';
import { needsOrdinaryUser } from '../support/as-user.ts';
import { ask, run, start } from '../support/child.ts';
import { needsNative, newFolderForLinks } from '../support/native-part.ts';
import { newFolder } from '../support/folder.ts';
import { bindMount } from '../support/mount.ts';
import { leaveLock } from '../support/stale.ts';

function fill(directory: string, content: string): string {
  mkdirSync(join(directory, 'sub'), { recursive: true });
  for (const name of ['a', 'sub/b']) writeFileSync(join(directory, name), content);
  return directory;
}

function contentOf(path: string): string {
  const [a, b] = ['a', 'sub/b'].map((name) => readFileSync(join(path, name), 'utf8'));
  assert.equal(b, a);
  return a as string;
}

/** Names beside the path, apart from what it leads to. */
function litter(path: string): string[] {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const current = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true ? readlinkSync(path) : name;
  return readdirSync(join(path, '..'))
    .filter((one) => one !== name && one !== current)
    .toSorted();
}

function failsWith(code: string): (error: unknown) => boolean {
  return (error) => WriteError.isWriteError(error) && error.code === code && error.outcome === 'old';
}

/** A program's beginning: `site` is the path, `fill` makes two files in a directory. */
const prelude = `
  import { replaceDirectory, replaceDirectorySync } from 'untorn';
  import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
  import { writeFile } from 'node:fs/promises';
  const site = process.argv[1];
  const fill = (directory, content) => {
    mkdirSync(directory + '/sub');
    for (const name of ['a', 'sub/b']) writeFileSync(directory + '/' + name, content);
  };
`;

for (const [name, replace] of [
  ['replaceDirectory', replaceDirectory],
  ['replaceDirectorySync', async (...args: Parameters<typeof replaceDirectorySync>) => replaceDirectorySync(...args)],
] as const) {
  describe(`${name}(), when something comes between`, () => {
    it('does nothing when it was aborted before, and leaves the old one when it is aborted while it fills (G4, G10)', async (t) => {
      const path = join(newFolder(t), 'site');
      await replace(path, (directory) => fill(directory, 'old'));
      const aborted = AbortSignal.abort();
      await assert.rejects(
        replace(path, () => assert.fail('it was called'), { signal: aborted }),
        { name: 'AbortError', outcome: 'old' },
      );
      const controller = new AbortController();
      const filling = (directory: string): void => {
        fill(directory, 'new');
        controller.abort();
      };
      await assert.rejects(replace(path, filling, { signal: controller.signal }), {
        name: 'AbortError',
        outcome: 'old',
      });
      assert.deepEqual([contentOf(path), litter(path)], ['old', []]);
    });

    it('leaves what was ready where it was when it is aborted or the lock is held (G4)', async (t) => {
      const folder = newFolder(t);
      const path = join(folder, 'site');
      const next = fill(join(folder, 'next'), 'new');
      await assert.rejects(replace(path, next, { signal: AbortSignal.abort() }), {
        name: 'AbortError',
        outcome: 'old',
      });
      const { lock } = leaveLock(folder, 'site', {});
      const names = [lock, next].map((one) => one.slice(folder.length + 1)).toSorted();
      await assert.rejects(replace(path, next, { lock: { timeout: 30 } }), failsWith('ERR_LOCK_TIMEOUT'));
      await assert.rejects(
        replace(path, (directory) => fill(directory, 'new'), { lock: { timeout: 30 } }),
        failsWith('ERR_LOCK_TIMEOUT'),
      );
      assert.deepEqual([readdirSync(folder).toSorted(), contentOf(next)], [names, 'new']);
      rmSync(lock, { recursive: true });
      await replace(path, next, { lock: { timeout: 5000 } });
      assert.equal(contentOf(path), 'new');
    });

    it('takes the place of a link that leads to nothing (G4)', async (t) => {
      const folder = newFolder(t);
      const path = join(folder, 'site');
      const { directory } = await replace(path, (one) => fill(one, 'old'));
      rmSync(directory, { recursive: true });
      const result = await replace(path, (one) => fill(one, 'new'));
      assert.deepEqual([result.replaced, result.oldPath, contentOf(path), litter(path)], [false, undefined, 'new', []]);
    });

    it("takes the link away from somebody's directory elsewhere, and leaves that", async (t) => {
      const [folder, elsewhere] = [newFolder(t), newFolder(t)];
      const path = join(folder, 'site');
      symlinkSync(fill(join(elsewhere, 'release'), 'old'), path);
      const { oldPath } = await replace(path, (one) => fill(one, 'new'));
      assert.deepEqual(
        [oldPath, contentOf(path), contentOf(join(elsewhere, 'release'))],
        [join(elsewhere, 'release'), 'new', 'old'],
      );
    });

    it('does not go where it leads into itself: a source with the path in it, and a source in the old one', async (t) => {
      const folder = newFolderForLinks(t);
      const outer = fill(join(folder, 'outer'), 'outer');
      await assert.rejects(replace(join(outer, 'site'), outer), failsWith('EINVAL'));
      assert.deepEqual([contentOf(outer), readdirSync(outer).toSorted()], ['outer', ['a', 'sub']]);
      const path = join(folder, 'site');
      await replace(path, (directory) => void fill(join(fill(directory, 'old'), 'next'), 'new'));
      await replace(path, join(path, 'next'));
      assert.deepEqual([contentOf(path), litter(path)], ['new', ['outer']]);
    });

    it('leaves a directory on which something is mounted (G4)', async (t) => {
      if (!needsNative(t)) return;
      const folder = newFolder(t);
      const path = fill(join(folder, 'site'), 'old');
      if (bindMount(t, path, path) === undefined) return;
      const next = fill(join(folder, 'next'), 'new');
      await assert.rejects(replace(path, next), failsWith('EBUSY'));
      await assert.rejects(
        replace(path, (directory) => fill(directory, 'new')),
        failsWith('EBUSY'),
      );
      assert.deepEqual([contentOf(path), contentOf(next), litter(path)], ['old', 'new', ['next']]);
    });

    it('says what an ordinary user may not do, and has changed nothing (G4, G5)', async (t) => {
      const folder = newFolder(t);
      const path = join(folder, 'site');
      await replace(path, (directory) => fill(directory, 'old'));
      const under = await needsOrdinaryUser(t);
      if (under === undefined) return;
      chmodSync(folder, 0o555);
      const told = await ask(
        `${prelude}
        try { await ${name}(site, (directory) => fill(directory, 'new')); } catch ({ code, outcome }) { console.log(JSON.stringify([code, outcome])); }`,
        [path],
        { under },
      );
      chmodSync(folder, 0o755);
      assert.deepEqual([told, contentOf(path), litter(path)], [['EACCES', 'old'], 'old', []]);
    });

    it('keeps the old one where the directory cannot be synced, and says where it is (G2, G4)', async (t) => {
      const folder = newFolder(t);
      const under = await needsOrdinaryUser(t, folder);
      if (under === undefined) return;
      const path = join(folder, 'site');
      // It may be written and passed through, not read: then it cannot be synced.
      const told = await ask<{ durable: string; oldPath: string }[]>(
        `${prelude}
        import { chmodSync } from 'node:fs';
        const folder = site.slice(0, site.lastIndexOf('/'));
        chmodSync(folder, 0o300);
        const results = [];
        for (const [content, options] of [['one', {}], ['two', {}], ['three', { durability: 'off' }]]) results.push(await ${name}(site, (directory) => fill(directory, content), options));
        chmodSync(folder, 0o755);
        console.log(JSON.stringify(results));`,
        [path],
        { under },
      );
      assert.deepEqual(
        told.map(({ durable }) => durable),
        ['unsupported', 'unsupported', false],
      );
      const [, second, third] = told as [unknown, { oldPath: string }, { oldPath?: string }];
      assert.deepEqual([contentOf(second.oldPath), third.oldPath, contentOf(path)], ['one', undefined, 'three']);
    });
  });
}

describe('replaceDirectory(), at the end of the process (G10)', () => {
  /** The function has files under way, and stays. */
  const middle = (end: string): string => `${prelude}
    void replaceDirectory(site, async (directory) => {
      mkdirSync(directory + '/sub');
      const writing = Array.from({ length: 40 }, (_, index) => writeFile(directory + '/sub/' + index, Buffer.alloc(100_000, 'x')));
      await writing[0];
      console.log('ready');
      ${end}
      await new Promise(() => {});
    });
    setInterval(() => {}, 1000);`;

  for (const [how, end, status] of [
    ['process.exit()', 'process.exit(7);', 7],
    ['SIGTERM', '', null],
    ['SIGINT', '', null],
  ] as const) {
    it(`by ${how} leaves the old directory, and not the new one`, async (t) => {
      const path = join(newFolder(t), 'site');
      await replaceDirectory(path, (directory) => fill(directory, 'old'));
      const program = start(middle(end), [path]);
      assert.equal(await program.line(), 'ready');
      if (how !== 'process.exit()') program.process.kill(how);
      const ended = await program.ended;
      assert.deepEqual([ended.status, ended.signal], [status, status === null ? how : null], ended.stderr);
      assert.deepEqual([contentOf(path), litter(path)], ['old', []]);
    });
  }

  it('leaves a directory that was ready where it was', async (t) => {
    const folder = newFolder(t);
    const path = join(folder, 'site');
    const next = fill(join(folder, 'next'), 'new');
    leaveLock(folder, 'site', {});
    const before = readdirSync(folder).toSorted();
    const program = start(
      `${prelude}
      void replaceDirectory(site, process.argv[2]);
      const lock = site.replace(/[^/]*$/, '.$&.untorn-lock');
      const prepared = () => readdirSync(lock).some((name) => name !== 'held' && readdirSync(lock + '/' + name).length > 0);
      while (!prepared()) await new Promise(setImmediate);
      console.log('waits');`,
      [path, next],
    );
    assert.equal(await program.line(), 'waits');
    program.process.kill('SIGTERM');
    assert.equal((await program.ended).signal, 'SIGTERM');
    assert.deepEqual([contentOf(next), readdirSync(folder).toSorted()], ['new', before]);
  });
});

describe('replaceDirectory(), by two processes at once', () => {
  for (const kind of ['link', 'directory'] as const) {
    it(`has a whole ${kind} of one of them at the end, and nothing of the others (G1, G10)`, async (t) => {
      if (kind === 'directory' && !needsNative(t)) return;
      const folder = newFolder(t);
      const path = join(folder, 'site');
      if (kind === 'directory') fill(path, 'old');
      const program = `${prelude}
        for (let round = 0; round < 8; round++) {
          await Promise.all([replaceDirectory(site, (directory) => fill(directory, process.pid + ' ' + round), { durability: 'off' }),
            replaceDirectory(site, (directory) => fill(directory, process.pid + ' again ' + round), { durability: 'off' })]);
        }`;
      const ended = await Promise.all([run(program, [path]), run(program, [path])]);
      assert.deepEqual(
        ended.map(({ status, stderr }) => [status, stderr]),
        [
          [0, ''],
          [0, ''],
        ],
      );
      assert.match(contentOf(path), / 7$/);
      assert.deepEqual([litter(path), lstatSync(path).isSymbolicLink()], [[], kind === 'link']);
    });
  }

  it("removes what its user was killed at; for the superuser that is another user's (G10)", async (t) => {
    const folder = newFolder(t);
    const under = await needsOrdinaryUser(t, folder);
    if (under === undefined) return;
    const path = join(folder, 'site');
    const { signal } = await run(
      `${prelude}
      replaceDirectorySync(site, (directory) => { fill(directory, 'half'); process.kill(process.pid, 'SIGKILL'); });`,
      [path],
      { under },
    );
    assert.equal(signal, 'SIGKILL');
    const left = readdirSync(folder).map((name) => join(folder, name));
    assert.equal(left.length, 1);
    if (process.geteuid?.() === 0)
      assert.deepEqual(await sweep(folder), {
        removed: [],
        kept: [{ path: left[0], reason: 'foreign' }],
        recoverable: [],
      });
    const { removed } = await ask<SweepResult>(
      `import { sweep } from 'untorn'; console.log(JSON.stringify(await sweep(process.argv[1])));`,
      [folder],
      { under },
    );
    assert.deepEqual([removed, readdirSync(folder)], [left, []]);
  });

  it('gives the new one the mode, the group and the owner of the old one (G6)', async (t) => {
    const folder = newFolder(t);
    if (process.geteuid?.() !== 0) return t.skip('needs root');
    const path = join(folder, 'site');
    const { directory } = await replaceDirectory(path, (one) => fill(one, 'old'));
    chownSync(directory, 64_001, 64_010);
    chmodSync(directory, 0o2750);
    await replaceDirectory(path, (one) => {
      const { mode, uid, gid } = lstatSync(one);
      assert.deepEqual([mode & 0o7777, uid, gid], [0o2750, 64_001, 64_010]);
      fill(one, 'new');
    });
    const { mode, uid, gid } = lstatSync(join(folder, readlinkSync(path)));
    assert.deepEqual([mode & 0o7777, uid, gid, contentOf(path)], [0o2750, 64_001, 64_010, 'new']);
  });
});
