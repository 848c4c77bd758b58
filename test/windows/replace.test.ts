import assert from 'node:assert/strict';
import { chmodSync, linkSync, readFileSync, statSync, utimesSync, writeFileSync as plainWrite } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import {
  atomicWrite,
  atomicWriteSync,
  createWritableStream,
  createWriteStream,
  openPending,
  openPendingSync,
  sweep,
  writeFile,
  writeFileSync,
} from 'untorn';
import { apis } from '../support/apis.ts';
import { scratch } from '../support/scratch.ts';
import { durableHere, failure, onWindows } from './on-windows.ts';

describe('replacing a file on Windows (G4, G6)', onWindows, () => {
  const here = scratch();

  for (const { name, write } of apis) {
    it(`${name}() creates and overwrites, syncs the file, and the directory with the native part`, async () => {
      const created = await write(here.at('file'), 'first');
      assert.deepEqual(
        [created.replaced, created.bytes, created.atomic, created.durable],
        [false, 5, true, durableHere],
      );
      const replaced = await write(here.at('file'), Buffer.alloc(300_000, 'n'));
      assert.deepEqual(
        [replaced.replaced, replaced.path, replaced.durable, replaced.notKept],
        [true, here.at('file'), durableHere, []],
      );
      assert.deepEqual([here.text('file'), here.names()], ['n'.repeat(300_000), ['file']]);
      assert.equal((await write(here.at('file'), 'x', { durability: 'normal' })).durable, false);
      assert.equal((await write(here.at('file'), 'y', { durability: 'off' })).durable, false);
      assert.equal(here.text('file'), 'y');
    });

    it(`${name}() with overwrite: false creates, and refuses what is there`, async () => {
      await write(here.at('file'), 'first', { overwrite: false });
      const error = await failure(() => write(here.at('file'), 'second', { overwrite: false }));
      assert.deepEqual(
        [error.code, error.outcome, here.text('file'), here.names()],
        ['EEXIST', 'old', 'first', ['file']],
      );
    });

    it(`${name}() keeps backups, simple and numbered`, async () => {
      for (const text of ['1', '2', '3']) await write(here.at('file'), text, { backup: 'simple' });
      assert.deepEqual([here.text('file'), here.text('file~')], ['3', '2']);
      for (const text of ['4', '5', '6']) await write(here.at('file'), text, { backup: { numbered: 2 } });
      assert.deepEqual(here.names(), ['file', 'file.~2~', 'file.~3~', 'file~']);
      assert.deepEqual([here.text('file.~2~'), here.text('file.~3~')], ['4', '5']);
      const { backupPath } = await write(here.at('file'), '7', { backup: here.at('kept') });
      assert.deepEqual([backupPath, here.text('kept'), here.text('file')], [here.at('kept'), '6', '7']);
    });

    it(`${name}() makes parents`, async () => {
      await write(here.at('a\\b\\c\\file'), 'deep', { makeParents: true });
      assert.equal(here.text('a/b/c/file'), 'deep');
      assert.equal((await failure(() => write(here.at('x\\file'), 'deep'))).code, 'ENOENT');
    });

    it(`${name}() with ifUnchanged: 'skip' leaves an unchanged file and its times alone`, async () => {
      await write(here.at('file'), 'same');
      const before = statSync(here.at('file'), { bigint: true });
      assert.equal((await write(here.at('file'), 'same', { ifUnchanged: 'skip' })).unchanged, true);
      const after = statSync(here.at('file'), { bigint: true });
      assert.deepEqual([after.ino, after.mtimeNs], [before.ino, before.mtimeNs]);
      assert.equal((await write(here.at('file'), 'else', { ifUnchanged: 'skip' })).unchanged, false);
      assert.equal(here.text('file'), 'else');
    });

    it(`${name}() refuses a file with the read-only attribute at once, and says so`, async () => {
      plainWrite(here.at('file'), 'old');
      chmodSync(here.at('file'), 0o444);
      const start = Date.now();
      const error = await failure(() => write(here.at('file'), 'new', { backup: 'simple' }));
      assert.ok(Date.now() - start < 3000, 'It was tried again and again');
      assert.deepEqual([error.code, error.outcome, here.text('file'), here.names()], ['EPERM', 'old', 'old', ['file']]);
      assert.match(error.message, /read-only.*the target is untouched$/);
      chmodSync(here.at('file'), 0o666);
    });

    it(`${name}() with ifUnchanged: 'skip' goes by the one bit of a mode that Windows has`, async () => {
      const wants = async (mode: number): Promise<unknown> => {
        const { unchanged, durable } = await write(here.at('file'), 'same', { mode, ifUnchanged: 'skip' });
        return [unchanged, durable];
      };
      assert.deepEqual(await wants(0o444), [false, durableHere]);
      // Windows flushes only files that may be written.
      assert.deepEqual(await wants(0o400), [true, 'unsupported']);
      assert.equal((await failure(() => wants(0o600))).code, 'EPERM');
      chmodSync(here.at('file'), 0o666);
      assert.deepEqual(await wants(0o600), [true, durableHere]);
    });

    it(`${name}() sets the one bit of a mode that Windows has`, async () => {
      await write(here.at('file'), 'x', { mode: 0o444 });
      assert.deepEqual([statSync(here.at('file')).mode & 0o777, here.text('file')], [0o444, 'x']);
      chmodSync(here.at('file'), 0o666);
      await write(here.at('file'), 'y', { mode: 0o600 });
      assert.equal(statSync(here.at('file')).mode & 0o200, 0o200);
    });

    it(`${name}() refuses an owner: there is none to give`, async () => {
      plainWrite(here.at('file'), 'old');
      const error = await failure(() => write(here.at('file'), 'new', { owner: { uid: 1, gid: 1 } }));
      assert.deepEqual(
        [error.code, error.outcome, here.text('file'), here.names()],
        ['ENOTSUP', 'old', 'old', ['file']],
      );
    });

    it(`${name}() keeps the times if asked to`, async () => {
      plainWrite(here.at('file'), 'old');
      utimesSync(here.at('file'), 1_000_000, 2_000_000);
      await write(here.at('file'), 'new', { preserve: { times: 'try' } });
      assert.deepEqual([Math.floor(statSync(here.at('file')).mtimeMs), here.text('file')], [2_000_000_000, 'new']);
    });

    it(`${name}() leaves other hard links with the old content`, async () => {
      plainWrite(here.at('file'), 'old');
      linkSync(here.at('file'), here.at('other'));
      assert.equal((await failure(() => write(here.at('file'), 'new', { hardLink: 'refuse' }))).code, 'EMLINK');
      await write(here.at('file'), 'new');
      assert.deepEqual([here.text('file'), here.text('other')], ['new', 'old']);
    });

    it(`${name}() refuses a directory`, async () => {
      const error = await failure(() => write(here.folder, 'x'));
      assert.deepEqual([error.code, error.outcome], ['EISDIR', 'old']);
    });
  }

  it('takes a file: URL and a Buffer for a path', async () => {
    await writeFile(pathToFileURL(here.at('ä b%20')), 'url');
    writeFileSync(Buffer.from(here.at('büffer')), 'buffer');
    assert.deepEqual([here.text('ä b%20'), here.text('büffer')], ['url', 'buffer']);
  });

  it('with the last call winning, synchronous and asynchronous', async () => {
    for (let round = 0; round < 10; round++) {
      const calls = Array.from({ length: 8 }, async (_, index) =>
        apis[index % 3 === 2 ? 1 : 0]?.write(here.at('file'), `${round} ${index}`),
      );
      await Promise.all(calls);
      assert.equal(here.text('file'), `${round} 7`);
      const late = writeFile(here.at('file'), 'earlier');
      writeFileSync(here.at('file'), 'later');
      await late;
      assert.equal(here.text('file'), 'later');
    }
    assert.deepEqual(here.names(), ['file']);
  });

  it('by atomicWrite(): a return commits, a throw leaves the old file', async () => {
    await atomicWrite(here.at('file'), async (file) => void (await file.write('new')));
    atomicWriteSync(here.at('file 2'), (file) => void file.write('new'));
    await assert.rejects(
      atomicWrite(here.at('file'), async (file) => {
        await file.write('half');
        throw new Error('no');
      }),
      /no/,
    );
    assert.throws(
      () =>
        atomicWriteSync(here.at('file 2'), (file) => {
          file.write('half');
          throw new Error('no');
        }),
      /no/,
    );
    assert.deepEqual([here.text('file'), here.text('file 2'), here.names()], ['new', 'new', ['file', 'file 2']]);
  });

  it('by a pending file: commit, discard, keepOnError', async () => {
    plainWrite(here.at('file'), 'old');
    const file = await openPending(here.at('file'));
    await file.write('one ');
    await file.writev(['two ', Buffer.from('three')]);
    assert.deepEqual([here.text('file'), readFileSync(file.temporaryPath, 'utf8')], ['old', 'one two three']);
    await file.commit();
    const second = openPendingSync(here.at('file'));
    second.write('not this');
    second.discard();
    assert.deepEqual([here.text('file'), here.names()], ['one two three', ['file']]);
    await assert.rejects(
      atomicWrite(
        here.at('file'),
        async (file) => {
          await file.write('kept');
          throw new Error('no');
        },
        { temporary: { keepOnError: true } },
      ),
    );
    const { recoverable } = await sweep(here.folder);
    assert.deepEqual(
      recoverable.map((path) => readFileSync(path, 'utf8')),
      ['kept'],
    );
  });

  it('by streams: their end commits, their failure leaves the old file', async () => {
    await pipeline(Readable.from(['a', 'b']), createWriteStream(here.at('node')));
    await new Blob(['web']).stream().pipeTo(createWritableStream(here.at('web')));
    await assert.rejects(
      pipeline(
        async function* () {
          yield 'half';
          throw new Error('no');
        },
        createWriteStream(here.at('node')),
      ),
      /no/,
    );
    assert.deepEqual([here.text('node'), here.text('web'), here.names()], ['ab', 'web', ['node', 'web']]);
  });
});
