import assert from 'node:assert/strict';
import { writeFileSync as plainWrite } from 'node:fs';
import { describe, it } from 'node:test';
import { updateFile, updateFileSync, updateJson, updateJsonSync, writeFile, type UpdateOptions } from 'untorn';
import { refusedWith } from '../support/apis.ts';
import { scratch } from '../support/scratch.ts';

describe('updates that begin again (G8)', () => {
  const here = scratch();

  /** Adds one to a number, `meddling` times while somebody else who takes no lock writes another. */
  function counting(meddling: number): (old: string | undefined) => string {
    let calls = 0;
    return (old) => {
      if (calls++ < meddling) plainWrite(here.at('file'), String(calls * 100));
      return String(Number(old) + 1);
    };
  }

  type Count = (old: string | undefined) => string;

  const kinds: Record<string, (count: Count, options: UpdateOptions) => Promise<unknown>> = {
    updateFile: (count, options) =>
      updateFile(here.at('file'), async (old) => count(old), { ...options, encoding: 'utf8' }),
    updateFileSync: async (count, options) => updateFileSync(here.at('file'), count, { ...options, encoding: 'utf8' }),
    updateJson: (count, options) => updateJson<number>(here.at('file'), (old) => Number(count(String(old))), options),
    updateJsonSync: async (count, options) =>
      updateJsonSync<number>(here.at('file'), (old) => Number(count(String(old))), options),
  };

  for (const [name, update] of Object.entries(kinds)) {
    const trying = async (meddling: number, options: UpdateOptions): Promise<unknown> => {
      plainWrite(here.at('file'), '1');
      return update(counting(meddling), options);
    };

    it(`${name}() reads again what a writer without the lock wrote meanwhile`, async () => {
      await trying(2, { retries: 2 });
      assert.deepEqual([here.text('file').trim(), here.names()], ['201', ['file']]);
    });

    it(`${name}() fails when it was changed too often, and keeps that`, async () => {
      await assert.rejects(trying(1, {}), refusedWith('ERR_VERSION_CONFLICT'));
      assert.equal(here.text('file'), '100');
      await assert.rejects(trying(3, { retries: 2 }), refusedWith('ERR_VERSION_CONFLICT'));
      assert.deepEqual([here.text('file'), here.names()], ['300', ['file']]);
    });

    it(`${name}() refuses a wrong number, and one version`, async () => {
      await assert.rejects(trying(0, { retries: -1 }), { code: 'ERR_OUT_OF_RANGE' });
      await assert.rejects(trying(0, { retries: 1.5 }), { code: 'ERR_OUT_OF_RANGE' });
      await assert.rejects(trying(0, { retries: '1' as never }), { code: 'ERR_INVALID_ARG_TYPE' });
      await assert.rejects(trying(0, { retries: 1, ifMatch: 'absent' }), { code: 'ERR_INVALID_ARG_VALUE' });
      assert.equal(here.text('file'), '1');
    });
  }

  it("does not begin again for the function's own error", async () => {
    plainWrite(here.at('file'), '1');
    let calls = 0;
    const mine = Object.assign(new Error('mine'), { code: 'ERR_VERSION_CONFLICT' });
    await assert.rejects(
      updateFile(
        here.at('file'),
        () => {
          calls++;
          throw mine;
        },
        { retries: 3 },
      ),
      (error) => error === mine,
    );
    assert.equal(calls, 1);
  });

  it('keeps its turn: a later write of the process comes last (G7)', async () => {
    plainWrite(here.at('file'), '1');
    const count = counting(3);
    await Promise.all([
      updateFile(here.at('file'), async (old) => count(old), { encoding: 'utf8', retries: 3 }),
      writeFile(here.at('file'), 'last'),
    ]);
    assert.equal(here.text('file'), 'last');
  });
});
