/** The test of any sequence of calls can fail: it catches every mutant, in a part of its time. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import * as library from '#untorn/index.js';
import { programs } from './actions.ts';
import { mutants, slowRenames } from './mutants.ts';
import type { Library } from './perform.ts';
import { run } from './run.ts';

/** Many times what they take. */
const most = 400;

/** Runs programs until one breaks a promise; the renames are slow, so that the order can be seen. */
async function check(count: number): Promise<{ tried: number; broken: string | undefined }> {
  let tried = 0;
  const undo = slowRenames();
  try {
    const property = fc.asyncProperty(programs, (program) => {
      tried++;
      return run(program, library as unknown as Library);
    });
    const { failed, errorInstance } = await fc.check(property, { numRuns: count, endOnFailure: true });
    return { tried, broken: failed ? (errorInstance as Error).message.split('\n')[0] : undefined };
  } finally {
    undo();
  }
}

describe('any sequence of calls, with a mistake in the package', () => {
  for (const [name, make] of Object.entries(mutants)) {
    it(`is seen to break a promise: ${name}`, async (t) => {
      const undo = make();
      try {
        const { tried, broken } = await check(most);
        assert.ok(broken, `${tried} programs kept every promise`);
        t.diagnostic(`program ${tried}: ${broken}`);
      } finally {
        undo();
      }
    });
  }

  it('is seen to break none without one', async () => {
    assert.equal((await check(60)).broken, undefined);
  });
});
