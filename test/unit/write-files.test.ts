import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync as plainWrite,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { WriteError, writeFile, writeFiles, writeFileSync, type WriteResult } from 'untorn';
import type { AsyncSystem } from '#untorn/system/node-calls.js';
import { readSyncData, type Content } from '#untorn/contract/data.js';
import { readOptions } from '#untorn/files/settings.js';
import { newOperation } from '#untorn/files/operation.js';
import { Turn } from '#untorn/order/turn.js';
import { Group, replaceInGroup } from '#untorn/replace/together.js';
import { runAsync } from '#untorn/system/async-driver.js';
import { environment } from '#untorn/system/environment.js';
import { givenPath } from '#untorn/system/paths.js';
import { names, text } from '../support/apis.ts';
import { needsOrdinaryUser } from '../support/as-user.ts';
import { newFolder } from '../support/folder.ts';
import { finished, script } from '../support/run.ts';
import { asyncSystem, syncSystem } from '../support/systems.ts';

/** Enough files for one sync of the filesystem. */
const many = 40;

function filesIn(folder: string, content: (index: number) => string): { path: string; data: string }[] {
  return Array.from({ length: many }, (_, index) => ({ path: join(folder, `file-${index}`), data: content(index) }));
}

async function errorsOf(writing: Promise<unknown>): Promise<WriteError[]> {
  try {
    await writing;
  } catch (error) {
    assert.ok(error instanceof AggregateError, String(error));
    return error.errors as WriteError[];
  }
  assert.fail('nothing failed');
}

describe('writeFiles()', () => {
  for (const count of [0, 3, many]) {
    it(`writes ${count} files, and gives their results in order`, async (t) => {
      const folder = newFolder(t);
      for (const [replaced, content] of [
        [false, 'old'],
        [true, 'the new content'],
      ] as const) {
        const files = filesIn(folder, (index) => `${content} ${index}`).slice(0, count);
        const results = await writeFiles(files);
        assert.deepEqual(
          results.map((result) => [result.path, result.replaced, result.durable]),
          files.map(({ path }) => [path, replaced, true]),
        );
        for (const { path, data } of files) assert.equal(text(path), data);
        assert.equal(names(folder).length, count);
      }
    });
  }

  it('takes all that one write takes: streams of chunks, links, modes', async (t) => {
    const folder = newFolder(t);
    mkdirSync(join(folder, 'elsewhere'));
    plainWrite(join(folder, 'elsewhere', 'file'), 'old');
    chmodSync(join(folder, 'elsewhere', 'file'), 0o640);
    symlinkSync(join('elsewhere', 'file'), join(folder, 'link'));
    const others = filesIn(folder, String);
    await writeFiles([
      { path: join(folder, 'link'), data: 'new' },
      { path: join(folder, 'chunks'), data: ['a', 'b'] },
      ...others,
    ]);
    assert.equal(text(join(folder, 'elsewhere', 'file')), 'new');
    assert.equal(statSync(join(folder, 'elsewhere', 'file')).mode & 0o777, 0o640);
    assert.equal(text(join(folder, 'chunks')), 'ab');
  });

  it('lets the later of two entries for one file win, and a later call over both (G7)', async (t) => {
    const folder = newFolder(t);
    const [one, ...others] = filesIn(folder, String) as [{ path: string; data: string }];
    const [first, ...rest] = await writeFiles([one, ...others, { ...one, data: 'later' }]);
    assert.equal(text(one.path), 'later');
    assert.equal(first?.superseded, true);
    assert.equal(rest.filter(({ superseded }) => superseded).length, 0);
    const writing = writeFiles(filesIn(folder, () => 'files'));
    const last = writeFile(one.path, 'last');
    await Promise.all([writing, last]);
    assert.equal(text(one.path), 'last');
    const again = writeFiles(filesIn(folder, () => 'again'));
    writeFileSync(one.path, 'at once');
    await again;
    assert.equal(text(one.path), 'at once');
  });

  it('writes all the others if some fail, and says which', async (t) => {
    const folder = newFolder(t);
    const files = filesIn(folder, String);
    mkdirSync(files[7]!.path);
    const missing = { path: join(folder, 'none', 'file'), data: 'x' };
    const errors = await errorsOf(writeFiles([...files, missing]));
    assert.deepEqual(
      errors.map(({ code, path, outcome }) => [code, path, outcome]),
      [
        ['EISDIR', files[7]!.path, 'old'],
        ['ENOENT', missing.path, 'old'],
      ],
    );
    for (const [index, { path, data }] of files.entries()) if (index !== 7) assert.equal(text(path), data);
    assert.equal(names(folder).length, many);
  });

  it('writes into a directory that may not be read, and so not be synced', async (t) => {
    const folder = newFolder(t);
    const user = await needsOrdinaryUser(t, folder);
    if (user === undefined) return;
    chmodSync(folder, 0o300);
    const source = `
      import { writeFiles } from 'untorn';
      const files = Array.from({ length: ${many} }, (_, index) => ({ path: process.argv[1] + '/' + index, data: 'x' }));
      console.log([...new Set((await writeFiles(files)).map(({ durable }) => durable))].join());`;
    const { stdout, stderr } = await finished(...script(source, { before: user, args: [folder] }));
    chmodSync(folder, 0o700);
    assert.equal(stdout.trim(), 'unsupported', stderr);
    assert.equal(names(folder).length, many);
  });

  it('touches nothing if an argument is wrong', async (t) => {
    const folder = newFolder(t);
    const files = filesIn(folder, String);
    for (const wrong of [
      [...files, { path: join(folder, 'x') }],
      [...files, { path: join(folder, 'x'), data: 7 }],
      [...files, 'x'],
      'files',
      undefined,
      7,
    ])
      await assert.rejects(writeFiles(wrong as never), { code: 'ERR_INVALID_ARG_TYPE' });
    await assert.rejects(writeFiles(files, { durability: 'none' } as never), TypeError);
    assert.deepEqual(names(folder), []);
  });
});

