/** A whole directory in the place of another. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import {
  replaceDirectory,
  replaceDirectorySync,
  sweep,
  WriteError,
  type ReplaceDirectoryOptions,
  type ReplaceDirectoryResult,
} from 'untorn';
import { needsOrdinaryUser } from '../support/as-user.ts';
import { ask, start } from '../support/child.ts';
import { newFolder } from '../support/folder.ts';
import { needsNative, newFolderForLinks } from '../support/native-part.ts';
import { replacing } from '../support/replacing.ts';

type Source = string | ((directory: string) => void);

const forms: [
  string,
  (path: string, source: Source, options?: ReplaceDirectoryOptions) => Promise<ReplaceDirectoryResult>,
][] = [
  ['replaceDirectory', (path, source, options) => replaceDirectory(path, source, options)],
  ['replaceDirectorySync', async (path, source, options) => replaceDirectorySync(path, source, options)],
];

/** Two files that must agree, and one further down. */
function filling(content: string): (directory: string) => void {
  return (directory) => {
    mkdirSync(join(directory, 'sub'), { recursive: true });
    for (const name of ['a', 'b', 'sub/c']) writeFileSync(join(directory, name), content);
  };
}

function filled(path: string, content: string): string {
  mkdirSync(path);
  filling(content)(path);
  return path;
}

function contentOf(path: string): string {
  const [a, b, c] = ['a', 'b', 'sub/c'].map((name) => readFileSync(join(path, name), 'utf8'));
  assert.deepEqual([b, c], [a, a]);
  return a as string;
}

/** Names beside the path, apart from it and from what it leads to. */
function litter(folder: string, path: string): string[] {
  const current = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true ? readlinkSync(path) : '';
  return readdirSync(folder).filter((name) => name !== current && join(folder, name) !== path);
}

function failsWith(code: string): (error: unknown) => boolean {
  return (error) => WriteError.isWriteError(error) && error.code === code && error.outcome === 'old';
}

