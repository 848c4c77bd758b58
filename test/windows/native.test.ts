/** The native part on Windows: each operation, compared with node:fs. */
import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { addon, atOnce, codeOf, resultsOf, ways, withAddonFor, type Outcome } from '../native/addon.ts';
import { scratch } from '../support/scratch.ts';

/** False, and the test skipped, if the system says that it does not have the call. */
function isHad(t: TestContext, outcome: Outcome): boolean {
  const code = codeOf(outcome);
  if (['EINVAL', 'ENOSYS', 'ENOTSUP'].includes(code)) t.skip(`this system does not have it (${code})`);
  else assert.equal(code, 'none');
  return code === 'none';
}

for (const { name, perform } of ways) {
  describe(`an operation of the native part on Windows, ${name}`, withAddonFor('win32'), () => {
    const here = scratch();

    it('renames a file over another, or says that the system does not have it and leaves both alone', async (t) => {
      writeFileSync(here.at('from'), 'new');
      writeFileSync(here.at('ä€𝄞'), 'old');
      const outcome = await perform(['rename', here.at('from'), here.at('ä€𝄞')]);
      const isDone = isHad(t, outcome);
      assert.deepEqual(here.names(), isDone ? ['ä€𝄞'] : ['from', 'ä€𝄞']);
      assert.equal(here.text('ä€𝄞'), isDone ? 'new' : 'old');
    });

    it('renames a file over one that is open, which keeps its contents for who has it open', async (t) => {
      writeFileSync(here.at('from'), 'new');
      writeFileSync(here.at('to'), 'old');
      const fd = openSync(here.at('to'), 'r');
      try {
        if (!isHad(t, await perform(['rename', here.at('from'), here.at('to')]))) return;
        assert.deepEqual([readFileSync(fd, 'utf8'), here.text('to'), here.names()], ['old', 'new', ['to']]);
      } finally {
        closeSync(fd);
      }
    });

    it('syncs a directory', async () => {
      writeFileSync(here.at('file'), 'new');
      assert.deepEqual(resultsOf(await perform(['syncDirectory', here.folder])), [undefined]);
    });

    it('fails as node:fs does, and stops the chain', async () => {
      const missing = here.at('missing');
      assert.equal(codeOf(await perform(['rename', missing, here.at('to')])), 'ENOENT');
      const outcome = await perform(['syncDirectory', here.folder], ['syncDirectory', missing], ['syncDirectory', '']);
      assert.deepEqual([codeOf(outcome), outcome.length], ['ENOENT', 2]);
    });
  });
}

describe('the native part on Windows', withAddonFor('win32'), () => {
  it('has these operations, and refuses what is wrong', () => {
    assert.deepEqual(Object.keys(addon.operations), ['rename', 'syncDirectory']);
    assert.throws(() => addon.chain(undefined, 2, 'a', 'b', undefined), { code: 'ERR_INVALID_ARG_TYPE' });
    assert.throws(() => atOnce(['rename', 'a']), { code: 'ERR_INVALID_ARG_TYPE' });
    assert.throws(() => atOnce(['rename', 'a', 'b\0']), { code: 'ERR_INVALID_ARG_TYPE' });
  });
});