describe('a group of writes', () => {
  /** Writes files whose contents one sync makes durable; `meanwhile` comes right before that sync. */
  function together(
    files: readonly { path: string; data: string }[],
    meanwhile: () => void,
    sync: AsyncSystem['syncfs'] = (_, done) => done(null),
  ): Promise<PromiseSettledResult<WriteResult>[]> {
    const group = new Group(files.length, environment);
    const system: AsyncSystem = { ...asyncSystem, syncfs: (fd, done) => (meanwhile(), sync(fd, done)) };
    return Promise.allSettled(
      files.map(({ path, data }) => {
        const operation = newOperation(givenPath(path), readOptions({}), environment, false);
        const content = readSyncData(data, 'utf8') as Content & { kind: 'bytes' };
        return runAsync(replaceInGroup(operation, new Turn(operation), content, group), system, syncSystem);
      }),
    );
  }

  it('puts no file in place before the sync, and all after it (G2)', async (t) => {
    const folder = newFolder(t);
    const files = filesIn(folder, String);
    let syncs = 0;
    let before: string[] = [];
    const results = await together(files, () => {
      syncs++;
      before = names(folder).filter((name) => name.startsWith('file-'));
    });
    assert.deepEqual([syncs, before], [1, []]);
    assert.ok(results.every(({ status }) => status === 'fulfilled'));
    for (const { path, data } of files) assert.equal(text(path), data);
  });

  it('leaves every file as it was if the sync fails (G4)', async (t) => {
    const folder = newFolder(t);
    const files = filesIn(folder, () => 'new');
    plainWrite(files[0]!.path, 'old');
    const failure = Object.assign(new Error('EIO: injected, syncfs'), { code: 'EIO', errno: -5, syncfs: 'syncfs' });
    const results = await together(
      files,
      () => undefined,
      (_, done) => done(failure),
    );
    for (const result of results) {
      assert.ok(result.status === 'rejected');
      const { code, outcome, step } = result.reason as WriteError;
      assert.deepEqual([code, outcome, step], ['EIO', 'old', 'sync']);
    }
    assert.deepEqual([names(folder), text(files[0]!.path)], [['file-0'], 'old']);
  });

  it('leaves every file of two groups as it was if a sync fails, which the kernel tells each descriptor once (G4)', async (t) => {
    const folder = newFolder(t);
    const groups = ['a', 'b'].map((name) =>
      filesIn(folder, () => 'new').map((file) => ({ ...file, path: file.path + name })),
    );
    for (const { path } of groups.flat()) plainWrite(path, 'old');
    const failure = Object.assign(new Error('EIO: injected, syncfs'), { code: 'EIO', errno: -5, syscall: 'syncfs' });
    const told = new Set<number>();
    const sync: AsyncSystem['syncfs'] = (fd, done) => done(told.size < told.add(fd).size ? failure : null);
    const results = (await Promise.all(groups.map((files) => together(files, () => undefined, sync)))).flat();
    assert.deepEqual(new Set(results.map(({ status }) => status)), new Set(['rejected']));
    for (const { path } of groups.flat()) assert.equal(text(path), 'old');
  });

  it('takes the metadata of a file that another program has put there meanwhile (G5)', async (t) => {
    const folder = newFolder(t);
    const files = filesIn(folder, () => 'new');
    const path = files[3]!.path;
    plainWrite(path, 'old');
    const results = await together(files, () => {
      plainWrite(join(folder, 'other'), 'of another program');
      chmodSync(join(folder, 'other'), 0o600);
      renameSync(join(folder, 'other'), path);
    });
    assert.deepEqual(
      results.filter(({ status }) => status === 'rejected'),
      [],
    );
    assert.deepEqual([readFileSync(path, 'utf8'), statSync(path).mode & 0o777], ['new', 0o600]);
    assert.equal(names(folder).length, many);
  });

  it('does not wait for one that fails, and replaces by itself what cannot be in a group', async (t) => {
    const folder = newFolder(t);
    const open = join(folder, 'open');
    mkdirSync(open);
    chmodSync(open, 0o777); // Others may rename what is in it.
    const files = [
      { path: join(folder, 'none', 'file'), data: 'x' },
      { path: join(open, 'file'), data: 'in an open directory' },
      { path: join(folder, 'file'), data: 'here' },
    ];
    const results = await together(files, () => undefined);
    assert.deepEqual(
      results.map(({ status }) => status),
      ['rejected', 'fulfilled', 'fulfilled'],
    );
    assert.deepEqual([text(files[1]!.path), text(files[2]!.path)], ['in an open directory', 'here']);
  });
});
