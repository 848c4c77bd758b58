import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { describe, it } from 'node:test';
import { writeFile, WriteError } from 'untorn';
import { scratch } from '../support/scratch.ts';

describe('WriteError', () => {
  const here = scratch();

  it('says what failed, where, and what the target holds now (G4)', async () => {
    const error = await writeFile(here.at('none/file'), 'new').then(
      () => assert.fail('it resolved'),
      (thrown: WriteError) => thrown,
    );
    assert.ok(error instanceof WriteError && error instanceof Error && WriteError.isWriteError(error));
    const { name, code, syscall, errno, path, step, outcome, temporaryPath, backupPath, message } = error;
    assert.deepEqual(
      { name, code, syscall, path, step, outcome, temporaryPath, backupPath },
      {
        name: 'WriteError',
        code: 'ENOENT',
        syscall: 'open',
        path: here.at('none/file'),
        step: 'resolve',
        outcome: 'old',
        temporaryPath: undefined,
        backupPath: undefined,
      },
    );
    assert.equal(errno, (error.cause as NodeJS.ErrnoException).errno);
    assert.equal(
      message,
      `Cannot replace "${here.at('none/file')}": its directory does not exist (ENOENT); the target is untouched; makeParents: true makes the directory`,
    );
  });

  it(
    'says so when a relative path has no working directory any more',
    { skip: process.platform === 'win32' && 'a working directory cannot be removed there' },
    () => {
      const program = `
      import { mkdirSync, rmdirSync } from 'node:fs';
      import { writeFile, writeFileSync, WriteError } from 'untorn';
      mkdirSync(process.argv[1]);
      process.chdir(process.argv[1]);
      rmdirSync(process.argv[1]);
      const check = (error) => {
        if (WriteError.isWriteError(error)) console.log(error.code, error.outcome, error.path, /working directory does not exist/.test(error.message));
        else throw error;
      };
      await writeFile('file', 'new').then(() => console.log('resolved'), check);
      try { writeFileSync('file', 'new'); } catch (error) { check(error); }
    `;
      const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program, here.at('gone')], {
        encoding: 'utf8',
      });
      assert.equal(stdout, 'ENOENT old file true\nENOENT old file true\n', stderr);
    },
  );

  it('has the name of an error that libuv has none for', () => {
    // As libuv 1.46 gives it for a full quota.
    const cause = Object.assign(new Error('Unknown system error -122: Unknown system error -122, write'), {
      code: 'Unknown system error -122',
      errno: -constants.errno.EDQUOT,
      syscall: 'write',
    });
    const { code, message } = new WriteError({ path: '/file', step: 'write', outcome: 'old', cause });
    assert.deepEqual(
      [code, message],
      ['EDQUOT', 'Cannot replace "/file": disk quota exceeded (EDQUOT) while writing; the target is untouched'],
    );
  });

  it('is known across copies of the package by its brand, and nothing else is taken for one', async () => {
    assert.ok(WriteError.isWriteError({ [Symbol.for('untorn.WriteError')]: true }));
    for (const other of [undefined, null, 'text', new Error('other'), {}])
      assert.equal(WriteError.isWriteError(other), false);
  });

  it('has the form of other aborts, with the reason as the cause', async () => {
    writeFileSync(here.at('file'), 'old');
    for (const reason of [new Error('why'), 'text', undefined]) {
      const error = await writeFile(here.at('file'), 'new', { signal: AbortSignal.abort(reason) }).then(
        () => assert.fail('it resolved'),
        (thrown: WriteError) => thrown,
      );
      assert.deepEqual([error.name, error.code, error.outcome], ['AbortError', 'ABORT_ERR', 'old']);
      if (reason !== undefined) assert.equal(error.cause, reason);
      else assert.equal((error.cause as Error).name, 'AbortError');
    }
    assert.equal(here.text('file'), 'old');
  });

  it('aborts before the rename or not at all: it resolves if and only if the new content is in place (G4)', async () => {
    let [resolved, aborted] = [0, 0];
    for (let turns = 0; turns < 40; turns++) {
      writeFileSync(here.at('file'), 'old');
      const controller = new AbortController();
      const written = writeFile(here.at('file'), Buffer.alloc(1000, 'n'), { signal: controller.signal }).then(
        () => resolved++,
        (error: WriteError) => {
          assert.deepEqual([error.code, error.outcome, here.text('file')], ['ABORT_ERR', 'old', 'old']);
          aborted++;
        },
      );
      for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
      controller.abort();
      await written;
      assert.deepEqual(here.names(), ['file']);
    }
    assert.ok(aborted > 0, 'none was aborted');
    assert.equal(resolved + aborted, 40);
  });

  it('is not made by an abort after the end', async () => {
    const controller = new AbortController();
    await writeFile(here.at('file'), 'new', { signal: controller.signal });
    controller.abort();
    assert.equal(here.text('file'), 'new');
  });
});
