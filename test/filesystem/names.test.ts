import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { writeFile } from 'untorn';
import { apis, names, refusedWith, text } from '../support/apis.ts';
import { newFolder } from '../support/folder.ts';
import { finished, script } from '../support/run.ts';

const longest = {
  'one byte each': 'n'.repeat(255),
  'two bytes each': `${'ä'.repeat(127)}x`,
  'three bytes each': '語'.repeat(85),
  'four bytes each': `${'😀'.repeat(63)}abc`,
};

/** "caf\xe9": ISO 8859-1, and not UTF-8. */
const latin = Buffer.from('café', 'latin1');

function within(folder: string, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${folder}/`), name]);
}

for (const { name, write } of apis) {
  describe(`${name}() with long names`, () => {
    for (const [what, longName] of Object.entries(longest)) {
      it(`takes a name of 255 bytes, ${what}, for a new file and an existing one`, async (t) => {
        const folder = newFolder(t);
        assert.equal(Buffer.byteLength(longName), 255);
        await write(join(folder, longName), 'first');
        await write(join(folder, longName), 'second');
        assert.deepEqual(names(folder), [longName]);
        assert.equal(text(join(folder, longName)), 'second');
      });

      it(`refuses a name of 256 bytes, ${what}, and writes under no other (G4)`, async (t) => {
        const folder = newFolder(t);
        await assert.rejects(write(join(folder, `${longName}x`), 'content'), refusedWith('ENAMETOOLONG'));
        assert.deepEqual(names(folder), []);
      });
    }
  });

  describe(`${name}() with long paths`, () => {
    /** A directory whose path has so many bytes. */
    function deep(folder: string, size: number): string {
      let path = folder;
      while (path.length < size - 201)
        path += `/${'d'.repeat(size - path.length > 401 ? 200 : size - path.length - 202)}`;
      path += `/${'e'.repeat(size - path.length - 1)}`;
      mkdirSync(path, { recursive: true });
      return path;
    }

    it(
      'takes one of 4,095 bytes, and refuses one that nobody could open (G4)',
      { skip: process.platform !== 'linux' && 'the limit is that of Linux' },
      async (t) => {
        const directory = deep(newFolder(t), 4000);
        const [longestPath, tooLong] = [`${directory}/${'n'.repeat(94)}`, `${directory}/${'n'.repeat(95)}`];
        assert.deepEqual([longestPath.length, tooLong.length], [4095, 4096]);
        await write(longestPath, 'content');
        assert.equal(text(longestPath), 'content');
        await assert.rejects(write(tooLong, 'content'), refusedWith('ENAMETOOLONG'));
        await assert.rejects(write(longestPath, 'new', { backup: 'simple' }), refusedWith('ENAMETOOLONG'));
        await assert.rejects(write(longestPath, 'new', { backup: 'numbered' }), refusedWith('ENAMETOOLONG'));
        symlinkSync('n'.repeat(95), `${directory}/link`);
        await assert.rejects(write(`${directory}/link`, 'content'), refusedWith('ENAMETOOLONG'));
        assert.deepEqual([names(directory), text(longestPath)], [['link', 'n'.repeat(94)], 'content']);
      },
    );
  });

  describe(`${name}() with paths of all kinds`, () => {
    it('takes a file: URL with escaped characters', async (t) => {
      const folder = newFolder(t);
      const url = new URL(`${pathToFileURL(folder)}/a%20b%23c%25`);
      assert.equal((await write(url, 'content')).path, join(folder, 'a b#c%'));
      assert.equal(text(join(folder, 'a b#c%')), 'content');
    });

    it('takes a file: URL of a name that is not UTF-8', async (t) => {
      const folder = newFolder(t);
      const result = await write(new URL(`${pathToFileURL(folder)}/%FF%20`), 'content');
      const expected = within(folder, Buffer.from([0xff, 0x20]));
      assert.deepEqual(result.path, expected);
      assert.equal(text(expected), 'content');
    });

    it('takes a Buffer that is not UTF-8, replaces that file, and leaves no other (G10)', async (t) => {
      const folder = newFolder(t);
      await write(within(folder, latin), 'first');
      const result = await write(within(folder, latin), 'second');
      assert.equal(result.replaced, true);
      assert.deepEqual(readdirSync(folder, { encoding: 'buffer' }), [latin]);
      assert.equal(text(within(folder, latin)), 'second');
    });

    it('takes a Buffer of 255 bytes that are not UTF-8', async (t) => {
      const folder = newFolder(t);
      const bytes = Buffer.alloc(255, 0xe9);
      await write(within(folder, bytes), 'content');
      assert.deepEqual(readdirSync(folder, { encoding: 'buffer' }), [bytes]);
    });

    it('follows a link to a name that is not UTF-8 (G6)', async (t) => {
      const folder = newFolder(t);
      symlinkSync(latin, join(folder, 'link'));
      const result = await write(join(folder, 'link'), 'content');
      assert.deepEqual(result.path, within(folder, latin));
      assert.equal(text(within(folder, latin)), 'content');
    });

    it('takes names with line ends, a leading dash and percent signs', async (t) => {
      const folder = newFolder(t);
      for (const odd of ['a\nb', '-rf', '%s%n', ' ', '...', '~', '*']) {
        await write(join(folder, odd), odd);
        assert.equal(text(join(folder, odd)), odd);
      }
    });

    it('lets the system find a/../b, also where a is a link to a directory elsewhere', async (t) => {
      const folder = newFolder(t);
      mkdirSync(join(folder, 'real/inner'), { recursive: true });
      symlinkSync('real/inner', join(folder, 'a'));
      await write(`${folder}/a/../b`, 'content');
      assert.deepEqual(names(folder), ['a', 'real']);
      assert.equal(text(join(folder, 'real/b')), 'content');
    });

    it('takes a path with double slashes and dots', async (t) => {
      const folder = newFolder(t);
      await write(`${folder}//.//file`, 'content');
      assert.equal(text(join(folder, 'file')), 'content');
    });

    for (const [what, wrong] of [
      ['empty', ''],
      ['with a null byte', 'a\0b'],
      ['a number', 3],
      ['undefined', undefined],
      ['an http: URL', new URL('http://localhost/a')],
    ] as const) {
      it(`refuses a path that is ${what} with a TypeError`, async () => {
        await assert.rejects(write(wrong as string, 'content'), TypeError);
      });
    }

    it('writes a relative path of a working directory whose name is not UTF-8', async (t) => {
      const folder = newFolder(t);
      mkdirSync(within(folder, latin));
      const ended = await finished(
        'sh',
        '-c',
        `cd "$1"/caf* && shift && exec "$@"`,
        'sh',
        folder,
        process.execPath,
        '-e',
        `import(${JSON.stringify(import.meta.resolve('untorn'))}).then((untorn) => untorn.${name}('file', 'content'))`,
      );
      assert.equal(ended.status, 0, ended.stderr);
      assert.equal(text(within(folder, Buffer.concat([latin, Buffer.from('/file')]))), 'content');
    });
  });
}

