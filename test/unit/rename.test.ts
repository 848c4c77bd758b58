import assert from 'node:assert/strict';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync as plainWrite,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { rename, renameSync, writeFile, writeFileSync } from 'untorn';
import { names, refusedWith, text } from '../support/apis.ts';
import { as, bob, needsUsers } from '../support/as-user.ts';
import { newFolder } from '../support/folder.ts';
import { bindMount, mountNew } from '../support/mount.ts';
import { scratch } from '../support/scratch.ts';
import { finished, script } from '../support/run.ts';
import { renames } from '../support/verbs.ts';

for (const { name, call } of renames) {
  describe(`${name}()`, () => {
    const here = scratch();

    it('renames a file, with its inode and its mode, and says so', async () => {
      plainWrite(here.at('old'), 'content', { mode: 0o640 });
      const { ino } = statSync(here.at('old'));
      const result = await call(here.at('old'), here.at('new'));
      assert.deepEqual(result, { path: here.at('new'), from: here.at('old'), replaced: false, durable: true });
      assert.deepEqual(here.names(), ['new']);
      assert.equal(statSync(here.at('new')).ino, ino);
      assert.equal(statSync(here.at('new')).mode & 0o777, 0o640);
    });

    it('replaces a file of the new name, in another directory too', async () => {
      mkdirSync(here.at('below'));
      plainWrite(here.at('old'), 'content');
      plainWrite(here.at('below/new'), 'other');
      const { replaced, durable } = await call(here.at('old'), here.at('below/new'));
      assert.deepEqual([replaced, durable], [true, true]);
      assert.deepEqual([here.names(), here.text('below/new')], [['below'], 'content']);
    });

    it('keeps a file of the new name if it may not replace it', async () => {
      plainWrite(here.at('old'), 'content');
      plainWrite(here.at('new'), 'other');
      await assert.rejects(call(here.at('old'), here.at('new'), { overwrite: false }), refusedWith('EEXIST'));
      assert.deepEqual([here.text('old'), here.text('new')], ['content', 'other']);
      await call(here.at('old'), here.at('newer'), { overwrite: false });
      assert.deepEqual([here.names(), here.text('newer')], [['new', 'newer'], 'content']);
    });

    it('renames a link and not what it leads to, and replaces a link', async () => {
      plainWrite(here.at('file'), 'content');
      symlinkSync('file', here.at('link'));
      symlinkSync('nowhere', here.at('other'));
      await call(here.at('link'), here.at('other'));
      assert.equal(readlinkSync(here.at('other')), 'file');
      assert.deepEqual(here.names(), ['file', 'other']);
    });

    it('refuses what is no file, is itself, or is not there, and changes nothing', async () => {
      plainWrite(here.at('file'), 'content');
      mkdirSync(here.at('directory'));
      linkSync(here.at('file'), here.at('link'));
      const refused: [string, string, string][] = [
        ['file', 'file', 'EINVAL'],
        ['file', 'link', 'EINVAL'],
        ['file', 'directory', 'EISDIR'],
        ['directory', 'file', 'EISDIR'],
        ['missing', 'file', 'ENOENT'],
        ['file', 'missing/file', 'ENOENT'],
      ];
      for (const [from, to, code] of refused)
        await assert.rejects(call(here.at(from), here.at(to)), refusedWith(code), `${from} to ${to}`);
      assert.deepEqual(here.names(), ['directory', 'file', 'link']);
    });

    it('names both paths in its error, as given', async () => {
      await assert.rejects(call('missing-here', 'there'), {
        path: 'missing-here',
        dest: 'there',
        message: 'Cannot rename "missing-here" to "there": there is no such file; the target is untouched',
      });
    });

    it('makes the parents of the new name if it is asked to, and none of the old one', async () => {
      plainWrite(here.at('old'), 'content');
      await assert.rejects(call(here.at('no/old'), here.at('a/new'), { makeParents: true }), refusedWith('ENOENT'));
      assert.deepEqual(here.names(), ['old']);
      await call(here.at('old'), here.at('a/b/new'), { makeParents: true });
      assert.equal(here.text('a/b/new'), 'content');
    });

    it('tells what it did not make durable', async () => {
      for (const durability of ['normal', 'off'] as const) {
        plainWrite(here.at('old'), 'content');
        assert.equal((await call(here.at('old'), here.at('new'), { durability })).durable, false);
      }
    });

    it('refuses another filesystem, before anything is made there', async (t) => {
      const mount = mountNew(t, 'tmpfs');
      if (mount === undefined) return;
      plainWrite(here.at('old'), 'content');
      await assert.rejects(call(here.at('old'), join(mount, 'new')), refusedWith('EXDEV'));
      assert.deepEqual([here.text('old'), names(mount)], ['content', []]);
    });

    it('refuses a directory that is mounted a second time, which only the rename tells', async (t) => {
      const folder = newFolder(t);
      for (const one of ['one', 'two']) mkdirSync(join(folder, one));
      if (bindMount(t, join(folder, 'one'), join(folder, 'two')) === undefined) return;
      plainWrite(join(folder, 'old'), 'content');
      await assert.rejects(call(join(folder, 'old'), join(folder, 'two', 'new')), refusedWith('EXDEV'));
      assert.deepEqual([names(folder), names(join(folder, 'one'))], [['old', 'one', 'two'], []]);
    });

    it('refuses wrong arguments before anything is touched', async () => {
      await assert.rejects(call(5 as never, here.at('new')), { code: 'ERR_INVALID_ARG_TYPE' });
      await assert.rejects(call(here.at('old'), ''), { code: 'ERR_INVALID_ARG_VALUE' });
      await assert.rejects(call(here.at('old'), here.at('new'), { ifMatch: 'absent' } as never), {
        code: 'ERR_INVALID_ARG_VALUE',
      });
    });
  });
}

