import assert from 'node:assert/strict';
import { chmodSync, linkSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { writeFile, writeFileSync as writeNowSync, type WriteError } from 'untorn';
import { afterwards } from '../support/afterwards.ts';
import { apis, names, refusedWith, text } from '../support/apis.ts';
import { needsOrdinaryUser } from '../support/as-user.ts';
import { newFolder } from '../support/folder.ts';
import { bindMount, mountNew } from '../support/mount.ts';
import { finished, script, writeElsewhere } from '../support/run.ts';

for (const { name, write } of apis) {
  describe(`${name}() with a backup`, () => {
    it("keeps the old file as name~ with 'simple', over an older one, and makes none of a new file", async (t) => {
      const folder = newFolder(t);
      const path = join(folder, 'file');
      assert.equal((await write(path, '1', { backup: 'simple' })).backupPath, undefined);
      chmodSync(path, 0o640);
      for (const content of ['2', '3'])
        assert.equal((await write(path, content, { backup: 'simple' })).backupPath, `${path}~`);
      assert.deepEqual(names(folder), ['file', 'file~']);
      assert.deepEqual([text(path), text(`${path}~`), statSync(`${path}~`).mode & 0o7777], ['3', '2', 0o640]);
    });

    it("numbers the old files with 'numbered', and keeps the last few with a limit", async (t) => {
      const folder = newFolder(t);
      const path = join(folder, 'file');
      for (let i = 1; i <= 4; i++) await write(path, `${i}`, { backup: 'numbered' });
      assert.deepEqual(names(folder), ['file', 'file.~1~', 'file.~2~', 'file.~3~']);
      assert.equal((await write(path, '5', { backup: { numbered: 2 } })).backupPath, `${path}.~4~`);
      assert.deepEqual(names(folder), ['file', 'file.~3~', 'file.~4~']);
      assert.deepEqual([text(`${path}.~3~`), text(`${path}.~4~`)], ['3', '4']);
    });

    it('keeps it under a path, also on another filesystem, with its mode (G6)', async (t) => {
      const folder = newFolder(t);
      const path = join(folder, 'file');
      writeFileSync(path, 'old');
      chmodSync(path, 0o600);
      mkdirSync(join(folder, 'there'));
      await write(path, 'new', { backup: join(folder, 'there/backup') });
      assert.equal(text(join(folder, 'there/backup')), 'old');
      const mount = mountNew(t, 'tmpfs');
      if (mount === undefined) return;
      await write(path, 'newer', { backup: join(mount, 'backup') });
      assert.deepEqual(
        [text(join(mount, 'backup')), statSync(join(mount, 'backup')).mode & 0o7777, names(mount)],
        ['new', 0o600, ['backup']],
      );
    });

    it('leaves no other name where the backup already is a link to the target (G10)', async (t) => {
      const folder = newFolder(t);
      const path = join(folder, 'file');
      writeFileSync(path, 'old');
      linkSync(path, `${path}~`);
      await write(path, 'new', { backup: 'simple' });
      assert.deepEqual([names(folder), text(path), text(`${path}~`)], [['file', 'file~'], 'new', 'old']);
    });

    it('fails where the backup is a directory, or the target itself, and keeps the old file (G4, G10)', async (t) => {
      const folder = newFolder(t);
      const path = join(folder, 'file');
      writeFileSync(path, 'old');
      mkdirSync(`${path}~`);
      await assert.rejects(write(path, 'new', { backup: 'simple' }), refusedWith('EISDIR'));
      await assert.rejects(write(path, 'new', { backup: path }), refusedWith('EINVAL'));
      assert.deepEqual([names(folder), text(path)], [['file', 'file~'], 'old']);
    });

    it('keeps the older numbered backups, and adds none, when writes fail at the rename (G4, G10)', async (t) => {
      const folder = newFolder(t);
      const path = join(folder, 'file');
      for (const content of ['1', '2', '3']) await write(path, content, { backup: 'numbered' });
      writeFileSync(join(folder, 'source'), '3');
      if (bindMount(t, join(folder, 'source'), path) === undefined) return;
      for (let i = 0; i < 3; i++)
        await assert.rejects(write(path, 'new', { backup: { numbered: 2 } }), refusedWith('EBUSY'));
      assert.deepEqual(names(folder), ['file', 'file.~1~', 'file.~2~', 'source']);
      assert.deepEqual([text(path), text(`${path}.~1~`), text(`${path}.~2~`)], ['3', '1', '2']);
    });

    it('is made also while other processes replace the file all the time (G4)', async (t) => {
      const path = join(newFolder(t), 'file');
      writeFileSync(path, 'old');
      const source = `
        let failed = '';
        for (let i = 0; i < 1500 && failed === ''; i++) {
          try {
            await ${name}(process.argv[1], 'new', { backup: 'simple', durability: 'off' });
          } catch (error) {
            failed = error.message;
          }
        }
        console.log(failed);`;
      const ends = await Promise.all([1, 2, 3].map(() => finished(...script(source, { args: [path] }))));
      assert.deepEqual(
        ends.map(({ stdout, stderr }) => stdout.trim() + stderr),
        ['', '', ''],
      );
    });

    it('is the old content also of a file that is written in place', async (t) => {
      const folder = newFolder(t);
      const [place, elsewhere] = [join(folder, 'place'), join(folder, 'elsewhere')];
      for (const made of [place, elsewhere]) mkdirSync(made);
      const path = join(place, 'file');
      writeFileSync(path, 'old');
      const user = await needsOrdinaryUser(t, folder, elsewhere, path);
      if (user === undefined) return;
      chmodSync(place, 0o555);
      afterwards(t, () => chmodSync(place, 0o755));
      const backup = join(elsewhere, 'backup');
      const setup = `process.env.XDG_STATE_HOME = ${JSON.stringify(join(folder, 'state'))};`;
      const { result, error } = await writeElsewhere(name, user, path, 'new', { fallback: 'in-place', backup }, setup);
      assert.equal(error, undefined);
      assert.deepEqual([result?.atomic, result?.backupPath], [false, backup]);
      assert.deepEqual([text(path), text(backup)], ['new', 'old']);
    });
  });
}

describe('a backup of writeFile()', () => {
  it('is never the content of a synchronous write that came meanwhile', async (t) => {
    const path = join(newFolder(t), 'file');
    for (let turns = 0; turns < 40; turns++) {
      writeFileSync(path, 'old');
      const first = writeFile(path, 'first', { backup: 'simple' }).then(
        () => 'written',
        ({ code }: WriteError) => code,
      );
      for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
      writeNowSync(path, 'second', { backup: 'simple' });
      assert.ok(['written', 'ERR_UNTORN_OVERTAKEN'].includes(await first));
      assert.equal(text(path), 'second');
      assert.ok(['old', 'first'].includes(text(`${path}~`)), `${text(`${path}~`)} after ${turns} turns`);
    }
  });
});
