import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { apis, names, text } from '../support/apis.ts';
import { newFolder } from '../support/folder.ts';
import { needsTools } from '../support/needs.ts';
import { hasNative } from '../support/native-part.ts';
import { finished, run, script, writeElsewhere } from '../support/run.ts';

for (const { name } of apis) {
  describe(`${name}() at the limit of the size of files`, () => {
    it('fails with EFBIG, keeps the old file, and the process lives (G4, G10)', async (t) => {
      if (!needsTools(t, 'prlimit')) return;
      const folder = newFolder(t);
      const path = join(folder, 'file');
      writeFileSync(path, 'old');
      const { error } = await writeElsewhere(name, ['prlimit', '--fsize=100000'], path, 'x'.repeat(100_001));
      assert.equal(error?.code, 'EFBIG');
      assert.equal(error.outcome, 'old');
      assert.equal(text(path), 'old');
      assert.deepEqual(names(folder), ['file']);
    });

    it('writes a file of exactly that size (G4)', async (t) => {
      if (!needsTools(t, 'prlimit')) return;
      const path = join(newFolder(t), 'file');
      const { result } = await writeElsewhere(name, ['prlimit', '--fsize=100000'], path, 'x'.repeat(100_000));
      assert.equal(result?.bytes, 100_000);
      assert.equal(readFileSync(path).length, 100_000);
    });
  });
}

describe('writeFiles() with few descriptors', () => {
  for (const [limit, most] of [
    [64, 200],
    [32, 200],
    [256, 1500],
  ] as const) {
    it(`writes one file in each of ${most} directories with at most ${limit} (G4)`, async (t) => {
      if (!needsTools(t, 'prlimit')) return;
      const folder = newFolder(t);
      for (let i = 0; i < most; i++) mkdirSync(join(folder, `${i}`));
      const source = `
        const { writeFiles } = await import('untorn');
        const files = Array.from({ length: ${most} }, (_, i) => ({ path: process.argv[1] + '/' + i + '/file', data: 'new ' + i }));
        console.log((await writeFiles(files)).length);`;
      const ended = await finished(...script(source, { before: ['prlimit', `--nofile=${limit}`], args: [folder] }));
      assert.equal(ended.stdout, `${most}\n`, ended.stderr);
      for (let i = 0; i < most; i++) assert.equal(text(join(folder, `${i}`, 'file')), `new ${i}`);
    });
  }
});

