/** The test of any sequence of calls can fail: it catches every mutant, in a part of its time. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import * as library from '#untorn/index.js';
import { programs } from './actions.ts';
import { mutants } from './mutants.ts';
import type { Library } from './perform.ts';
import { run } from './run.ts';

/** Many times what they take; programs, so that a slow machine has as many. */
const most = 5000;

describe('any sequence of calls, with a mistake in the package', () => {
  for (const [name, make] of Object.entries(mutants)) {
    it(`is seen to break a promise: ${name}`, async (t) => {
      let tried = 0;
      const undo = make();
      try {
        const property = fc.asyncProperty(programs, (program) => {
          tried++;
          return run(program, library as unknown as Library);
        });
        const { failed, errorInstance } = await fc.check(property, { numRuns: most, endOnFailure: true });
        assert.ok(failed, `${tried} programs kept every promise`);
        t.diagnostic(`program ${tried}: ${(errorInstance as Error).message.split('\n')[0]}`);
      } finally {
        undo();
      }
    });
  }
});
