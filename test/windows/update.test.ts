import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, renameSync, writeFileSync as plainWrite } from 'node:fs';
import { describe, it } from 'node:test';
import { readVersioned, sweep, updateFile, updateFileSync, writeFile } from 'untorn';
import { scratch } from '../support/scratch.ts';
import { leaveLock } from '../support/stale.ts';
import { holder } from './holder.ts';
import { failure, onWindows } from './on-windows.ts';

/** The number of a process that does not exist. */
const nobody = (0x7ffffff0).toString(36);

const increment = (old = '0'): string => String(Number(old) + 1);

describe('updating a file on Windows', onWindows, () => {
  const here = scratch();

  it('loses none of many, synchronous ones among them, and leaves no lock (G8)', async () => {
    for (let times = 0; times < 20; times++) {
      await Promise.all([1, 2, 3].map(() => updateFile(here.at('count'), increment, 'utf8')));
      updateFileSync(here.at('count'), increment, 'utf8');
    }
    assert.deepEqual([here.text('count'), here.names()], ['80', ['count']]);
  });

  it('takes a lock that nobody holds, and one of a process that does not exist (G8)', async () => {
    mkdirSync(here.at('.empty.untorn-lock'));
    updateFileSync(here.at('empty'), () => 'new');
    leaveLock(here.folder, 'file', { pid: nobody, lease: '10000' });
    await updateFile(here.at('file'), () => 'new');
    assert.deepEqual(here.names(), ['empty', 'file']);
  });

  it('takes over a lock whose entry somebody has open, synchronously too: what is removed then stays until it is let go (G8)', async () => {
    for (const update of [updateFile, updateFileSync]) {
      const { temporary } = leaveLock(here.folder, 'file', { pid: nobody });
      await using other = await holder(temporary);
      other.letGoAfter(300);
      await update(here.at('file'), () => 'new');
      assert.deepEqual(here.names(), ['file']);
    }
  });

  it('waits for the lease of a process that may live: when one of that number started is not told (G8)', async () => {
    leaveLock(here.folder, 'file', { start: '0' });
    assert.equal(
      (await failure(() => updateFileSync(here.at('file'), () => 'new', { lock: { timeout: 20 } }))).code,
      'ERR_LOCK_TIMEOUT',
    );
    await updateFile(here.at('file'), () => 'new');
    assert.deepEqual(here.names(), ['file']);
  });

  it('notices that it lost its lock, and a change without it (G8)', async () => {
    plainWrite(here.at('file'), 'old');
    const lost = await failure(() =>
      updateFile(here.at('file'), () => {
        const held = here.at('.file.untorn-lock\\held');
        const [entry = ''] = readdirSync(held);
        renameSync(`${held}\\${entry}`, `${held}\\${entry}.${entry.slice(-20)}`);
        return 'new';
      }),
    );
    assert.deepEqual([lost.code, here.text('file')], ['ERR_LOCK_LOST', 'old']);
    await sweep(here.folder, { olderThan: 0 });
    const conflict = await failure(() =>
      updateFile(here.at('other'), () => {
        plainWrite(here.at('other'), 'foreign');
        return 'new';
      }),
    );
    assert.deepEqual([conflict.code, here.text('other')], ['ERR_VERSION_CONFLICT', 'foreign']);
  });

  it('compares and swaps (G8)', async () => {
    const { version } = await readVersioned(here.at('file'));
    const written = await writeFile(here.at('file'), 'one', { ifMatch: version });
    const error = await failure(() => writeFile(here.at('file'), 'two', { ifMatch: version }));
    assert.deepEqual(
      [error.code, error.currentVersion, here.text('file'), here.names()],
      ['ERR_VERSION_CONFLICT', written.version, 'one', ['file']],
    );
  });
});