for (const [form, replace] of forms) {
  describe(`${form}()`, () => {
    it('makes a link to a directory beside it where there is nothing, replaces the link, and removes the old version', async (t) => {
      const folder = newFolderForLinks(t);
      const path = join(folder, 'site');
      const first = await replace(path, filling('one'));
      assert.deepEqual([first.replaced, first.durable, first.oldPath, first.path], [false, true, undefined, path]);
      assert.match(readlinkSync(path), /^\.site\.untorn-v-/);
      assert.equal(first.directory, join(folder, readlinkSync(path)));
      const second = await replace(`${path}/`, filling('two'));
      assert.deepEqual(
        [second.replaced, second.oldPath, contentOf(path), litter(folder, path)],
        [true, undefined, 'two', []],
      );
    });

    it('keeps the old version if asked to, and can put it back', async (t) => {
      const folder = newFolderForLinks(t);
      const path = join(folder, 'site');
      await replace(path, filling('one'));
      const { oldPath } = await replace(path, filling('two'), { keepOld: true });
      assert.equal(contentOf(oldPath as string), 'one');
      await replace(path, oldPath as string);
      assert.deepEqual([contentOf(path), litter(folder, path)], ['one', []]);
    });

    it('never removes a directory that the link led to and that is not its own', async (t) => {
      const folder = newFolder(t);
      filled(join(folder, 'release-1'), 'one');
      const path = join(folder, 'site');
      symlinkSync('release-1', path);
      const { oldPath } = await replace(path, filling('two'));
      assert.deepEqual(
        [oldPath, contentOf(path), contentOf(join(folder, 'release-1'))],
        [join(folder, 'release-1'), 'two', 'one'],
      );
    });

    it('moves a directory that is ready', async (t) => {
      const folder = newFolderForLinks(t);
      const path = join(folder, 'site');
      await replace(path, filling('one'));
      await replace(path, filled(join(folder, 'next'), 'two'));
      assert.deepEqual([contentOf(path), litter(folder, path)], ['two', []]);
    });

    it('exchanges a real directory, and removes or keeps the old one', async (t) => {
      if (!needsNative(t)) return;
      const folder = newFolder(t);
      const path = filled(join(folder, 'site'), 'one');
      chmodSync(path, 0o750);
      const { ino } = statSync(path);
      const result = await replace(path, filling('two'));
      assert.deepEqual(
        [result.directory, result.oldPath, result.replaced, contentOf(path), litter(folder, path)],
        [path, undefined, true, 'two', []],
      );
      assert.equal(lstatSync(path).mode & 0o7777, 0o750);
      assert.ok(lstatSync(path).isDirectory() && lstatSync(path).ino !== ino);
      const { oldPath } = await replace(path, filled(join(folder, 'next'), 'three'), { keepOld: true });
      assert.deepEqual(
        [contentOf(path), contentOf(oldPath as string), existsSync(join(folder, 'next'))],
        ['three', 'two', false],
      );
    });

    it('refuses to exchange without the native part, says so, and leaves everything as it was', async (t) => {
      const folder = newFolder(t);
      const path = filled(join(folder, 'site'), 'one');
      const next = filled(join(folder, 'next'), 'two');
      const said = await ask<string[]>(
        `
        import { ${form} } from 'untorn';
        const [path, next] = process.argv.slice(1);
        const said = [];
        for (const source of [next, () => undefined])
          try { await ${form}(path, source); } catch ({ code, outcome, message }) { said.push(code, outcome, message); }
        console.log(JSON.stringify(said));`,
        [path, next],
        { env: { UNTORN_NATIVE: 'off' } },
      );
      const advice = /needs the native part of this package\. Make the path a symbolic link to the directory instead/;
      assert.equal(said.length, 6);
      for (const at of [0, 3]) {
        assert.deepEqual(said.slice(at, at + 2), ['ENOTSUP', 'old']);
        assert.match(String(said[at + 2]), advice);
      }
      assert.deepEqual(
        [contentOf(path), contentOf(next), readdirSync(folder).toSorted()],
        ['one', 'two', ['next', 'site']],
      );
    });

    it('passes on what the function throws; the old directory stays and the new one goes', async (t) => {
      const folder = newFolder(t);
      const path = join(folder, 'site');
      await replace(path, filling('one'));
      const failure = new Error('half way');
      await assert.rejects(
        replace(path, (directory) => {
          filling('two')(directory);
          throw failure;
        }),
        (error) => error === failure,
      );
      assert.deepEqual([contentOf(path), litter(folder, path)], ['one', []]);
    });

    it('refuses what is no directory, and a source that is missing, a link, or the directory itself', async (t) => {
      const folder = newFolder(t);
      writeFileSync(join(folder, 'file'), 'file');
      symlinkSync('file', join(folder, 'link'));
      const path = join(folder, 'site');
      await replace(path, filling('one'));
      for (const name of ['file', 'link'])
        await assert.rejects(replace(join(folder, name), filling('two')), failsWith('ENOTDIR'));
      await assert.rejects(replace(path, join(folder, 'missing')), failsWith('ENOENT'));
      for (const source of ['link', 'file', 'site'])
        await assert.rejects(replace(path, join(folder, source)), failsWith('ENOTDIR'));
      await assert.rejects(replace(path, join(folder, readlinkSync(path))), failsWith('EINVAL'));
      await assert.rejects(replace(path, filling('two'), { keep: true } as never), { code: 'ERR_INVALID_ARG_VALUE' });
      await assert.rejects(replace(path, filling('two'), { backup: 'simple' } as never), {
        code: 'ERR_INVALID_ARG_VALUE',
      });
      await assert.rejects(replace(path, 3 as never), { code: 'ERR_INVALID_ARG_TYPE' });
      assert.deepEqual([contentOf(path), litter(folder, path).toSorted()], ['one', ['file', 'link']]);
    });

    it('says that a source is on another filesystem, and leaves it there', async (t) => {
      const folder = newFolder(t);
      if (!existsSync('/dev/shm') || statSync('/dev/shm').dev === statSync(folder).dev)
        return t.skip('needs a second filesystem at /dev/shm');
      const next = filled(join(newFolder(t, '/dev/shm'), 'next'), 'two');
      await assert.rejects(replace(join(folder, 'site'), next), failsWith('EXDEV'));
      assert.deepEqual([contentOf(next), readdirSync(folder)], ['two', []]);
    });

    it('works for an ordinary user', async (t) => {
      const folder = newFolderForLinks(t);
      const under = await needsOrdinaryUser(t, folder);
      if (under === undefined) return;
      const told = await ask(
        `
        import { ${form} } from 'untorn';
        import { readFileSync, writeFileSync } from 'node:fs';
        const path = process.argv[1] + '/site';
        await ${form}(path, (directory) => writeFileSync(directory + '/a', 'one'));
        const { oldPath } = await ${form}(path, (directory) => writeFileSync(directory + '/a', 'two'));
        console.log(JSON.stringify([readFileSync(path + '/a', 'utf8'), oldPath]));`,
        [folder],
        { under },
      );
      assert.deepEqual([told, litter(folder, join(folder, 'site'))], [['two', null], []]);
    });

    it('leaves the old directory when it is killed in the function; a sweep removes the rest', async (t) => {
      const folder = newFolder(t);
      const path = join(folder, 'site');
      await replace(path, filling('one'));
      const program = start(
        `
        import { ${form} } from 'untorn';
        import { writeFileSync } from 'node:fs';
        await ${form}(process.argv[1], (directory) => {
          writeFileSync(directory + '/a', 'two');
          process.kill(process.pid, 'SIGKILL');
        });`,
        [path],
      );
      assert.equal((await program.ended).signal, 'SIGKILL');
      assert.equal(contentOf(path), 'one');
      const left = litter(folder, path).map((name) => join(folder, name));
      assert.deepEqual(await sweep(folder), { removed: left, kept: [], recoverable: [] });
      assert.deepEqual([left.length, litter(folder, path), contentOf(path)], [1, [], 'one']);
    });
  });
}

