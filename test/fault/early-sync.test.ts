import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { afterEach, describe, it } from 'node:test';
import { WriteError } from 'untorn';
import { readData, type Content } from '#untorn/contract/data.js';
import { readOptions } from '#untorn/files/settings.js';
import { replaceFile } from '#untorn/replace/replace-file.js';
import { Turn } from '#untorn/order/turn.js';
import { newOperation } from '#untorn/files/operation.js';
import { runAsync } from '#untorn/system/async-driver.js';
import { givenPath } from '#untorn/system/paths.js';
import { handleSystem } from '#untorn/system/handles.js';
import { type AsyncSystem } from '#untorn/system/node-calls.js';
import { asyncSystem } from '../support/systems.ts';
import { environment } from '#untorn/system/environment.js';
import { createWriteStream } from '#untorn/write/write-stream.js';
import { scratch } from '../support/scratch.ts';

const injected = (): Error => Object.assign(new Error('injected'), { code: 'EIO' });

describe(
  'a large content, which is synced while it is written',
  { skip: process.platform !== 'linux' && 'only Linux syncs early' },
  () => {
    const here = scratch();
    const bytes = Buffer.alloc(40 << 20, 'new');

    async function write(system: Partial<AsyncSystem>, content: Content = { kind: 'bytes', bytes }): Promise<unknown> {
      writeFileSync(here.at('file'), 'old');
      const settings = readOptions(undefined);
      const replacement = newOperation(givenPath(here.at('file')), settings, environment, false);
      return runAsync(replaceFile(replacement, new Turn(replacement), content), { ...asyncSystem, ...system });
    }

    it('is synced as a whole afterwards all the same (G2, G3)', async () => {
      const calls: string[] = [];
      await write({
        write: (fd, part, done) => (calls.push('write'), asyncSystem.write(fd, part, done)),
        fdatasync: (fd, done) => (calls.push('fdatasync'), asyncSystem.fdatasync(fd, done)),
        fsync: (fd, done) => (calls.push('fsync'), asyncSystem.fsync(fd, done)),
        rename: (from, to, done) => (calls.push('rename'), asyncSystem.rename(from, to, done)),
      });
      assert.ok(calls.includes('fdatasync'), calls.join());
      assert.deepEqual(
        calls.slice(calls.lastIndexOf('write') + 1).filter((call) => call !== 'fdatasync'),
        ['fsync', 'rename', 'fsync'],
      );
      assert.ok(readFileSync(here.at('file')).equals(bytes));
    });

    it('is read no further once an early sync has failed, and its source is closed (G4, G10)', async () => {
      let read = 0;
      let closed = false;
      function* pieces(): Generator<Uint8Array> {
        try {
          for (; read < 200; read++) yield bytes.subarray(0, 1 << 20);
        } finally {
          closed = true;
        }
      }
      const failing: AsyncSystem['fdatasync'] = (_, done) => void setImmediate(done, injected());
      const error = await write({ fdatasync: failing }, readData(pieces(), 'utf8')).catch((reason: unknown) => reason);
      assert.ok(WriteError.isWriteError(error), String(error));
      assert.deepEqual([error.code, error.outcome, closed], ['EIO', 'old', true]);
      assert.ok(read < 200, String(read));
      assert.deepEqual([readFileSync(here.at('file'), 'utf8'), readdirSync(here.folder)], ['old', ['file']]);
    });

    it('fails with an early sync, tries none again, and keeps the old content (G4, G10)', async () => {
      let syncs = 0;
      const failing: AsyncSystem['fdatasync'] = (_, done) => void (syncs++, setImmediate(done, injected()));
      const fsync: AsyncSystem['fsync'] = () => assert.fail('synced again');
      const error = await write({ fdatasync: failing, fsync }).catch((reason: unknown) => reason);
      assert.ok(WriteError.isWriteError(error), String(error));
      assert.deepEqual([error.code, error.outcome, error.step, syncs], ['EIO', 'old', 'sync', 1]);
      assert.equal(readFileSync(here.at('file'), 'utf8'), 'old');
      assert.deepEqual(readdirSync(here.folder), ['file']);
    });
  },
);

describe('a stream of much', { skip: process.platform !== 'linux' && 'only Linux syncs early' }, () => {
  const here = scratch();
  const piece = Buffer.alloc(1 << 20, 'new');
  const original = { ...handleSystem() };
  let calls: string[] = [];

  /** The calls of streams, some of them replaced. */
  function spoil(system: Partial<AsyncSystem>): void {
    Object.assign(handleSystem(), original, system);
    for (const name of ['write', 'writev', 'fdatasync', 'fsync', 'rename', 'unlink'] as const) {
      const made = handleSystem()[name] as (...args: unknown[]) => void;
      Object.assign(handleSystem(), { [name]: (...args: unknown[]) => (calls.push(name), made(...args)) });
    }
    calls = [];
    writeFileSync(here.at('file'), 'old');
  }

  afterEach(() => void Object.assign(handleSystem(), original));

  async function stream(count: number): Promise<unknown> {
    return pipeline(
      Array.from({ length: count }, () => piece),
      createWriteStream(here.at('file')),
    );
  }

  it('is synced while it is written, and as a whole before the rename (G2, G3)', async () => {
    spoil({});
    await stream(40);
    assert.ok(calls.includes('fdatasync') && calls.indexOf('fdatasync') < calls.lastIndexOf('write'), calls.join());
    assert.deepEqual(
      calls.slice(calls.lastIndexOf('write') + 1).filter((call) => call !== 'fdatasync'),
      ['fsync', 'rename', 'fsync'],
    );
    assert.equal(statSync(here.at('file')).size, 40 << 20);
  });

  it('fails with an early sync, and keeps the old content (G4, G10)', async () => {
    spoil({ fdatasync: (_, done) => void setImmediate(done, injected()), fsync: () => assert.fail('synced again') });
    const error = await stream(200).catch((reason: unknown) => reason);
    assert.ok(WriteError.isWriteError(error), String(error));
    assert.deepEqual([error.code, error.outcome, error.step], ['EIO', 'old', 'sync']);
    assert.deepEqual(calls.filter((call) => call === 'fdatasync').length, 1);
    assert.ok(calls.filter((call) => call.startsWith('write')).length < 100, calls.join());
    assert.deepEqual([readFileSync(here.at('file'), 'utf8'), readdirSync(here.folder)], ['old', ['file']]);
  });

  it('that is destroyed lets a sync under way end before it closes the file', async () => {
    let end = (): void => undefined;
    const begun = new Promise<void>((resolve) => {
      spoil({
        fdatasync(fd, done) {
          end = () => (calls.push('synced'), original.fdatasync(fd, done));
          resolve();
        },
        close: (fd, done) => (calls.push('close'), original.close(fd, done)),
      });
    });
    const writing = createWriteStream(here.at('file'));
    const written = new Promise((resolve) => {
      for (let count = 0; count < 10; count++) writing.write(piece, resolve);
    });
    await written;
    await new Promise((resolve) => writing.write(piece, resolve));
    writing.write(piece);
    await begun;
    const closed = once(writing, 'close');
    writing.destroy();
    await new Promise((resolve) => setImmediate(resolve));
    end();
    await closed;
    assert.deepEqual(
      calls.filter((call) => ['synced', 'close', 'unlink'].includes(call)),
      ['synced', 'close', 'unlink'],
    );
    assert.deepEqual([readFileSync(here.at('file'), 'utf8'), readdirSync(here.folder)], ['old', ['file']]);
  });
});
