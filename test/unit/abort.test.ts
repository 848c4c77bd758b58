import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { writeFile } from 'untorn';
import { scratch } from '../support/scratch.ts';

describe('One AbortSignal for many calls', () => {
  const here = scratch();

  it('is listened to once, and ends also the calls that wait for descriptors or their turn (G4, G10)', async (t) => {
    const warnings: Error[] = [];
    const note = (warning: Error): void => void warnings.push(warning);
    process.on('warning', note);
    t.after(() => process.off('warning', note));
    const controller = new AbortController();
    const { signal } = controller;
    const calls = Array.from({ length: 200 }, (_, number) =>
      writeFile(here.at(`file${number % 100}`), `${number}`, { signal }),
    );
    controller.abort();
    const ended = await Promise.allSettled(calls);
    assert.equal(ended.length, 200);
    for (const end of ended) assert.equal((end as PromiseRejectedResult).reason?.name, 'AbortError');
    assert.deepEqual(here.names(), []);
    await Promise.all(Array.from({ length: 100 }, (_, number) => writeFile(here.at(`file${number}`), 'next')));
    assert.equal(here.names().length, 100);
    assert.deepEqual(warnings, []);
  });
});
