import assert from 'node:assert/strict';
import { writeFileSync as plainWrite } from 'node:fs';
import { describe, it } from 'node:test';
import { createWriter } from 'untorn';
import { run } from '../support/child.ts';
import { scratch } from '../support/scratch.ts';
import { holder } from './holder.ts';
import { onWindows } from './on-windows.ts';

describe('createWriter() on Windows', onWindows, () => {
  const here = scratch();

  it('writes the newest of many values, once the file is let go by whoever has it open (G7)', async () => {
    plainWrite(here.at('state'), 'old');
    await using other = await holder(here.at('state'));
    await using writer = createWriter<number>(here.at('state'), { retry: { timeout: 20_000 } });
    const written = Array.from({ length: 100 }, (_, value) => writer.write(value));
    other.letGoAfter(300);
    await Promise.all(written);
    assert.deepEqual([here.text('state').trim(), here.names()], ['99', ['state']]);
  });

  it('saves the newest value when the process exits, whatever is under way, with the backup that was asked for (G10)', async () => {
    for (const turns of [0, 2, 5, 9]) {
      plainWrite(here.at('state'), 'old');
      const ended = await run(
        `
        import { createWriter } from 'untorn';
        const writer = createWriter(process.argv[1], { backup: 'simple' });
        writer.write('older').catch(() => {});
        for (let turn = 0; turn < ${turns}; turn++) await new Promise(setImmediate);
        writer.write('newest').catch(() => {});
        process.exit(3);
      `,
        [here.at('state')],
      );
      assert.deepEqual(
        [ended.status, here.text('state'), here.names()],
        [3, 'newest', ['state', 'state~']],
        ended.stderr,
      );
    }
  });
});
