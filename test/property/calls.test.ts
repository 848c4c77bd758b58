import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import * as library from 'untorn';
import { programs } from './actions.ts';
import { everyDurability, filesystemOf, note } from '../support/evidence.ts';
import { parent, run } from './run.ts';

const seconds = Number(process.env['UNTORN_PROPERTY_SECONDS'] ?? 12);
const seed = Number(process.env['UNTORN_PROPERTY_SEED'] ?? Date.now() % 0x7fffffff);

describe('any sequence of calls', () => {
  it('leaves what the last successful one wrote, tells the truth, settles, and leaves nothing else (G1, G4, G7, G10)', async (t) => {
    let runs = 0;
    // A race that the shrinking does not meet again within the time is a failure all the same.
    const failures: unknown[] = [];
    const property = fc.asyncProperty(programs, async (program) => {
      runs++;
      await run(program, library).catch((error: unknown) => {
        failures.push(error);
        throw error;
      });
    });
    t.diagnostic(`UNTORN_PROPERTY_SEED=${seed}`);
    await fc.assert(property, {
      seed,
      numRuns: 1_000_000,
      interruptAfterTimeLimit: seconds * 1000,
      markInterruptAsFailure: false,
      includeErrorInReport: true,
    });
    t.diagnostic(`${runs} programs in ${seconds} s`);
    if (failures.length > 0) throw failures[0];
    note({
      of: 'random programs',
      guarantees: ['G1', 'G4', 'G7', 'G10'],
      filesystem: filesystemOf(parent),
      durabilities: everyDurability,
      count: runs,
      violations: 0,
    });
  });
});