describe('replaceDirectory()', () => {
  it('has one winner after another when several replace at once', async (t) => {
    const folder = newFolderForLinks(t);
    const path = join(folder, 'site');
    const program = (): Promise<unknown> =>
      ask(
        `
      import { replaceDirectory } from 'untorn';
      import { writeFileSync, mkdirSync } from 'node:fs';
      for (let i = 0; i < 10; i++) await replaceDirectory(process.argv[1], (directory) => {
        mkdirSync(directory + '/sub');
        for (const name of ['a', 'b', 'sub/c']) writeFileSync(directory + '/' + name, process.pid + ' ' + i);
      }, { durability: 'off' });
      console.log('null');`,
        [path],
      );
    await Promise.all([
      program(),
      program(),
      replaceDirectory(path, filling('x')),
      replaceDirectory(path, filling('y')),
    ]);
    contentOf(path);
    assert.deepEqual(litter(folder, path), []);
  });

  for (const kind of ['link', 'directory']) {
    it(`shows a reader of a ${kind} a whole version each time`, async (t) => {
      if (kind === 'directory' && !needsNative(t)) return;
      const folder = newFolder(t);
      const path = join(folder, 'site');
      if (kind === 'directory') filled(path, '0');
      else await replaceDirectory(path, filling('0'));
      const reader = readerOf(path);
      assert.equal(await reader.line(), 'ready');
      for (let i = 1; i <= 30; i++)
        await replaceDirectory(path, filling(String(i)), { durability: 'off', keepOld: true });
      reader.process.stdin.end();
      const { stdout, status, stderr } = await reader.ended;
      assert.deepEqual([status, stderr], [0, '']);
      const seen = JSON.parse(stdout.split('\n')[1] as string) as {
        reads: number;
        versions: number;
        wrong: string[];
      };
      assert.deepEqual(seen.wrong, []);
      assert.ok(seen.reads > 0);
    });
  }

  for (const kind of ['link', 'directory'] as const) {
    it(`leaves a whole ${kind} when it is killed at any moment; what is left is swept or listed`, async (t) => {
      if (kind === 'directory' && !needsNative(t)) return;
      for (let at = 0, ended = false; !ended; at++) ended = await killedAt(t, kind, at);
    });
  }

  it('lists versions that no link leads to, and never removes them', async (t) => {
    const folder = newFolder(t);
    const old = await ask<string>(
      `
      import { replaceDirectory } from 'untorn';
      await replaceDirectory(process.argv[1], () => {});
      console.log(JSON.stringify((await replaceDirectory(process.argv[1], () => {}, { keepOld: true })).oldPath));`,
      [join(folder, 'site')],
    );
    assert.deepEqual(await sweep(folder, { olderThan: 0 }), { removed: [], kept: [], recoverable: [old] });
  });
});

