import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as v8 from 'node:v8';
import { Placed } from '#untorn/protocol/placed.js';
import { writeFile } from '#untorn/write-file.js';
import { scratch } from '../support/scratch.ts';

// Newer than the types of the oldest Node.js that is supported.
const { queryObjects } = v8 as unknown as { queryObjects?: (constructor: unknown) => number };

describe('memory', () => {
  const here = scratch();

  it('does not grow with the files that are written while a source goes on', { skip: queryObjects === undefined && 'this runtime cannot count objects' }, async () => {
    let end: () => void = () => undefined;
    const source = async function* (): AsyncGenerator<string> {
      yield 'from ';
      await new Promise<void>((resolve) => (end = resolve));
      yield 'the source';
    };
    const endless = writeFile(here.at('endless'), source());
    for (let index = 0; index < 100; index++) await writeFile(here.at(`file ${index}`), 'new', { durability: 'off' });
    await writeFile(here.at('endless'), 'newer', { durability: 'off' });
    assert.ok((queryObjects?.(Placed) ?? 0) < 20);
    end();
    assert.deepEqual([(await endless).superseded, here.text('endless')], [true, 'newer']);
  });
});
