import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync as plainWrite } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readVersionedSync, remove, removeSync, updateFile, writeFile, writeFileSync } from 'untorn';
import { names, refusedWith } from '../support/apis.ts';
import { as, bob, needsUsers } from '../support/as-user.ts';
import { newFolder } from '../support/folder.ts';
import { finished, script } from '../support/run.ts';
import { scratch } from '../support/scratch.ts';
import { removals } from '../support/verbs.ts';

const another = '0'.repeat(64);

for (const { name, call } of removals) {
  describe(`${name}()`, () => {
    const here = scratch();

    it('removes a file, and says so', async () => {
      plainWrite(here.at('file'), 'content');
      assert.deepEqual(await call(here.at('file')), {
        path: here.at('file'),
        removed: true,
        superseded: false,
        durable: true,
      });
      assert.deepEqual(here.names(), []);
    });

    it('removes a link and not what it leads to', async () => {
      plainWrite(here.at('file'), 'content');
      symlinkSync('file', here.at('link'));
      await call(here.at('link'));
      assert.deepEqual(here.names(), ['file']);
    });

    it('refuses a directory, and a missing file unless that is accepted', async () => {
      mkdirSync(here.at('directory'));
      await assert.rejects(call(here.at('directory')), refusedWith('EISDIR'));
      await assert.rejects(call(here.at('missing')), refusedWith('ENOENT'));
      const { removed, durable } = await call(here.at('missing'), { force: true });
      assert.deepEqual([removed, durable], [false, true]);
      await assert.rejects(call(here.at('no/such'), { force: true }), refusedWith('ENOENT'));
    });

    it('removes the expected version only, and leaves no lock (G8)', async () => {
      plainWrite(here.at('file'), 'content');
      const { version } = readVersionedSync(here.at('file'));
      await assert.rejects(call(here.at('file'), { ifMatch: another }), {
        code: 'ERR_VERSION_CONFLICT',
        outcome: 'old',
        currentVersion: version,
      });
      assert.deepEqual(here.names(), ['file']);
      assert.equal((await call(here.at('file'), { ifMatch: version })).removed, true);
      assert.deepEqual(here.names(), []);
      await assert.rejects(call(here.at('file'), { ifMatch: version }), { currentVersion: 'absent' });
      assert.deepEqual(here.names(), []);
    });

    it('tells what it did not make durable', async () => {
      for (const durability of ['normal', 'off'] as const) {
        plainWrite(here.at('file'), 'content');
        assert.equal((await call(here.at('file'), { durability })).durable, false);
      }
    });

    it('refuses wrong arguments before anything is touched', async () => {
      plainWrite(here.at('file'), 'content');
      await assert.rejects(call(here.at('file'), { force: 1 } as never), { code: 'ERR_INVALID_ARG_TYPE' });
      await assert.rejects(call(here.at('file'), { recursive: true } as never), { code: 'ERR_INVALID_ARG_VALUE' });
      await assert.rejects(call(here.at('file'), { ifMatch: 'absent' }), { code: 'ERR_INVALID_ARG_VALUE' });
      assert.deepEqual(here.names(), ['file']);
    });
  });
}

describe('removing beside other calls of the process', () => {
  const here = scratch();

  it('comes after earlier writes and before later ones (G7)', async () => {
    for (let round = 0; round < 20; round++) {
      const file = here.at(`file-${round}`);
      plainWrite(file, 'old');
      await Promise.all([writeFile(file, 'one'), remove(file)]);
      assert.equal(existsSync(file), false);
      await Promise.all([remove(file, { force: true }), writeFile(file, 'two')]);
      assert.equal(existsSync(file), true);
    }
  });

  it('is not undone by an earlier write when it blocks (G7)', async () => {
    for (let round = 0; round < 20; round++) {
      const file = here.at('file');
      plainWrite(file, 'old');
      const writing = writeFile(file, 'one');
      removeSync(file, { durability: round % 2 === 0 ? 'full' : 'off' });
      assert.equal((await writing).superseded, true);
      assert.equal(existsSync(file), false);
    }
  });

  it('does not undo a later blocking write (G7)', async () => {
    for (let round = 0; round < 20; round++) {
      const file = here.at('file');
      plainWrite(file, 'old');
      const removing = remove(file, { linger: false });
      writeFileSync(file, 'new');
      await removing;
      assert.equal(here.text('file'), 'new');
    }
  });

  it('waits for an update, and an update for it', async () => {
    plainWrite(here.at('file'), 'old');
    await Promise.all([updateFile(here.at('file'), async () => 'new'), remove(here.at('file'))]);
    assert.deepEqual(here.names(), []);
  });
});

describe('removing among users', () => {
  it("keeps another user's file in a sticky directory", async (t) => {
    if (!(await needsUsers(t))) return;
    const folder = newFolder(t);
    chmodSync(folder, 0o1777);
    const file = join(folder, 'theirs');
    plainWrite(file, 'content');
    const { version } = readVersionedSync(file);
    const program = `import { removeSync } from 'untorn';
      for (const options of [{}, { ifMatch: '${version}', lock: { timeout: 0 } }])
        try { removeSync(${JSON.stringify(file)}, options); } catch ({ code, outcome }) { console.log(code, outcome); }`;
    const { stdout, stderr } = await finished(...as(bob), ...script(program));
    assert.equal(stdout, 'EPERM old\nEPERM old\n', stderr);
    assert.deepEqual(names(folder), ['theirs']);
  });
});
