import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { writeFile, writeFileSync } from 'untorn';

describe('writeFile()', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'untorn-test-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('replaces a file and leaves nothing else', async () => {
    const path = join(folder, 'file');
    await writeFile(path, 'old');
    const result = await writeFile(path, 'new');
    assert.equal(readFileSync(path, 'utf8'), 'new');
    assert.equal(result.replaced, true);
    assert.deepEqual(readdirSync(folder), ['file']);
  });

  it('loses to a synchronous call that is made while it is under way (G7)', async () => {
    const path = join(folder, 'file');
    const first = writeFile(path, 'first');
    writeFileSync(path, 'last');
    assert.equal((await first).superseded, true);
    assert.equal(readFileSync(path, 'utf8'), 'last');
  });
});