describe('renaming beside other calls of the process', () => {
  const here = scratch();

  it('comes after earlier writes and before later ones (G7)', async () => {
    for (let round = 0; round < 20; round++) {
      const [file, old] = [here.at(`file-${round}`), here.at(`old-${round}`)];
      await Promise.all([writeFile(file, 'one'), writeFile(file, 'two'), rename(file, old), writeFile(file, 'three')]);
      assert.deepEqual([text(old), text(file)], ['two', 'three']);
    }
  });

  it('replaces what an earlier call writes to the new name, and yields to a later one (G7)', async () => {
    for (let round = 0; round < 20; round++) {
      plainWrite(here.at('from'), 'renamed');
      await Promise.all([writeFile(here.at('to'), 'early'), rename(here.at('from'), here.at('to'))]);
      assert.equal(here.text('to'), 'renamed');
      plainWrite(here.at('from'), 'renamed');
      const renaming = rename(here.at('from'), here.at('to')).catch((error: unknown) => error);
      writeFileSync(here.at('to'), 'late');
      await renaming;
      assert.equal(here.text('to'), 'late');
    }
  });

  it('keeps the old name, and says why, if a later call for the new name comes first (G7)', async () => {
    plainWrite(here.at('from'), Buffer.alloc(10_000_000));
    const [renamed] = await Promise.allSettled([
      rename(here.at('from'), here.at('to')),
      writeFile(here.at('to'), 'late', { durability: 'off' }),
    ]);
    assert.equal(here.text('to'), 'late');
    // The content is synced before the rename, which usually takes longer.
    if (renamed.status === 'fulfilled') return;
    assert.match(String(renamed.reason), /: a later call for this file came first/);
    assert.deepEqual([renamed.reason.code, statSync(here.at('from')).size], ['ERR_UNTORN_OVERTAKEN', 10_000_000]);
  });

  it('does not come after a later write of the new name, at whatever moment that is renamed (G7)', async () => {
    for (let round = 0; round < 200; round++) {
      plainWrite(here.at('from'), 'old');
      const renamed = rename(here.at('from'), here.at('to'));
      for (let turns = round % 8; turns > 0; turns--) await setImmediate();
      await Promise.allSettled([renamed, writeFile(here.at('to'), 'late', { durability: 'off' })]);
      assert.equal(here.text('to'), 'late', `round ${round}`);
    }
  });

  it('does not lose what an earlier call still writes: a blocking rename is refused', async () => {
    const writing = writeFile(here.at('from'), 'content');
    assert.throws(() => renameSync(here.at('from'), here.at('to')), { code: 'ERR_LOCK_DEADLOCK', outcome: 'old' });
    await writing;
    renameSync(here.at('from'), here.at('to'));
    assert.equal(here.text('to'), 'content');
  });

  it('goes both ways at once without waiting for itself', async () => {
    for (let round = 0; round < 20; round++) {
      plainWrite(here.at('a'), 'a');
      plainWrite(here.at('b'), 'b');
      await Promise.allSettled([rename(here.at('a'), here.at('b')), rename(here.at('b'), here.at('a'))]);
      assert.equal(here.names().length, 1);
    }
  });

  it('ends by an abort, and changes nothing', async () => {
    plainWrite(here.at('a'), 'a');
    await assert.rejects(rename(here.at('a'), here.at('b'), { signal: AbortSignal.abort() }), { name: 'AbortError' });
    assert.deepEqual(here.names(), ['a']);
  });
});

describe('renaming among users', () => {
  it("keeps another user's file in a sticky directory", async (t) => {
    if (!(await needsUsers(t))) return;
    const folder = newFolder(t);
    chmodSync(folder, 0o1777);
    plainWrite(join(folder, 'theirs'), 'content');
    const { stdout, stderr } = await finished(
      ...as(bob),
      ...script(
        `import { renameSync } from 'untorn'; try { renameSync(${JSON.stringify(join(folder, 'theirs'))}, ${JSON.stringify(join(folder, 'mine'))}); } catch ({ code, outcome }) { console.log(code, outcome); }`,
      ),
    );
    assert.equal(stdout, 'EPERM old\n', stderr);
    assert.deepEqual(names(folder), ['theirs']);
  });
});
