/** A transaction whose process dies before its directories know of it, where nothing is known of the filesystem. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { recover, recoverSync } from 'untorn';
import { names } from '../support/apis.ts';
import { run } from '../support/child.ts';
import { mountOdd } from './odd-filesystem.ts';
import { replacing } from '../support/replacing.ts';

/** Dies when the journal is written, and no pointer to it has its name. */
const program = `
  ${replacing}
  for (const name of ['rename', 'renameSync']) {
    const rename = fs[name];
    fs[name] = (from, to, ...rest) => {
      if (String(to).endsWith('.pointer')) process.kill(process.pid, 'SIGKILL');
      return rename(from, to, ...rest);
    };
  }
  syncBuiltinESMExports();
  const { transactionSync } = await import('untorn');
  transactionSync((tx) => {
    for (const name of ['one', 'two']) tx.writeFile(process.argv[1] + '/' + name + '/file', 'new');
  });
`;

describe('a transaction whose process dies before its directories know of it', () => {
  for (const [name, recovered] of Object.entries({ recover, recoverSync })) {
    it(`leaves nothing after ${name}(), which finds the directories by their inode numbers (G9, G10)`, async (t) => {
      const odd = await mountOdd(t);
      if (odd === undefined) return;
      const folders = ['one', 'two'].map((part) => join(odd.folder, part)) as [string, string];
      for (const folder of folders) {
        mkdirSync(folder);
        writeFileSync(join(folder, 'file'), 'old');
      }
      const { signal, stderr } = await run(program, [odd.folder]);
      assert.equal(signal, 'SIGKILL', stderr);
      assert.ok(folders.some((folder) => names(folder).some((one) => one.endsWith('.journal'))));
      for (const folder of folders) assert.deepEqual((await recovered(folder)).kept, []);
      for (const folder of folders) assert.deepEqual(names(folder), ['file']);
    });
  }
});
