import assert from 'node:assert/strict';
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Writer } from 'untorn/steno';
import { mountNew } from '../support/mount.ts';
import { scratch } from '../support/scratch.ts';

describe('untorn/steno', () => {
  const here = scratch();

  it('has one class however it is loaded', () => {
    const required = createRequire(import.meta.url)('untorn/steno') as object;
    assert.deepEqual(Object.entries(required), [['Writer', Writer]]);
  });

  it('writes to a path, a URL or a Buffer of a path', async () => {
    for (const path of [here.at('file'), pathToFileURL(here.at('file')), Buffer.from(here.at('file'))]) {
      assert.equal(await new Writer(path).write(`to ${typeof path}`), undefined);
      assert.equal(here.text('file'), `to ${typeof path}`);
    }
  });

  it('writes the last of many calls, and resolves each when that is in place (G7)', async () => {
    const writer = new Writer(here.at('file'));
    const after = await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        await writer.write(`${index}`);
        return Number(here.text('file')) >= index;
      }),
    );
    assert.deepEqual(new Set(after), new Set([true]));
    assert.deepEqual([here.text('file'), here.names()], ['99', ['file']]);
  });

  it('keeps the mode', { skip: process.platform === 'win32' && 'Windows has no modes' }, async () => {
    writeFileSync(here.at('file'), 'old');
    chmodSync(here.at('file'), 0o600);
    await new Writer(here.at('file')).write('new');
    assert.equal(statSync(here.at('file')).mode & 0o777, 0o600);
  });

  it('fails, and writes again when that is possible (G4)', async (t) => {
    const mount = mountNew(t, 'tmpfs');
    if (mount === undefined) return;
    const writer = new Writer(`${mount}/file`);
    await writer.write('old');
    await assert.rejects(writer.write('n'.repeat(3 << 20)), { code: 'ENOSPC', outcome: 'old' });
    assert.equal(readFileSync(`${mount}/file`, 'utf8'), 'old');
    await writer.write('new');
    assert.equal(readFileSync(`${mount}/file`, 'utf8'), 'new');
    await assert.rejects(writer.write(undefined as unknown as string), { code: 'ERR_INVALID_ARG_TYPE' });
    assert.equal(readFileSync(`${mount}/file`, 'utf8'), 'new');
  });
});
