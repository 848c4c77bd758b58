import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, watch, writeFileSync as plainWrite } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import {
  createWriteStream,
  openPending,
  sweepSync,
  transaction,
  updateFile,
  writeFile,
  writeFiles,
  writeJson,
  type WriteOptions,
} from 'untorn';
import { apis, names, refusedWith, text } from '../support/apis.ts';
import { run } from '../support/child.ts';
import { newFolder } from '../support/folder.ts';
import { killer, wasKilled } from '../support/killer.ts';
import { mountNew } from '../support/mount.ts';
import { needsRoot } from '../support/needs.ts';
import type { TestContext } from 'node:test';

/** A directory with a file, one for temporary files, and the option that says so. */
function prepare(t: TestContext): { folder: string; file: string; aside: string; options: WriteOptions } {
  const base = newFolder(t);
  const [folder, aside] = [join(base, 'folder'), join(base, 'aside')];
  mkdirSync(folder);
  mkdirSync(aside);
  const file = join(folder, 'file');
  plainWrite(file, 'old');
  return { folder, file, aside, options: { temporary: { directory: aside } } };
}

/** The names that a watcher of a directory is told while something is done. */
async function namesTold(folder: string, act: () => Promise<unknown>): Promise<string[]> {
  const told = new Set<string>();
  let isOver: () => void;
  const over = new Promise<void>((resolve) => (isOver = resolve));
  const watcher = watch(folder, (_, name) => {
    if (name === 'over') isOver();
    else told.add(String(name));
  });
  await act();
  plainWrite(join(folder, 'over'), '');
  await over;
  watcher.close();
  return [...told];
}

for (const { name, write } of apis) {
  describe(`${name}() with a directory for temporary files`, () => {
    it('shows who watches the directory of the file that file only', async (t) => {
      const { folder, file, aside, options } = prepare(t);
      const told = await namesTold(folder, async () => {
        for (const content of ['new', ['in ', 'pieces']]) await write(file, content, options);
        await write(join(folder, 'created'), 'new', { ...options, overwrite: false });
        await write(file, 'newer', { ...options, backup: 'simple', preserve: { times: 'try' } });
      });
      assert.deepEqual(told.toSorted(), ['created', 'file', 'file~']);
      assert.deepEqual([text(file), text(`${file}~`), names(aside)], ['newer', 'in pieces', []]);
    });

    it('keeps the metadata of the replaced file, as ever (G6)', async (t) => {
      const { file, options } = prepare(t);
      chmodSync(file, 0o604);
      await write(file, 'new', options);
      assert.equal(statSync(file).mode & 0o777, 0o604);
    });

    it('refuses another filesystem, a missing directory, and a file, before anything is touched', async (t) => {
      const { folder, file, aside } = prepare(t);
      const refused: [string, string][] = [
        [join(aside, 'missing'), 'ENOENT'],
        [file, 'ENOTDIR'],
      ];
      if (existsSync('/dev/shm')) refused.push(['/dev/shm', 'EXDEV']);
      for (const [directory, code] of refused)
        await assert.rejects(write(file, 'new', { temporary: { directory } }), refusedWith(code));
      assert.deepEqual([text(file), names(folder), names(aside)], ['old', ['file'], []]);
    });

    it('refuses a directory that other users can write (G5)', async (t) => {
      const { file, aside, options } = prepare(t);
      chmodSync(aside, 0o777);
      await assert.rejects(write(file, 'new', options), refusedWith('EPERM'));
      chmodSync(aside, 0o770);
      await assert.rejects(write(file, 'new', options), refusedWith('EPERM'));
      assert.deepEqual([text(file), names(aside)], ['old', []]);
    });

    it('leaves nothing when the disk fills (G4, G10)', async (t) => {
      if (!needsRoot(t)) return;
      const mount = mountNew(t, 'tmpfs');
      if (mount === undefined) return;
      mkdirSync(join(mount, 'aside'));
      plainWrite(join(mount, 'file'), 'old');
      const options = { temporary: { directory: join(mount, 'aside') } };
      await assert.rejects(write(join(mount, 'file'), Buffer.alloc(3 << 20, 'x'), options), refusedWith('ENOSPC'));
      assert.deepEqual([text(join(mount, 'file')), names(join(mount, 'aside'))], ['old', []]);
    });

    it('keeps there what it was asked to keep', async (t) => {
      const { folder, file, aside } = prepare(t);
      const failing = function* (): Generator<string> {
        yield 'x'.repeat(100_000);
        throw new Error('no more');
      };
      const error = await write(file, failing(), { temporary: { directory: aside, keepOnError: true } }).catch(
        (reason: unknown) => reason as { temporaryPath: string },
      );
      const { temporaryPath } = error as { temporaryPath: string };
      assert.deepEqual([names(folder), names(aside).length], [['file'], 1]);
      assert.equal(readFileSync(temporaryPath, 'utf8').length, 100_000);
      assert.deepEqual(sweepSync(aside).recoverable, [temporaryPath]);
    });
  });
}

