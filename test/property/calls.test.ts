import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import * as library from 'untorn';
import { programs } from './actions.ts';
import { everyDurability, filesystemOf, note } from '../support/evidence.ts';
import { parent, run } from './run.ts';
import { secondsToTry, untilTimeIsOver } from '../support/random-programs.ts';

const seconds = secondsToTry(12);

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
    await fc.assert(property, untilTimeIsOver(t, seconds));
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
