import assert from 'node:assert/strict';
import { statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { apis, names, refusedWith, text } from '../support/apis.ts';
import { newFolder } from '../support/folder.ts';
import { writeElsewhere } from '../support/run.ts';

for (const { name, write } of apis) {
  describe(`${name}() with overwrite: false`, () => {
    it('makes a new file and leaves an existing one (G1, G10)', async (t) => {
      const folder = newFolder(t);
      await write(join(folder, 'file'), 'first', { overwrite: false });
      await assert.rejects(write(join(folder, 'file'), 'second', { overwrite: false }), refusedWith('EEXIST'));
      assert.deepEqual([text(join(folder, 'file')), names(folder)], ['first', ['file']]);
    });

    it('lets exactly one of twenty processes make the file (G1)', async (t) => {
      const folder = newFolder(t);
      const path = join(folder, 'file');
      const told = await Promise.all(
        Array.from({ length: 20 }, (_, i) => writeElsewhere(name, [], path, `${i}`.repeat(1000), { overwrite: false })),
      );
      const winners = told.flatMap(({ result }, i) => (result === undefined ? [] : [i]));
      assert.equal(winners.length, 1);
      assert.ok(told.every(({ result, error }) => result !== undefined || error?.code === 'EEXIST'));
      assert.deepEqual([text(path), names(folder)], [`${winners[0]}`.repeat(1000), ['file']]);
    });
  });

  describe(`${name}() with ifUnchanged: 'skip'`, () => {
    it('leaves inode and times of a file with the same bytes, and replaces it for others', async (t) => {
      const path = join(newFolder(t), 'file');
      writeFileSync(path, 'same');
      utimesSync(path, 1000, 1000);
      const before = statSync(path);
      assert.equal((await write(path, 'same', { ifUnchanged: 'skip' })).unchanged, true);
      assert.equal((await write(path, ['sa', 'me'], { ifUnchanged: 'skip' })).unchanged, true);
      assert.deepEqual([statSync(path).ino, statSync(path).mtimeMs], [before.ino, before.mtimeMs]);
      for (const other of ['samE', 'same and more', '']) {
        assert.equal((await write(path, other, { ifUnchanged: 'skip' })).unchanged, false);
        assert.equal(text(path), other);
      }
    });
  });
}
