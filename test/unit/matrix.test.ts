/** The table of tried filesystems, which the doctor has: from the figures of docs/filesystems.md. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { matrix } from '#untorn/doctor/matrix.js';

const made = (await import(new URL('../../../test/evidence/rows.js', import.meta.url).href)) as {
  matrixModule(part: object): string;
};

describe('the table of filesystems in the doctor', () => {
  it('is made of the figures that docs/filesystems.md is made of', () => {
    const figures = JSON.parse(readFileSync('docs/evidence/filesystems.json', 'utf8')) as object;
    assert.equal(readFileSync('src/doctor/matrix.ts', 'utf8'), made.matrixModule(figures));
  });

  it('has a row for each filesystem, with what does not hold', () => {
    const page = readFileSync('docs/filesystems.md', 'utf8');
    for (const [name, { tried, exceptions }] of matrix) {
      assert.ok(page.includes(`\n| ${name} |`), name);
      assert.ok(tried > 0 && exceptions.length <= tried, name);
    }
    assert.deepEqual(matrix.get('ext4')?.exceptions, []);
    assert.deepEqual(matrix.get('overlay, volatile')?.exceptions, ["durable: not kept: 'unsupported'"]);
  });
});
