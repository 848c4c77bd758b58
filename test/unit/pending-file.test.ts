import assert from 'node:assert/strict';
import { closeSync, fstatSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import {
  openPending,
  openPendingSync,
  writeFile,
  type PendingFile,
  type PendingFileSync,
  type WriteOptions,
} from 'untorn';
import { scratch } from '../support/scratch.ts';

const invalidState = { name: 'TypeError', code: 'ERR_INVALID_STATE' };

type AnyFile = PendingFile | PendingFileSync;

const forms: [string, (path: string, options?: WriteOptions) => Promise<AnyFile>][] = [
  ['openPending()', (path, options) => openPending(path, options)],
  ['openPendingSync()', async (path, options) => openPendingSync(path, options)],
];

describe('openPending()', () => {
  const here = scratch();

  it('commits nothing after a write that was refused: it may not have been awaited (G4)', async () => {
    writeFileSync(here.at('file'), 'old');
    const file = await openPending(here.at('file'));
    const writes = Promise.allSettled([file.write('part'), file.write(undefined as never), file.write('rest')]);
    await assert.rejects(file.commit(), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
    assert.deepEqual(
      (await writes).map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
    assert.deepEqual([here.text('file'), here.names()], ['old', ['file']]);
  });
});

for (const [name, open] of forms) {
  describe(name, () => {
    const here = scratch();
    /** Calls that throw in the one form and reject in the other. */
    const attempt = async (call: () => unknown): Promise<unknown> => call();

    it('leaves the target as it is until the commit (G1)', async () => {
      writeFileSync(here.at('file'), 'old');
      const file = await open(here.at('file'));
      assert.equal(await file.write('new'), 3);
      assert.deepEqual([here.text('file'), file.committed], ['old', false]);
      assert.equal(readFileSync(file.temporaryPath, 'utf8'), 'new');
      const { bytes, replaced } = await file.commit();
      assert.deepEqual([bytes, replaced, file.committed], [3, true, true]);
      assert.deepEqual([here.text('file'), here.names()], ['new', ['file']]);
    });

    it('discards without a trace, as often as it is told (G10)', async () => {
      writeFileSync(here.at('file'), 'old');
      const file = await open(here.at('file'));
      await file.write('new');
      await file.discard();
      await file.discard();
      assert.deepEqual([here.text('file'), here.names(), file.committed], ['old', ['file'], false]);
    });

    it('ignores a discard after the commit', async () => {
      const file = await open(here.at('file'));
      await file.write('new');
      await file.commit();
      await file.discard();
      assert.deepEqual([here.text('file'), file.committed], ['new', true]);
    });

    it('refuses to write or commit once it is committed or discarded', async () => {
      for (const end of ['commit', 'discard'] as const) {
        const file = await open(here.at('file'));
        await file[end]();
        await assert.rejects(
          attempt(() => file.write('more')),
          invalidState,
        );
        await assert.rejects(
          attempt(() => file.writev(['more'])),
          invalidState,
        );
        await assert.rejects(
          attempt(() => file.commit()),
          invalidState,
        );
      }
    });

    it('writes all of several chunks in order: empty ones, a single one, none, more than a system call takes', async () => {
      const many = Array.from({ length: 3000 }, (_, index) => (index % 7 === 0 ? '' : `${index},`));
      const file = await open(here.at('file'));
      assert.equal(await file.writev([]), 0);
      assert.equal(await file.writev(['', new Uint8Array(0)]), 0);
      assert.equal(await file.writev(['one;']), 4);
      assert.equal(
        await file.writev([
          new Uint16Array([0x4141, 0x4242]),
          new DataView(new ArrayBuffer(1)),
          new Uint8Array([67]).buffer,
        ]),
        6,
      );
      assert.equal(await file.writev(many), many.join('').length);
      assert.equal((await file.commit()).bytes, many.join('').length + 10);
      assert.equal(here.text('file'), `one;AABB\0C${many.join('')}`);
    });

    it('writes more than one system call is given', async () => {
      const parts = [Buffer.alloc(9 << 20, 'a'), Buffer.alloc(3, 'b'), Buffer.alloc(9 << 20, 'c')];
      const file = await open(here.at('file'), { durability: 'off' });
      await file.writev(parts);
      await file.commit();
      assert.ok(readFileSync(here.at('file')).equals(Buffer.concat(parts)));
    });

    it('takes encodings by call, and else its own', async () => {
      const file = await open(here.at('file'), { encoding: 'hex' });
      await file.write('41');
      await file.write('QkM=', 'base64');
      await file.writev(['44', '45']);
      await file.writev(['é'], 'latin1');
      await file.write(['46', '47']);
      await file.commit();
      assert.deepEqual(readFileSync(here.at('file'), 'latin1'), 'ABCDE\u00e9FG');
    });

    it('refuses wrong data before it writes any of it', async () => {
      const file = await open(here.at('file'));
      for (const wrong of [undefined, null, 1, true, {}, Symbol('x'), () => 'x', [1], ['text', {}]]) {
        await assert.rejects(
          attempt(() => file.write(wrong as never)),
          { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' },
        );
        await assert.rejects(
          attempt(() => file.writev([wrong] as never)),
          { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' },
        );
      }
      assert.equal(statSync(file.temporaryPath).size, 0);
      await file.discard();
    });

    it('gives its descriptor to functions of node:fs', async () => {
      const file = await open(here.at('file'));
      await file.write('a');
      writeSync(file.fd, 'b');
      await file.write('c');
      assert.equal((await file.commit()).bytes, 3);
      assert.equal(here.text('file'), 'abc');
    });

    it('fails at the commit when a write failed, with the old file in place (G4)', async () => {
      writeFileSync(here.at('file'), 'old');
      const file = await open(here.at('file'));
      await file.write('a');
      const source = function* (): Generator<string> {
        yield 'b';
        throw new Error('no more');
      };
      await assert.rejects(
        attempt(() => file.write(source())),
        { code: 'ERR_UNTORN_SOURCE', step: 'read source', outcome: 'old' },
      );
      await assert.rejects(
        attempt(() => file.commit()),
        { code: 'ERR_UNTORN_SOURCE', outcome: 'old' },
      );
      await assert.rejects(
        attempt(() => file.commit()),
        invalidState,
      );
      assert.deepEqual([here.text('file'), here.names()], ['old', ['file']]);
    });

    it('closes a source whose data turned out to be wrong', async () => {
      const file = await open(here.at('file'));
      let closed = false;
      const source = function* (): Generator<string> {
        try {
          yield 1 as never;
        } finally {
          closed = true;
        }
      };
      await assert.rejects(
        attempt(() => file.write(source())),
        { code: 'ERR_INVALID_ARG_TYPE', step: 'read source' },
      );
      await file.discard();
      assert.equal(closed, true);
    });

    it('looks at the target again when it commits', async () => {
      const file = await open(here.at('file'), { overwrite: false });
      writeFileSync(here.at('file'), 'of another');
      await assert.rejects(
        attempt(() => file.commit()),
        { code: 'EEXIST', outcome: 'old' },
      );
      assert.deepEqual([here.text('file'), here.names()], ['of another', ['file']]);
    });

    it('leaves no descriptor open', { skip: process.platform !== 'linux' && 'there is no /proc' }, async () => {
      const before = readdirFds();
      for (const end of ['commit', 'discard'] as const) {
        const file = await open(here.at('file'));
        await file[end]();
      }
      // Directories and replaced files are closed by other threads.
      const added = (): number[] => readdirFds().filter((fd) => !before.includes(fd));
      for (let turns = 0; added().length > 0 && turns < 10_000; turns++) await setTimeout(1);
      assert.deepEqual(added(), []);
    });
  });
}

function readdirFds(): number[] {
  return Array.from({ length: 200 }, (_, fd) => fd).filter((fd) => {
    try {
      fstatSync(fd);
      return true;
    } catch {
      return false;
    }
  });
}

describe('PendingFile', () => {
  const here = scratch();

  it('does calls that are not awaited in the order in which they were made', async () => {
    const file = await openPending(here.at('file'));
    const slow = async function* (): AsyncGenerator<string> {
      for (const part of ['a', 'b', 'c']) {
        await new Promise(setImmediate);
        yield part;
      }
    };
    const calls = [
      file.write(slow()),
      file.write('d'),
      file.writev(['e', 'f']),
      file.write(new Blob(['g'])),
      file.write(Readable.from(['h', 'i'])),
      file.commit(),
    ];
    await assert.rejects(file.write('late'), invalidState);
    await assert.rejects(file.commit(), invalidState);
    await Promise.all(calls);
    assert.equal(here.text('file'), 'abcdefghi');
  });

  it('lets a discard wait for another one that is under way (G10)', async () => {
    const file = await openPending(here.at('file'));
    const first = file.discard();
    await file.discard();
    assert.deepEqual(here.names(), []);
    await first;
  });

  it('lets a discard wait for a commit that is under way', async () => {
    const file = await openPending(here.at('file'));
    await file.write('new');
    const committed = file.commit();
    await file.discard();
    assert.equal(here.text('file'), 'new');
    assert.equal((await committed).bytes, 3);
  });

  it('discards after the writes that are under way', async () => {
    const file = await openPending(here.at('file'));
    const written = file.write(Buffer.alloc(1 << 20));
    await file.discard();
    assert.equal(await written, 1 << 20);
    assert.deepEqual(here.names(), []);
  });

  it('closes a source that it does not read to its end', async () => {
    const file = await openPending(here.at('file'));
    const source = Readable.from([{}, 'never']);
    await assert.rejects(file.write(source), { code: 'ERR_INVALID_ARG_TYPE' });
    assert.equal(source.destroyed, true);
    await file.discard();
  });

  it('is discarded at the end of an `await using` block unless it was committed', async () => {
    const [first, second] = [await openPending(here.at('first')), await openPending(here.at('second'))];
    await first.commit();
    for (const file of [first, second]) await file[Symbol.asyncDispose]();
    assert.deepEqual(here.names(), ['first']);
  });

  it('has a stream that writes to it and commits nothing', async () => {
    const file = await openPending(here.at('file'), { encoding: 'utf16le' });
    await pipeline(['a', Buffer.from('b'), 'c'], file.createWriteStream());
    assert.deepEqual(here.names().length, 1);
    await file.write('d');
    await file.commit();
    assert.equal(here.text('file'), 'abcd\0');
  });

  it('cannot be committed after its stream was destroyed by an error', async () => {
    const file = await openPending(here.at('file'));
    const failing = Readable.from(
      (function* () {
        yield 'half';
        throw new Error('no more');
      })(),
    );
    await assert.rejects(pipeline(failing, file.createWriteStream()), { message: 'no more' });
    await assert.rejects(file.commit(), { message: 'no more' });
    assert.deepEqual(here.names(), []);
  });

  it('has a handle, through which more can be done than to write', async () => {
    const file = await openPending(here.at('file'));
    await file.write('content');
    await file.handle.truncate(4);
    await file.handle.write('-', 0);
    assert.equal((await file.commit()).bytes, 4);
    assert.equal(here.text('file'), '-ont');
  });

  it('fails where its handle was closed, and leaves what has the descriptor now alone', async () => {
    writeFileSync(here.at('file'), 'old');
    const file = await openPending(here.at('file'));
    await file.handle.close();
    const other = await openPending(here.at('other'));
    await assert.rejects(file.write('astray'), invalidState);
    await assert.rejects(file.commit(), invalidState);
    await file.discard();
    await other.write('content');
    await other.commit();
    assert.deepEqual([here.text('file'), here.text('other'), here.names()], ['old', 'content', ['file', 'other']]);
  });

  it('is discarded without harm where its handle was closed', async () => {
    const file = await openPending(here.at('file'));
    await file.handle.close();
    const other = await openPending(here.at('other'));
    await file.discard();
    await other.write('content');
    await other.commit();
    assert.deepEqual(here.names(), ['other']);
  });

  it(
    'stays in its directory when that is renamed',
    { skip: process.platform !== 'linux' && 'only where directories are reached by descriptor' },
    async () => {
      const { mkdirSync, renameSync } = await import('node:fs');
      mkdirSync(here.at('before'));
      const file = await openPending(here.at('before/file'));
      await file.write('new');
      renameSync(here.at('before'), here.at('after'));
      await file.commit();
      assert.equal(here.text('after/file'), 'new');
    },
  );

  it('stops at an abort, and keeps the old file', async () => {
    writeFileSync(here.at('file'), 'old');
    const controller = new AbortController();
    const file = await openPending(here.at('file'), { signal: controller.signal });
    await file.write('new');
    controller.abort();
    await assert.rejects(file.write('more'), { name: 'AbortError', code: 'ABORT_ERR' });
    await assert.rejects(file.commit(), { name: 'AbortError', code: 'ABORT_ERR', outcome: 'old' });
    assert.deepEqual([here.text('file'), here.names()], ['old', ['file']]);
  });

  it('loses to what was written after its commit was asked for, and only to that (G7)', async () => {
    const file = await openPending(here.at('file'));
    await file.write('pending');
    await writeFile(here.at('file'), 'before');
    const [committed, written] = [file.commit(), writeFile(here.at('file'), 'after')];
    await Promise.all([committed, written]);
    assert.equal(here.text('file'), 'after');
    const second = await openPending(here.at('file'));
    await second.write('pending');
    const before = writeFile(here.at('file'), 'before');
    await Promise.all([before, second.commit()]);
    assert.equal(here.text('file'), 'pending');
  });
});

describe('PendingFileSync', () => {
  const here = scratch();

  it('is discarded at the end of a `using` block unless it was committed', () => {
    const [first, second] = [openPendingSync(here.at('first')), openPendingSync(here.at('second'))];
    first.commit();
    for (const file of [first, second]) file[Symbol.dispose]();
    assert.deepEqual(here.names(), ['first']);
  });

  it('reports a descriptor that was closed, with the old file in place (G4)', () => {
    writeFileSync(here.at('file'), 'old');
    const file = openPendingSync(here.at('file'));
    closeSync(file.fd);
    assert.throws(() => file.commit(), { code: 'EBADF', outcome: 'old' });
    assert.deepEqual([here.text('file'), here.names()], ['old', ['file']]);
    assert.equal(statSync(here.at('file')).size, 3);
  });
});