/** A process that opens the directory again and again, and looks whether what it holds agrees. */
function readerOf(path: string): ReturnType<typeof start> {
  return start(
    `
    import { closeSync, openSync, readFileSync } from 'node:fs';
    const versions = new Set(), wrong = [];
    let reads = 0, ending = false;
    process.stdin.resume().on('end', () => (ending = true));
    console.log('ready');
    while (!ending) {
      try {
        readFileSync(process.argv[1] + '/a', 'utf8');
        const fd = openSync(process.argv[1], 'r');
        const found = ['a', 'b', 'sub/c'].map((name) => readFileSync('/proc/self/fd/' + fd + '/' + name, 'utf8'));
        closeSync(fd);
        versions.add(found[0]);
        if (new Set(found).size > 1) wrong.push(String(found));
        reads++;
      } catch (error) {
        wrong.push(String(error));
      }
      await new Promise(setImmediate);
    }
    console.log(JSON.stringify({ reads, versions: versions.size, wrong }));`,
    [path],
  );
}

/** Replaces in a process that is killed before one of its calls; returns whether it came to its end. */
async function killedAt(t: TestContext, kind: 'link' | 'directory', at: number): Promise<boolean> {
  const folder = newFolder(t);
  const path = join(folder, 'site');
  if (kind === 'directory') filled(path, 'one');
  else await replaceDirectory(path, filling('one'));
  const { signal, stderr, status } = await start(
    `
    ${replacing}
    let left = Number(process.argv[2]), armed = false;
    const counted = (call) => function (...args) {
      if (armed && left-- === 0) process.kill(process.pid, 'SIGKILL');
      return call.apply(this, args);
    };
    for (const name of ['rename', 'symlink', 'mkdir', 'rmdir', 'unlink', 'fsync']) fs[name + 'Sync'] = counted(fs[name + 'Sync']);
    for (const name of ['exchangeSync', 'syncfsSync']) native[name] = counted(native[name]);
    syncBuiltinESMExports();
    const { replaceDirectorySync } = await import('untorn');
    const { mkdirSync, writeFileSync } = fs;
    armed = true;
    replaceDirectorySync(process.argv[1], (directory) => {
      mkdirSync(directory + '/sub');
      for (const name of ['a', 'b', 'sub/c']) writeFileSync(directory + '/' + name, 'two');
    });`,
    [path, String(at)],
  ).ended;
  assert.ok(signal === 'SIGKILL' || status === 0, stderr);
  const content = contentOf(path);
  assert.ok(content === 'one' || content === 'two');
  const { kept, recoverable } = await sweep(folder, { olderThan: 0 });
  // The first version is this process's, which is alive. All that is left is whole.
  assert.deepEqual(
    kept.filter(({ reason }) => reason !== 'alive'),
    [],
  );
  const versions = [...recoverable, ...kept.map((one) => one.path)].map(String);
  for (const version of versions) assert.ok(['one', 'two'].includes(contentOf(version)));
  assert.deepEqual(
    litter(folder, path).toSorted(),
    versions.map((version) => version.slice(folder.length + 1)).toSorted(),
  );
  assert.equal(contentOf(path), content);
  return status === 0;
}
