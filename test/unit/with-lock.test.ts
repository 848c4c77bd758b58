import assert from 'node:assert/strict';
import { existsSync, rmSync, writeFileSync as plainWrite } from 'node:fs';
import { describe, it } from 'node:test';
import {
  appendFile,
  transaction,
  updateFile,
  updateFileSync,
  updateJson,
  withLock,
  withLockSync,
  writeFile,
  writeFileSync,
} from 'untorn';
import { refusedWith } from '../support/apis.ts';
import { start } from '../support/child.ts';
import { scratch } from '../support/scratch.ts';

/** A program that says when it has a lock, and keeps it until it is told to go on. */
const holder = `
  import { withLock } from 'untorn';
  await withLock(process.argv[1], async () => {
    console.log('held');
    await new Promise((resolve) => process.stdin.once('data', resolve));
  });
  process.stdin.destroy();
`;

describe('withLock()', () => {
  const here = scratch();

  it('gives what the callback gives, and leaves nothing behind', async () => {
    const result = await withLock(here.at('file'), async ({ path }) => ({ path, exists: existsSync(path) }));
    assert.deepEqual(result, { path: here.at('file'), exists: false });
    assert.equal(await withLock(here.at('file'), () => undefined), undefined);
    assert.deepEqual(here.names(), []);
  });

  it("passes the callback's error on, and releases the lock", async () => {
    const mine = new Error('mine');
    await assert.rejects(
      withLock(here.at('file'), () => Promise.reject(mine)),
      (error) => error === mine,
    );
    await assert.rejects(
      withLock(here.at('file'), () => {
        throw mine;
      }),
      (error) => error === mine,
    );
    assert.deepEqual(here.names(), []);
  });

  it('lets the callback write the file, without an update', async () => {
    await withLock(here.at('file'), async ({ path }) => {
      await writeFile(path, 'one');
      writeFileSync(path, 'two');
    });
    assert.equal(here.text('file'), 'two');
  });

  it('excludes other calls of the process that take the lock (G8)', async () => {
    let inside = 0;
    const one = async (): Promise<void> => {
      assert.equal(++inside, 1);
      await new Promise(setImmediate);
      inside--;
    };
    const locks = Array.from({ length: 20 }, () => withLock(here.at('file'), one));
    const updates = Array.from({ length: 5 }, () =>
      updateFile(
        here.at('file'),
        async (old = '') => {
          await one();
          return `${old}x`;
        },
        'utf8',
      ),
    );
    await Promise.all([...locks, ...updates]);
    assert.deepEqual([here.text('file'), here.names()], ['xxxxx', ['file']]);
  });

  it('excludes other processes, until they end (G8)', async () => {
    const other = start(holder, [here.at('file')]);
    assert.equal(await other.line(), 'held');
    const options = { lock: { timeout: 0 } };
    await assert.rejects(
      withLock(here.at('file'), () => assert.fail(), options),
      refusedWith('ERR_LOCK_TIMEOUT'),
    );
    assert.throws(() => withLockSync(here.at('file'), () => assert.fail(), options), refusedWith('ERR_LOCK_TIMEOUT'));
    await assert.rejects(
      updateFile(here.at('file'), () => 'x', options),
      refusedWith('ERR_LOCK_TIMEOUT'),
    );
    const waiting = withLock(here.at('file'), () => 'mine');
    other.process.stdin.write('go on\n');
    assert.equal(await waiting, 'mine');
    assert.equal((await other.ended).status, 0);
  });

  it('is free as soon as its holder is killed (G10)', async () => {
    const other = start(holder, [here.at('file')]);
    await other.line();
    other.process.kill('SIGKILL');
    await other.ended;
    assert.equal(await withLock(here.at('file'), () => 1, { lock: { timeout: 0 } }), 1);
    assert.deepEqual(here.names(), []);
  });

  it('refuses at once a call in the callback that would wait for it', async () => {
    plainWrite(here.at('file'), '{}');
    const path = here.at('file');
    const calls: (() => unknown)[] = [
      () => withLock(path, () => 1),
      () => withLockSync(path, () => 1),
      () => updateFile(path, () => 'x'),
      () => updateFileSync(path, () => 'x'),
      () => updateJson(path, () => ({})),
      () => appendFile(path, 'x\n'),
      () => writeFile(path, 'x', { ifMatch: 'absent' }),
      () => transaction((tx) => tx.writeFile(path, 'x')),
      () => new Promise((resolve) => setTimeout(resolve, 1)).then(() => updateFile(path, () => 'x')),
    ];
    for (const call of calls)
      await withLock(path, async () => {
        await assert.rejects(async () => call(), { code: 'ERR_LOCK_DEADLOCK' });
      });
    // Another file, and a call that comes later, are another matter.
    await withLock(path, () => updateFile(here.at('other'), () => 'x'));
    const later = await withLock(path, () => () => updateFile(path, () => 'x'));
    await later();
    assert.deepEqual(here.names(), ['file', 'other']);
  });

  it('tells that the lock was lost while the callback ran', async () => {
    await assert.rejects(
      withLock(here.at('file'), () => rmSync(here.at('.file.untorn-lock'), { recursive: true })),
      { code: 'ERR_LOCK_LOST', outcome: 'unknown' },
    );
    assert.deepEqual(here.names(), []);
  });

  it('ends the wait by an abort, and not the callback', async () => {
    const controller = new AbortController();
    await withLock(here.at('file'), async () => {
      const waiting = start(
        `import { withLock } from 'untorn';
         const signal = AbortSignal.timeout(1);
         await withLock(process.argv[1], () => console.log('held'), { signal }).catch(({ name }) => console.log(name));`,
        [here.at('file')],
      );
      assert.equal(await waiting.line(), 'AbortError');
      await waiting.ended;
    });
    const ended = await withLock(
      here.at('file'),
      async () => {
        controller.abort();
        await new Promise(setImmediate);
        assert.throws(() => withLockSync(here.at('file'), () => 1), { code: 'ERR_LOCK_DEADLOCK' });
        return 'ended';
      },
      { signal: controller.signal },
    );
    assert.equal(ended, 'ended');
  });

  it('refuses wrong arguments before anything is touched', async () => {
    await assert.rejects(withLock(here.at('file'), 5 as never), { code: 'ERR_INVALID_ARG_TYPE' });
    await assert.rejects(
      withLock(here.at('file'), () => 1, { durability: 'off' } as never),
      {
        code: 'ERR_INVALID_ARG_VALUE',
      },
    );
    await assert.rejects(
      withLock(here.at('no/file'), () => assert.fail()),
      refusedWith('ENOENT'),
    );
    assert.deepEqual(here.names(), []);
  });
});

describe('withLockSync()', () => {
  const here = scratch();

  it('gives what the callback gives, or throws its error', () => {
    assert.equal(
      withLockSync(here.at('file'), ({ path }) => path),
      here.at('file'),
    );
    const mine = new Error('mine');
    assert.throws(
      () =>
        withLockSync(here.at('file'), () => {
          throw mine;
        }),
      (error) => error === mine,
    );
    assert.throws(() => withLockSync(here.at('file'), (() => Promise.reject(mine)) as never), {
      code: 'ERR_INVALID_RETURN_VALUE',
    });
    assert.deepEqual(here.names(), []);
  });

  it('lets the callback write the file, and refuses what would wait for it', () => {
    withLockSync(here.at('file'), ({ path }) => {
      writeFileSync(path, 'one');
      assert.throws(() => updateFileSync(path, () => 'two'), { code: 'ERR_LOCK_DEADLOCK' });
    });
    assert.equal(here.text('file'), 'one');
  });
});