describe('writeFile() with a relative path', () => {
  it('means the working directory at the call, not a later one (G7)', async (t) => {
    const folder = newFolder(t);
    mkdirSync(join(folder, 'there'));
    const source = `
      process.chdir(process.argv[1]);
      const writing = writeFile('file', 'content', { backup: 'old/file' });
      process.chdir('there');
      console.log((await writing).path);`;
    mkdirSync(join(folder, 'old'));
    writeFileSync(join(folder, 'file'), 'old');
    const ended = await finished(...script(source, { args: [folder] }));
    assert.equal(ended.stdout, `${join(folder, 'file')}\n`, ended.stderr);
    assert.equal(text(join(folder, 'file')), 'content');
    assert.equal(text(join(folder, 'old/file')), 'old');
    assert.deepEqual(names(join(folder, 'there')), []);
  });

  it('keeps a Buffer path that the caller changes after the call', async (t) => {
    const folder = newFolder(t);
    const path = within(folder, latin);
    const writing = writeFile(path, 'content');
    path.fill(0x78, path.length - 4);
    await writing;
    assert.equal(readFileSync(within(folder, latin), 'utf8'), 'content');
  });

  it('is one file for a path through a directory that is not UTF-8 and one through a link to it (G7)', async (t) => {
    const folder = newFolder(t);
    mkdirSync(within(folder, latin));
    symlinkSync(latin, join(folder, 'link'));
    const first = writeFile(Buffer.concat([within(folder, latin), Buffer.from('/file')]), 'first');
    await new Promise((begun) => setImmediate(begun));
    const results = await Promise.all([
      first,
      writeFile(join(folder, 'link/file'), 'second'),
      writeFile(Buffer.concat([within(folder, latin), Buffer.from('/file')]), 'last'),
    ]);
    // Which of the two others waits depends on which links are followed first; that one of them does shows that it is
    // one file.
    assert.equal(results.filter((result) => result.superseded).length, 1);
    assert.equal(results[2].superseded, false);
    assert.equal(text(join(folder, 'link/file')), 'last');
  });
});
