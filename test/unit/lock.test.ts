import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync as plainWrite,
} from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, it } from 'node:test';
import { updateFile, updateFileSync, WriteError, type WriteOptions } from 'untorn';
import { scratch } from '../support/scratch.ts';
import { leaveLock, type LockParts } from '../support/stale.ts';

const forms: [string, (path: string, options?: WriteOptions) => Promise<unknown>][] = [
  ['updateFile()', (path, options) => updateFile(path, (old = '') => `${old}new`, { ...options, encoding: 'utf8' })],
  [
    'updateFileSync()',
    async (path, options) => updateFileSync(path, (old = '') => `${old}new`, { ...options, encoding: 'utf8' }),
  ],
];

const linux = { skip: process.platform === 'linux' ? false : 'processes and threads cannot be seen here' };
/** Longer than any test: what is waited for so long is not waited for. */
const never = (3_600_000).toString(36);

for (const [name, updating] of forms) {
  describe(`${name} where the lock is held`, () => {
    const here = scratch();

    const dead: Record<string, Partial<LockParts>> = {
      'process that started at another time': { start: '1', lease: never },
      'process that does not exist': { pid: (0x3fffffff).toString(36), lease: never },
      'thread of this process that does not exist': { thread: 'zzzzzz', threadStart: '1', lease: never },
      'thread of this process that started at another time': {
        thread: process.pid.toString(36),
        threadStart: '1',
        lease: never,
      },
    };
    for (const [who, parts] of Object.entries(dead)) {
      it(`by a ${who}: takes it over at once, and removes its temporary file (G8, G10)`, linux, async () => {
        leaveLock(here.folder, 'file', parts);
        await updating(here.at('file'));
        assert.deepEqual([here.text('file'), here.names()], ['new', ['file']]);
      });
    }

    for (const [who, parts] of Object.entries({
      'on another machine': { host: '00000000' },
      'in another pid namespace': { namespace: '1' },
      'before another boot': { boot: '00000000' },
    })) {
      it(`by a process ${who}: believes it for its lease, and then takes over (G8, G10)`, async () => {
        const { temporary } = leaveLock(here.folder, 'file', parts);
        await assert.rejects(updating(here.at('file'), { lock: { timeout: 50 } }), { code: 'ERR_LOCK_TIMEOUT' });
        assert.ok(existsSync(temporary));
        await updating(here.at('file'));
        assert.deepEqual([here.text('file'), here.names()], ['new', ['file']]);
      });
    }

    it('by a process that lives: waits as long as it is told, and says whom for', linux, async () => {
      leaveLock(here.folder, 'file', {});
      const before = here.names();
      await assert.rejects(updating(here.at('file'), { lock: { timeout: 300, lease: 100 } }), (error) => {
        if (!WriteError.isWriteError(error)) throw error;
        assert.deepEqual([error.code, error.outcome, error.step], ['ERR_LOCK_TIMEOUT', 'old', 'lock']);
        assert.match(error.message, /this process/);
        return true;
      });
      // Its lease is a hundred milliseconds: a lock of a thread that is seen to live is never taken over.
      assert.deepEqual(here.names(), before);
    });

    it("by something that is not this package's: leaves it alone", async () => {
      mkdirSync(here.at('.file.untorn-lock/held'), { recursive: true });
      plainWrite(here.at('.file.untorn-lock/held/x'), '');
      await assert.rejects(updating(here.at('file'), { lock: { timeout: 30 } }), {
        code: 'ERR_LOCK_TIMEOUT',
        message: /"x" in its lock's directory/,
      });
      plainWrite(here.at('.other.untorn-lock'), '');
      await assert.rejects(
        updating(here.at('other'), { lock: { timeout: 30 } }),
        (error) => WriteError.isWriteError(error) && error.outcome === 'old',
      );
      assert.deepEqual(here.names(), ['.file.untorn-lock', '.other.untorn-lock']);
    });

    it('by a transaction that left nothing but a damaged note, as after a power cut: takes it', linux, async () => {
      const { lock } = leaveLock(here.folder, 'file', { start: '1' }, Date.now() / 1000, 'half of a no');
      await updating(here.at('file'));
      assert.equal(existsSync(lock), false);
    });

    it('by nobody, and processes that are dead stand in front: waits for none of them (G8, G10)', linux, async () => {
      const { lock, entry } = leaveLock(here.folder, 'file', { start: '1', lease: never });
      renameSync(join(lock, 'held'), join(lock, `1.${basename(entry)}`));
      for (let number = 2; number < 50; number++) {
        const token = basename(entry).replace(/left.*$/, String(number).padStart(20, '0'));
        mkdirSync(join(lock, `${number}.${token}`, token), { recursive: true });
      }
      await updating(here.at('file'), { lock: { timeout: 0 } });
      assert.deepEqual([here.text('file'), existsSync(lock)], ['new', false]);
    });

    it('by nobody, an empty directory: takes it', async () => {
      mkdirSync(here.at('.file.untorn-lock'));
      await updating(here.at('file'));
      assert.deepEqual(here.names(), ['file']);
    });
  });
}

describe('a lock', () => {
  const here = scratch();

  it('shows signs of life while it is held', async () => {
    await updateFile(
      here.at('file'),
      async () => {
        const held = here.at('.file.untorn-lock/held');
        const entry = join(held, readdirSync(held)[0] as string);
        utimesSync(entry, 1, 1);
        while (statSync(entry).mtimeMs < 2000) await setTimeout(5);
        return 'new';
      },
      { lock: { lease: 100 } },
    );
  });

  it('of another machine is not taken over as long as it shows signs of life (G8)', async () => {
    const { entry } = leaveLock(here.folder, 'file', { host: '00000000' });
    const timer = setInterval(() => utimesSync(entry, new Date(), new Date()), 10);
    await assert.rejects(
      updateFile(here.at('file'), () => 'new', { lock: { timeout: 500 } }),
      { code: 'ERR_LOCK_TIMEOUT' },
    );
    clearInterval(timer);
    await updateFile(here.at('file'), () => 'new');
    assert.deepEqual(here.names(), ['file']);
  });

  it('ends a wait for it when that is aborted', async () => {
    leaveLock(here.folder, 'file', {});
    const before = here.names();
    const controller = new AbortController();
    const waiting = updateFile(here.at('file'), () => 'new', { signal: controller.signal });
    while (readdirSync(here.at('.file.untorn-lock')).length < 2) await setTimeout(1);
    controller.abort();
    await assert.rejects(waiting, { name: 'AbortError', outcome: 'old' });
    assert.deepEqual(here.names(), before);
  });

  it('that was taken over is noticed, and nothing is written (G8)', async () => {
    plainWrite(here.at('file'), 'old');
    const own = updateFile(here.at('file'), async () => {
      const held = here.at('.file.untorn-lock/held');
      const [entry = ''] = readdirSync(held);
      // As a process on another machine does.
      renameSync(
        join(held, entry),
        join(held, `${entry.replace(/^untorn-l-\w+/, 'untorn-l-00000000')}.${entry.slice(-20)}`),
      );
      return 'new';
    });
    await assert.rejects(own, { code: 'ERR_LOCK_LOST', outcome: 'old' });
    assert.equal(here.text('file'), 'old');
  });
});
