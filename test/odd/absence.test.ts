/** Filesystems that say of a file that is there that it is not. */
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import {
  readJson,
  readJsonSync,
  readVersioned,
  readVersionedSync,
  updateFile,
  updateFileSync,
  updateJson,
  writeFile,
} from 'untorn';
import { apis, refusedWith } from '../support/apis.ts';
import { mountOdd, type Rule } from './odd-filesystem.ts';

/** How it is said: of all names in a path but the last two (the mount and the folder) nothing is. */
const absences: Record<string, Rule> = {
  'open says ENOENT': { call: 'open', path: /\/file$/, error: 'ENOENT', times: 6 },
  'lookups say ENOENT, the list of names does not': { call: 'lookup', path: /\/file$/, error: 'ENOENT', times: 12 },
  'open says ESTALE': { call: 'open', path: /\/file$/, error: 'ESTALE', times: 5 },
  'lookups say ESTALE': { call: 'lookup', path: /\/file$/, error: 'ESTALE', times: 9 },
};

describe('A file that is there', () => {
  for (const [how, rule] of Object.entries(absences)) {
    it(`is read and changed although ${how} (G8)`, async (t) => {
      const odd = await mountOdd(t);
      if (odd === undefined) return;
      const path = join(odd.folder, 'file');
      const below = join(odd.below, 'file');
      for (const update of [
        updateFile,
        async (...args: Parameters<typeof updateFileSync>) => updateFileSync(...args),
      ]) {
        writeFileSync(below, '1');
        odd.fail(rule);
        await update(path, (old) => `${String(old)}2`);
        assert.equal(readFileSync(below, 'utf8'), '12');
        odd.forget();
      }
      odd.fail(rule);
      assert.notEqual((await readVersioned(path)).version, 'absent');
      odd.fail(rule);
      assert.equal(await readJson(path, { initial: 0 }), 12);
      odd.fail(rule);
      assert.equal(readJsonSync(path, { initial: 0 }), 12);
      odd.fail(rule);
      await updateJson<number>(path, (value) => value + 1, { initial: 0 });
      assert.equal(readFileSync(below, 'utf8'), '13');
    });

    it(`is not replaced by one that others may read, although ${how} (G5, G6)`, async (t) => {
      const odd = await mountOdd(t);
      if (odd === undefined) return;
      const [path, below] = [odd.folder, odd.below].map((folder) => join(folder, 'file')) as [string, string];
      for (const { write } of apis) {
        writeFileSync(below, 'secret');
        chmodSync(below, 0o600);
        odd.fail(rule);
        await write(path, 'another');
        assert.equal(statSync(below).mode & 0o777, 0o600);
        odd.forget();
        odd.fail(rule);
        await assert.rejects(write(path, 'more', { overwrite: false }), refusedWith('EEXIST'));
        odd.forget();
      }
    });
  }

  it('is an error, and not absent, where it cannot be opened for good', async (t) => {
    const odd = await mountOdd(t);
    if (odd === undefined) return;
    const path = join(odd.folder, 'file');
    writeFileSync(path, '1');
    odd.fail({ call: 'open', path: /\/file$/, error: 'ENOENT', times: Infinity });
    await assert.rejects(readJson(path, { initial: 0 }), { code: 'ENOENT' });
    await assert.rejects(
      updateFile(path, () => assert.fail('it was called')),
      refusedWith('ENOENT'),
    );
  });

  it('is looked for in the list of its directory, if it is stale again and again', async (t) => {
    const odd = await mountOdd(t);
    if (odd === undefined) return;
    const path = join(odd.folder, 'file');
    writeFileSync(join(odd.below, 'file'), 'new');
    for (const read of [readVersioned, async (given: string) => readVersionedSync(given)]) {
      odd.forget();
      // The kernel asks twice for each read(2).
      odd.fail({ call: 'read', path: /\/file$/, error: 'ESTALE', times: 4 });
      assert.equal((await read(path)).content?.toString(), 'new');
      assert.deepEqual(odd.calls('opendir'), ['/folder']);
    }
  });

  it('is seen in a directory that is out of date for the kernel', async (t) => {
    const odd = await mountOdd(t);
    if (odd === undefined) return;
    const path = join(odd.folder, 'file');
    for (const { name, write } of apis) {
      const call = name === 'writeFile' ? 'opendir' : 'lookup';
      odd.fail({ call, path: /\/folder$/, error: 'ESTALE', times: 5 });
      await write(path, call);
      assert.equal(readFileSync(path, 'utf8'), call);
    }
  });
});

describe('A file that is not there', () => {
  it('is absent, also where a filesystem is not believed at once', async (t) => {
    const odd = await mountOdd(t);
    if (odd === undefined) return;
    const path = join(odd.folder, 'file');
    assert.equal((await readVersioned(path)).version, 'absent');
    assert.equal(await readJson(path, { initial: 5 }), 5);
    assert.equal(await readJson(join(odd.folder, 'no/such/file'), { initial: 6 }), 6);
    await updateFile(path, (old) => (assert.equal(old, undefined), 'new'));
    rmSync(path);
    await writeFile(path, 'new', { ifMatch: 'absent' });
  });
});

describe('A filesystem behind FUSE', () => {
  it('is not said to make names durable (G3)', async (t) => {
    const odd = await mountOdd(t);
    if (odd === undefined) return;
    for (const { write } of apis) {
      assert.equal((await write(join(odd.folder, 'file'), 'new')).durable, 'unsupported');
      assert.equal((await write(join(odd.folder, 'file'), 'new', { ifUnchanged: 'skip' })).durable, 'unsupported');
    }
    assert.equal(odd.calls('fsyncdir').length > 0, true, 'the directory is synced all the same');
  });
});
