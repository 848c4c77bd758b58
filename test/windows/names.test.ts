import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { openPending, writeFile, writeFileSync } from 'untorn';
import { apis } from '../support/apis.ts';
import { scratch } from '../support/scratch.ts';
import { failure, onWindows } from './on-windows.ts';

describe('names on Windows (G4)', onWindows, () => {
  const here = scratch();

  it('may have slashes of both kinds, drive letters, and be relative', async () => {
    const forward = here.folder.replaceAll('\\', '/');
    assert.match(here.folder, /^[A-Z]:\\/i);
    assert.equal((await writeFile(`${forward}/one`, '1')).path, `${forward}/one`);
    writeFileSync(`${here.folder}/two\\..\\two`.replace('two\\..\\', ''), '2');
    const before = process.cwd();
    process.chdir(here.folder);
    try {
      const late = writeFile('three', '3');
      writeFileSync('.\\four', '4');
      const drive = here.folder.slice(0, 2);
      writeFileSync(`${drive}five`, '5');
      // Without a drive: of the one that is current at the call.
      const rooted = writeFile(path.join(here.folder, 'six').slice(2), '6');
      process.chdir(before);
      await late;
      assert.equal((await rooted).path, here.at('six'));
    } finally {
      process.chdir(before);
    }
    writeFileSync(`\\\\?\\${here.at('seven')}`, '7');
    assert.deepEqual(here.names(), ['five', 'four', 'one', 'seven', 'six', 'three', 'two']);
  });

  it('with a slash at the end are those of directories', async () => {
    for (const end of ['\\', '/', '\\\\']) {
      const error = await failure(() => writeFile(here.at('file') + end, 'x'));
      assert.deepEqual([error.code, error.outcome], ['EISDIR', 'old']);
    }
    assert.equal((await failure(() => writeFileSync('C:\\', 'x'))).code, 'EISDIR');
    assert.deepEqual(here.names(), []);
  });

  for (const { name: api, write } of apis) {
    it(`of devices and of streams are refused by ${api}(), and nothing is made`, async () => {
      await write(here.at('file'), 'old');
      for (const name of [
        'NUL',
        'nul',
        'CON',
        'con.txt',
        'aux .tar.gz',
        'PRN',
        'COM1',
        'lpt9.log',
        'CONIN$',
        'file:stream',
        'file::$DATA',
        ':x',
      ]) {
        const error = await failure(() => write(here.at(name), 'x', { retry: { timeout: 0 } }));
        assert.deepEqual([error.code, error.outcome, error.step], ['EINVAL', 'old', 'resolve'], name);
      }
      assert.equal((await failure(() => write(here.at('file'), 'new', { backup: here.at('NUL') }))).code, 'EINVAL');
      assert.deepEqual([here.text('file'), here.names()], ['old', ['file']]);
    });

    it(`that only look like those of devices are written by ${api}()`, async () => {
      const names = ['COM', 'COM10', 'console', 'my.nul', 'nul_', 'null'];
      for (const name of names) await write(here.at(name), 'x');
      assert.deepEqual(here.names().toSorted(), names.toSorted());
    });

    it(`that Windows does not allow fail in ${api}(), and nothing is made`, async () => {
      for (const name of ['a?b', 'a*', 'a<b', 'a|b', 'a"b'])
        assert.equal((await failure(() => write(here.at(name), 'x'))).outcome, 'old', name);
      assert.deepEqual(here.names(), []);
    });

    it(`may be as long as a name can be, by ${api}()`, async () => {
      const name = 'n'.repeat(200);
      await write(here.at(name), 'long');
      assert.deepEqual([here.names(), here.text(name)], [[name], 'long']);
      assert.equal((await failure(() => write(here.at('n'.repeat(300)), 'x'))).outcome, 'old');
      assert.deepEqual(here.names(), [name]);
    });

    it(`may be in a deep directory, beyond MAX_PATH, by ${api}()`, async () => {
      const deep = here.at(Array.from({ length: 6 }, () => 'd'.repeat(60)).join('\\'));
      await write(`${deep}\\file`, 'deep', { makeParents: true });
      await write(`${deep}\\file`, 'deeper');
      assert.deepEqual([readFileSync(`${deep}\\file`, 'utf8'), readdirSync(deep)], ['deeper', ['file']]);
    });
  }

  it('of temporary files are legal', async () => {
    for (const name of ['file', '.hidden', 'a b c', 'ä€😀', 'n'.repeat(200)]) {
      await using file = await openPending(here.at(name));
      const temporary = path.basename(String(file.temporaryPath));
      // oxlint-disable-next-line no-control-regex -- it is about them
      assert.doesNotMatch(temporary, /[<>:"/\\|?*\x00-\x1f]|[. ]$/);
      assert.ok(here.names().includes(temporary), temporary);
    }
    assert.deepEqual(here.names(), []);
  });
});