describe('writeFile() with few descriptors', () => {
  for (const limit of [64, 32]) {
    for (const replacing of limit === 64 ? [false, true] : [false]) {
      const what = replacing ? 'replaces' : 'makes';
      it(`${what} 1,000 files of one directory with at most ${limit} (G4, G6)`, async (t) => {
        if (!needsTools(t, 'prlimit')) return;
        const folder = newFolder(t);
        if (replacing) for (let i = 0; i < 1000; i++) writeFileSync(join(folder, `${i}`), 'old');
        const source = `
          const results = await Promise.all(Array.from({ length: 1000 }, (_, i) => writeFile(process.argv[1] + '/' + i, 'new ' + i)));
          console.log(JSON.stringify([...new Set(results.flatMap((result) => result.notKept))]));`;
        const ended = await finished(...script(source, { before: ['prlimit', `--nofile=${limit}`], args: [folder] }));
        assert.equal(ended.stdout, replacing && !hasNative ? '["xattr"]\n' : '[]\n', ended.stderr);
        assert.equal(names(folder).length, 1000);
        for (let i = 0; i < 1000; i++) assert.equal(text(join(folder, `${i}`)), `new ${i}`);
      });

      it(`${what} one file in each of 1,000 directories with at most ${limit} (G4, G6)`, async (t) => {
        if (!needsTools(t, 'prlimit')) return;
        const folder = newFolder(t);
        for (let i = 0; i < 1000; i++) mkdirSync(join(folder, `${i}`));
        if (replacing) for (let i = 0; i < 1000; i++) writeFileSync(join(folder, `${i}`, 'file'), 'old');
        const source = `
          const results = await Promise.all(Array.from({ length: 1000 }, (_, i) => writeFile(process.argv[1] + '/' + i + '/file', 'new ' + i)));
          console.log(JSON.stringify([...new Set(results.flatMap((result) => result.notKept))]));`;
        const ended = await finished(...script(source, { before: ['prlimit', `--nofile=${limit}`], args: [folder] }));
        assert.equal(ended.stdout, replacing && !hasNative ? '["xattr"]\n' : '[]\n', ended.stderr);
        for (let i = 0; i < 1000; i++) {
          assert.deepEqual(names(join(folder, `${i}`)), ['file']);
          assert.equal(text(join(folder, `${i}`, 'file')), `new ${i}`);
        }
      });
    }
  }

  const more = `
          (path) => writeFile(path, 'new', { backup: { numbered: 2 } }),
          (path) => writeFile(path + '.d/e/f', 'new', { makeParents: true }).then(() => writeFile(path, 'new')),`;
  // The runtime has about 20 open itself. With some of these numbers each write had its temporary file and waited for
  // one descriptor more.
  for (const limit of [28, 31, 32, 33])
    it(`is not alone: every way of writing, and each option that opens more files, waits for its turn with ${limit} too (G4)`, async (t) => {
      if (!needsTools(t, 'prlimit')) return;
      const folder = newFolder(t);
      const paths = Array.from({ length: 400 }, (_, i) => join(folder, `${i}`, 'file'));
      for (const path of paths) mkdirSync(dirname(path));
      for (const path of paths) writeFileSync(path, 'old');
      const source = `
        const ways = [
          (path) => writeFile(path, ['n', 'ew']),
          (path) => writeFile(path, ['new'], { ifUnchanged: 'skip' }),
          (path) => writeFile(path, 'new', { backup: 'simple' }),${limit === 32 ? more : ''}
          (path) => atomicWrite(path, (file) => file.write('new')),
          (path) => pipeline(['new'], createWriteStream(path)),
        ];
        const ends = await Promise.allSettled(process.argv.slice(1).map((path, i) => ways[i % ways.length](path)));
        console.log(JSON.stringify(ends.flatMap(({ reason }) => reason === undefined ? [] : [reason.message])));`;
      const ended = await finished(...script(source, { before: ['prlimit', `--nofile=${limit}`], args: paths }));
      assert.equal(ended.stdout, '[]\n', ended.stderr);
      for (const path of paths) assert.equal(text(path), 'new');
    });

  for (const [verb, source, left] of [
    ['rename', "rename(folder + '/file', folder + '/renamed')", ['renamed']],
    ['symlink', "symlink('file', folder + '/link')", ['file', 'link']],
    ['remove', "remove(folder + '/file')", []],
    ['copyFile', "copyFile(folder + '/file', folder + '/copy')", ['copy', 'file']],
  ] as const)
    it(`is enough for ${verb}() in each of 400 directories with at most 128 (G4)`, async (t) => {
      if (!needsTools(t, 'prlimit')) return;
      const folder = newFolder(t);
      const folders = Array.from({ length: 400 }, (_, i) => join(folder, `${i}`));
      for (const one of folders) mkdirSync(one);
      for (const one of folders) writeFileSync(join(one, 'file'), 'content');
      const program = `
        const { copyFile, remove, rename, symlink } = await import('untorn');
        const ends = await Promise.allSettled(process.argv.slice(1).map((folder) => ${source}));
        console.log(JSON.stringify(ends.flatMap(({ reason }) => reason === undefined ? [] : [reason.message])));`;
      const ended = await finished(...script(program, { before: ['prlimit', '--nofile=128'], args: folders }));
      assert.equal(ended.stdout, '[]\n', ended.stderr);
      for (const one of folders) assert.deepEqual(names(one), left);
    });

  it('is enough for a write that is alone, with any options (G4)', async (t) => {
    if (!needsTools(t, 'prlimit')) return;
    const folder = newFolder(t);
    const source = `
      const { closeSync, mkdtempSync, openSync } = await import('node:fs');
      const ways = [{ backup: 'simple' }, { makeParents: true }, { ifUnchanged: 'skip' }, { backup: { numbered: 2 } }];
      const taken = [];
      const take = () => { try { for (;;) taken.push(openSync('/dev/null')); } catch {} };
      const [folder] = process.argv.slice(1);
      const write = async (at, options) => {
        await writeFile(at, 'old', { ...options, linger: false });
        await writeFile(at, ['n', 'ew'], { ...options, linger: false });
      };
      for (const way of ways) await write(folder + '/file', way);
      for (const free of [4, 5, 6, 7])
        for (const way of ways) {
          const place = mkdtempSync(folder + '/');
          take();
          for (let i = 0; i < free; i++) closeSync(taken.pop());
          await write(place + (way.makeParents ? '/a/b/file' : '/file'), way);
        }
      console.log('all');`;
    const ended = await finished(...script(source, { before: ['prlimit', '--nofile=64'], args: [folder] }));
    assert.equal(ended.stdout, 'all\n', ended.stderr);
  });

  it('has none open after a transaction', async (t) => {
    const folder = newFolder(t);
    const source = `
      const { readdirSync } = await import('node:fs');
      const { transaction } = await import('untorn');
      const [folder] = process.argv.slice(1);
      const count = () => readdirSync('/proc/self/fd').length;
      const change = (name) => transaction(async (tx) => {
        await tx.writeFile(folder + '/' + name + '/file', 'new', { makeParents: true });
      }, { linger: false });
      await writeFile(folder + '/loaded', '', { linger: false });
      const before = count();
      for (const name of ['a', 'b', 'c']) await change(name);
      console.log(count() - before);`;
    const ended = await finished(...script(source, { args: [folder] }));
    assert.equal(ended.stdout, '0\n', ended.stderr);
  });

  it('is waited for until an abort, by reads and updates too (G4)', async (t) => {
    if (!needsTools(t, 'prlimit')) return;
    const path = join(newFolder(t), 'file');
    writeFileSync(path, 'old');
    const source = `
      const { readVersioned, updateFile } = await import('untorn');
      const { openSync } = await import('node:fs');
      const [path] = process.argv.slice(1);
      // Nothing of it is closed later.
      await updateFile(path, () => 'new', { linger: false });
      try {
        for (;;) openSync('/dev/null');
      } catch {}
      const calls = [
        (signal) => readVersioned(path, { signal }),
        (signal) => updateFile(path, () => 'newer', { signal }),
        (signal) => writeFile(path, 'newer', { signal }),
      ];
      const ends = await Promise.allSettled(calls.map((call) => call(AbortSignal.timeout(100))));
      console.log(JSON.stringify(ends.map(({ reason }) => reason?.code)));`;
    const ended = await finished(...script(source, { before: ['prlimit', '--nofile=64'], args: [path] }));
    assert.equal(ended.stdout, '["ABORT_ERR","ABORT_ERR","ABORT_ERR"]\n', ended.stderr);
    assert.equal(text(path), 'new');
  });

  it('is waited for by the look at a lock that was just taken (G4)', async (t) => {
    if (!needsTools(t, 'prlimit')) return;
    const path = join(newFolder(t), 'file');
    writeFileSync(path, 'old\n');
    const source = `
      const { appendFile, updateFile, withLock } = await import('untorn');
      const { closeSync, openSync } = await import('node:fs');
      const [path] = process.argv.slice(1);
      const calls = [
        () => updateFile(path, () => 'new\\n', { linger: false }),
        () => appendFile(path, 'newer\\n', { linger: false }),
        () => withLock(path, () => undefined),
      ];
      for (const call of calls) await call();
      for (const call of calls) {
        const taken = [];
        try {
          for (;;) taken.push(openSync('/dev/null'));
        } catch {}
        // Enough for the directory, and for nothing else.
        closeSync(taken.pop());
        setTimeout(() => taken.forEach((fd) => closeSync(fd)), 300);
        await call();
      }
      console.log('all');`;
    const ended = await finished(...script(source, { before: ['prlimit', '--nofile=64'], args: [path] }));
    assert.equal(ended.stdout, 'all\n', ended.stderr);
    assert.equal(text(path), 'new\nnewer\n');
  });

  it('keeps extended attributes all the same (G6)', async (t) => {
    if (!needsTools(t, 'prlimit', 'setfattr', 'getfattr')) return;
    const folder = newFolder(t);
    const paths = Array.from({ length: 200 }, (_, i) => join(folder, `${i}`, 'file'));
    for (let i = 0; i < 200; i++) mkdirSync(join(folder, `${i}`));
    for (const path of paths) writeFileSync(path, 'old');
    run('setfattr', '-n', 'user.note', '-v', 'kept', ...paths);
    const source = `
      const results = await Promise.all(process.argv.slice(1).map((path) => writeFile(path, 'new')));
      console.log(JSON.stringify([...new Set(results.flatMap((result) => result.notKept))]));`;
    const ended = await finished(...script(source, { before: ['prlimit', '--nofile=32'], args: paths }));
    assert.equal(ended.stdout, hasNative ? '[]\n' : '["xattr"]\n', ended.stderr);
    if (hasNative) assert.equal(run('getfattr', '--only-values', '-n', 'user.note', ...paths), 'kept'.repeat(200));
  });
});
