import assert from 'node:assert/strict';
import { statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { apis, names, refusedWith, text } from '../support/apis.ts';
import { newFolder } from '../support/folder.ts';
import { mountNew } from '../support/mount.ts';
import { hasNative } from '../support/native-part.ts';
import { needsTools } from '../support/needs.ts';
import { finished, script, writeElsewhere } from '../support/run.ts';

/** A folder where files have one name only, and what goes in front of a program that works there. */
type Place = { readonly folder: string; readonly under: readonly string[] };

/** A file gets its name by a rename there. The prefix keeps it from having none before. */
const options = { overwrite: false, temporary: { prefix: '.new-' } } as const;

const withoutLinks: Record<string, (t: TestContext) => Place | undefined> = {
  'on vfat, which has no hard links': (t) => {
    const folder = mountNew(t, 'vfat');
    return folder === undefined ? undefined : { folder, under: [] };
  },
  'where link(2) is refused': (t) => {
    if (!needsTools(t, 'strace')) return undefined;
    const calls = 'link,linkat';
    const under = [
      'strace',
      '-f',
      '-qq',
      '-o',
      '/dev/null',
      '-e',
      `trace=${calls}`,
      '-e',
      `inject=${calls}:error=EPERM`,
    ];
    return { folder: newFolder(t), under };
  },
};

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

  for (const [where, placeFor] of Object.entries(withoutLinks)) {
    describe(`${name}() with overwrite: false, ${where}`, () => {
      it('makes a new file and leaves an existing one; without the native part it is refused (G1, G4, G10)', async (t) => {
        const place = placeFor(t);
        if (place === undefined) return;
        const { folder, under } = place;
        const path = join(folder, 'file');
        const attempt = async (content: string): Promise<string> => {
          const { result, error } = await writeElsewhere(name, under, path, content, options);
          return result === undefined ? `${error?.code} ${error?.outcome}` : 'made';
        };
        assert.equal(await attempt('first'), hasNative ? 'made' : 'EPERM old');
        if (!hasNative) {
          assert.deepEqual(names(folder), []);
          writeFileSync(path, 'first');
        }
        assert.equal(await attempt('second'), 'EEXIST old');
        assert.deepEqual([text(path), names(folder)], ['first', ['file']]);
      });

      it('lets exactly one of two processes make each of many files (G1)', async (t) => {
        const place = placeFor(t);
        if (place === undefined) return;
        const { folder, under } = place;
        const program = `
          const [folder, own, options] = process.argv.slice(1);
          const won = [];
          const codes = new Set();
          for (let number = 0; number < 100; number++)
            try { await ${name}(folder + '/' + number, own.repeat(1000), JSON.parse(options)); won.push(number); }
            catch (error) { codes.add(error.code + ' ' + error.outcome); }
          console.log(JSON.stringify({ won, codes: [...codes] }));`;
        const told = await Promise.all(
          ['a', 'b'].map(async (own) => {
            const args = [folder, own, JSON.stringify({ ...options, durability: 'off' })];
            const { stdout, stderr } = await finished(...under, ...script(program, { args }));
            assert.notEqual(stdout, '', stderr);
            return JSON.parse(stdout) as { won: number[]; codes: string[] };
          }),
        );
        const codes = [...new Set(told.flatMap((one) => one.codes))];
        if (!hasNative) {
          assert.deepEqual([codes, names(folder)], [['EPERM old'], []]);
          return;
        }
        assert.deepEqual(codes, ['EEXIST old']);
        const won = told.flatMap((one) => one.won).toSorted((one, other) => one - other);
        assert.deepEqual(
          won,
          Array.from({ length: 100 }, (_, number) => number),
        );
        for (const [index, own] of ['a', 'b'].entries())
          for (const number of told[index]?.won ?? [])
            assert.equal(text(join(folder, String(number))), own.repeat(1000));
        assert.equal(names(folder).length, 100);
      });
    });
  }

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
