/** An asynchronous call that has the file open is no other process: a synchronous one comes between, as everywhere. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync as plainWrite } from 'node:fs';
import { describe, it } from 'node:test';
import { createWriter, readVersioned, updateFile, writeFile, writeFileSync } from 'untorn';
import { scratch } from '../support/scratch.ts';
import { onWindows } from './on-windows.ts';

/** Calls that read the target, or sync it. */
const calls: Record<string, (path: string) => Promise<unknown>> = {
  'a backup': (path) => writeFile(path, 'async', { backup: 'simple' }),
  'a look whether it is unchanged': (path) => writeFile(path, 'before', { ifUnchanged: 'skip' }),
  'a version': (path) => readVersioned(path),
  'an update': (path) => updateFile(path, (old) => old as string, 'utf8'),
};

describe('in one process on Windows (G7)', onWindows, () => {
  const here = scratch();

  for (const [what, perform] of Object.entries(calls)) {
    it(`a synchronous write replaces the file at any moment of a call that needs ${what}`, async () => {
      for (let turns = 0; turns < 30; turns++) {
        plainWrite(here.at('file'), 'before');
        const call = perform(here.at('file'));
        await turnsOfTheLoop(turns);
        writeFileSync(here.at('file'), 'sync', { retry: { timeout: 2000 } });
        assert.equal(here.text('file'), 'sync');
        // Calls that do more than to write the content see that they came too late.
        await call.catch((error: { code: string }) =>
          assert.match(error.code, /^ERR_(UNTORN_OVERTAKEN|VERSION_CONFLICT)$/),
        );
        assert.equal(here.text('file'), 'sync');
      }
    });
  }

  it('a writer saves its newest value at once, with a backup of what was there, while an older one is under way', async () => {
    for (let turns = 0; turns < 30; turns++) {
      plainWrite(here.at('file'), 'before');
      const writer = createWriter<string>(here.at('file'), { backup: 'simple', retry: { timeout: 2000 } });
      const written = writer.write('older');
      await turnsOfTheLoop(turns);
      writer.write('newer').catch(() => undefined);
      writer.flushSync();
      await written;
      assert.equal(readFileSync(here.at('file'), 'utf8'), 'newer');
    }
  });
});

async function turnsOfTheLoop(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
}
