/** Somebody else has the file open: a rename over it fails then, as with a virus scanner or an indexer. */
import assert from 'node:assert/strict';
import { writeFileSync as plainWrite } from 'node:fs';
import { describe, it } from 'node:test';
import { writeFile, writeFileSync } from 'untorn';
import { apis } from '../support/apis.ts';
import { scratch } from '../support/scratch.ts';
import { holder } from './holder.ts';
import { failure, onWindows } from './on-windows.ts';

/** Libuv's own flag to share a file with nobody, neither for reading nor for deleting; with O_RDWR. */
const exclusively = String(0x10000000 | 2);

describe('a target that another process has open on Windows (G1, G4)', onWindows, () => {
  const here = scratch();

  for (const { name, write } of apis) {
    it(`is tried again by ${name}() within the budget; then it is an error, and the old file is intact`, async () => {
      plainWrite(here.at('file'), 'old');
      await using other = await holder(here.at('file'));
      for (const timeout of [0, 600]) {
        const begun = Date.now();
        const error = await failure(() => write(here.at('file'), 'new', { retry: { timeout } }));
        const elapsed = Date.now() - begun;
        assert.ok(elapsed >= timeout && elapsed < timeout + 10_000, `${elapsed} ms instead of ${timeout}`);
        assert.deepEqual([error.code, error.syscall, error.step, error.outcome], ['EPERM', 'rename', 'rename', 'old']);
        assert.match(error.message, /^Cannot replace ".*file": .* while renaming; the target is untouched$/);
        assert.deepEqual([here.text('file'), here.names()], ['old', ['file']]);
      }
      await other[Symbol.asyncDispose]();
      await write(here.at('file'), 'new');
      assert.equal(here.text('file'), 'new');
    });

    it(`is replaced by ${name}() once it is let go`, async () => {
      plainWrite(here.at('file'), 'old');
      await using other = await holder(here.at('file'));
      other.letGoAfter(500);
      const result = await write(here.at('file'), 'new', { retry: { timeout: 20_000 } });
      assert.deepEqual(
        [result.replaced, result.superseded, here.text('file'), here.names()],
        [true, false, 'new', ['file']],
      );
    });

    it(`and shares with nobody, is an error of ${name}() after the budget, and replaced once it is let go`, async () => {
      plainWrite(here.at('file'), 'old');
      await using other = await holder(here.at('file'), exclusively);
      assert.throws(() => here.text('file'), { code: 'EBUSY' });
      for (const options of [{}, { backup: 'numbered' }, { ifUnchanged: 'skip' }] as const) {
        const error = await failure(() => write(here.at('file'), 'new', { ...options, retry: { timeout: 100 } }));
        assert.ok(['EPERM', 'EBUSY', 'EACCES'].includes(error.code), error.code);
        assert.deepEqual([error.outcome, here.names()], ['old', ['file']]);
      }
      other.letGoAfter(300);
      await write(here.at('file'), 'new', { backup: 'simple', retry: { timeout: 20_000 } });
      assert.deepEqual([here.text('file'), here.text('file~'), here.names()], ['new', 'old', ['file', 'file~']]);
    });

    it(`keeps its backup's old content if ${name}() cannot replace that, and is tried again for it too`, async () => {
      plainWrite(here.at('file'), 'old');
      plainWrite(here.at('file~'), 'older');
      await using other = await holder(here.at('file~'));
      const error = await failure(() => write(here.at('file'), 'new', { backup: 'simple', retry: { timeout: 100 } }));
      assert.deepEqual(
        [error.step, error.outcome, here.text('file'), here.text('file~'), here.names()],
        ['back up', 'old', 'old', 'older', ['file', 'file~']],
      );
      other.letGoAfter(500);
      await write(here.at('file'), 'new', { backup: 'simple', retry: { timeout: 20_000 } });
      assert.deepEqual([here.text('file'), here.text('file~'), here.names()], ['new', 'old', ['file', 'file~']]);
    });
  }

  it('is waited for by writeFileSync() without spinning', async () => {
    plainWrite(here.at('file'), 'old');
    await using _ = await holder(here.at('file'));
    const before = process.cpuUsage();
    await failure(() => writeFileSync(here.at('file'), 'new', { retry: { timeout: 2000 } }));
    const { user, system } = process.cpuUsage(before);
    assert.ok((user + system) / 1000 < 1000, `${(user + system) / 1000} ms of CPU in 2000 ms`);
  });

  it('does not hold up the event loop in writeFile(), which can be aborted', async () => {
    plainWrite(here.at('file'), 'old');
    await using _ = await holder(here.at('file'));
    let turns = 0;
    const ticking = setInterval(() => turns++, 10);
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 500);
    const error = await failure(() =>
      writeFile(here.at('file'), 'new', { signal: controller.signal, retry: { timeout: 30_000 } }),
    );
    clearInterval(ticking);
    assert.deepEqual(
      [error.name, error.outcome, here.text('file'), here.names()],
      ['AbortError', 'old', 'old', ['file']],
    );
    assert.ok(turns >= 10, `${turns} turns`);
  });

  it('gets the last call of a process, synchronous ones between asynchronous ones too', async () => {
    plainWrite(here.at('file'), 'old');
    await using other = await holder(here.at('file'));
    const retry = { timeout: 20_000 };
    const first = writeFile(here.at('file'), 'first', { retry });
    await new Promise((resolve) => setTimeout(resolve, 300));
    other.letGoAfter(300);
    writeFileSync(here.at('file'), 'second', { retry });
    assert.equal(here.text('file'), 'second');
    await first;
    assert.deepEqual([here.text('file'), here.names()], ['second', ['file']]);
  });
});
