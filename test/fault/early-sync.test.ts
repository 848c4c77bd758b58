import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { WriteError } from 'untorn';
import { readOptions } from '#untorn/options.js';
import { replaceFile } from '#untorn/protocol/replace.js';
import { Turn } from '#untorn/protocol/turns.js';
import { newWrite } from '#untorn/protocol/write.js';
import { runAsync } from '#untorn/system/async-driver.js';
import { asyncSystem, type AsyncSystem } from '#untorn/system/node-calls.js';
import { surroundings } from '#untorn/system/surroundings.js';
import { scratch } from '../support/scratch.ts';

describe('a large content, which is synced while it is written', { skip: process.platform !== 'linux' && 'only Linux syncs early' }, () => {
  const here = scratch();
  const bytes = Buffer.alloc(40 << 20, 'new');

  async function write(system: Partial<AsyncSystem>): Promise<unknown> {
    writeFileSync(here.at('file'), 'old');
    const settings = readOptions(undefined);
    const replacement = newWrite(here.at('file'), settings, surroundings, false);
    return runAsync(replaceFile(replacement, new Turn(replacement), { kind: 'bytes', bytes }), { ...asyncSystem, ...system });
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
    assert.deepEqual(calls.slice(calls.lastIndexOf('write') + 1).filter((call) => call !== 'fdatasync'), ['fsync', 'rename', 'fsync']);
    assert.ok(readFileSync(here.at('file')).equals(bytes));
  });

  it('fails with an early sync, tries none again, and keeps the old content (G4, G10)', async () => {
    let syncs = 0;
    const failing: AsyncSystem['fdatasync'] = (_, done) => void (syncs++, setImmediate(done, Object.assign(new Error('injected'), { code: 'EIO' })));
    const fsync: AsyncSystem['fsync'] = () => assert.fail('synced again');
    const error = await write({ fdatasync: failing, fsync }).catch((reason: unknown) => reason);
    assert.ok(WriteError.isWriteError(error), String(error));
    assert.deepEqual([error.code, error.outcome, error.step, syncs], ['EIO', 'old', 'write', 1]);
    assert.equal(readFileSync(here.at('file'), 'utf8'), 'old');
    assert.deepEqual(readdirSync(here.folder), ['file']);
  });
});
