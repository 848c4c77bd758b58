/** Times of files that are rare: before 1970, and so late that their nanoseconds do not fit 64 bits. */
import assert from 'node:assert/strict';
import { statSync, writeFileSync as plainWrite } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { apis, text } from '../support/apis.ts';
import { newFolder } from '../support/folder.ts';
import { hasNative, knownLosses } from '../support/native-part.ts';
import { needsTools } from '../support/needs.ts';
import { run } from '../support/run.ts';

for (const { name, write } of apis) {
  describe(`${name}() and a file`, () => {
    for (const [year, keeps] of [
      [1950, hasNative],
      [2300, true],
    ] as const) {
      it(`of the year ${year} is replaced, and its times are ${keeps ? '' : 'not '}kept (G6)`, async (t) => {
        if (!needsTools(t, 'touch')) return;
        const path = join(newFolder(t), 'file');
        plainWrite(path, 'old');
        run('touch', '-d', `${year}-02-03 04:05:06.5 UTC`, path);
        const { mtimeNs } = statSync(path, { bigint: true });
        assert.equal(statSync(path).mtime.getUTCFullYear(), year);
        await write(path, 'new');
        run('touch', '-d', `${year}-02-03 04:05:06.5 UTC`, path);
        const { notKept } = await write(path, 'newer', { preserve: { times: 'try' } });
        assert.equal(text(path), 'newer');
        assert.equal(statSync(path, { bigint: true }).mtimeNs === mtimeNs, keeps);
        assert.equal(knownLosses(notKept)?.includes('times'), !keeps);
      });
    }
  });
}