describe('a directory for temporary files', () => {
  it('is used by every kind of write', async (t) => {
    const { folder, file, aside, options } = prepare(t);
    const told = await namesTold(folder, async () => {
      const pending = await openPending(file, options);
      await pending.write('pending');
      assert.equal(names(aside).length, 1);
      await pending.commit();
      await new Promise((resolve) => createWriteStream(file, options).end('stream', () => resolve(undefined)));
      await writeJson(file, { a: 1 }, options);
      const files = Array.from({ length: 40 }, (_, index) => ({ path: join(folder, `file-${index}`), data: 'x' }));
      await writeFiles(files, options);
    });
    assert.deepEqual(
      told.filter((name) => !/^file(-\d+)?$/.test(name)),
      [],
    );
    assert.deepEqual(names(aside), []);
  });

  it('is not where locks are: processes with different ones exclude each other, and lose no update (G8)', async (t) => {
    const { folder, file, aside, options } = prepare(t);
    const told = await namesTold(folder, async () => {
      const program = `import { updateFile } from 'untorn';
        const [, file, directory] = process.argv; const options = directory ? { temporary: { directory } } : {};
        for (let count = 0; count < 20; count++) await updateFile(file, (old) => old + 'x', { encoding: 'utf8', durability: 'off', ...options });`;
      const ended = await Promise.all([run(program, [file, aside]), run(program, [file])]);
      for (const { status, stderr } of ended) assert.equal(status, 0, stderr);
      await updateFile(file, async (old) => `${old}y`, { ...options, encoding: 'utf8' });
    });
    assert.equal(text(file), `old${'x'.repeat(40)}y`);
    assert.deepEqual(told.toSorted(), ['.file.untorn-lock', 'file']);
    assert.deepEqual(names(aside), []);
  });

  it('is where a sweep finds what a kill left (G10)', async (t) => {
    let swept = 0;
    for (let call = 0, killed = true; killed; call += 2) {
      const { folder, file, aside } = prepare(t);
      const ended = await run(
        `${killer} await untorn.writeFile(at('folder/file'), ['new', ' content'], { temporary: { directory: at('aside') } });`,
        [String(call), join(folder, '..')],
      );
      killed = wasKilled(ended);
      if (!killed) assert.equal(ended.status, 0, ended.stderr);
      assert.ok(['old', 'new content'].includes(text(file)));
      const left = names(aside).length;
      swept += sweepSync(aside).removed.length;
      assert.ok(left <= 1);
      assert.deepEqual([names(aside), names(folder)], [[], ['file']]);
    }
    assert.ok(swept > 0);
  });

  it('is refused as anything but a path, and in a transaction', async (t) => {
    const { file } = prepare(t);
    for (const directory of [5, true, {}])
      await assert.rejects(writeFile(file, 'new', { temporary: { directory } } as never), {
        code: 'ERR_INVALID_ARG_TYPE',
      });
    await assert.rejects(writeFile(file, 'new', { temporary: { directory: '' } }), { code: 'ERR_INVALID_ARG_VALUE' });
    await assert.rejects(
      transaction((tx) => tx.writeFile(file, 'new', { temporary: { directory: '/tmp' } } as never)),
      { code: 'ERR_INVALID_ARG_VALUE' },
    );
    assert.equal(text(file), 'old');
  });
});
