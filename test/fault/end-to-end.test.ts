/**
 * The built package in processes of its own, of which one system call fails, does less than it was asked, or is the
 * last.
 *
 * `npm test` runs a sample, `npm run test:faults` every call with every fault.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  failAgainAndAgain,
  full,
  inNewProgram,
  onceEach,
  shows,
  tellTrials,
  withAFault,
  withKills,
} from './campaign.ts';
import type { Trial } from './spoiled.ts';
import { reasonNotToSpoil } from './spoiler.ts';
import { FileStage, scenarios } from './stage.ts';
import { kill, runCommand, type Run } from './trials.ts';

const skip = reasonNotToSpoil;
const unspoiled = 'keeps the old or the new content, tells which, and leaves nothing behind';

describe('a write of which one system call fails (G1, G2, G4, G6, G10)', { skip, concurrency: full ? 4 : 2 }, () => {
  for (const [name, scenario] of Object.entries(scenarios)) {
    for (const way of ['writeFile', 'writeFileSync', 'pending', 'stream'] as const) {
      shows(`${way} ${unspoiled}: ${name}`, () => failAgainAndAgain(way, new FileStage(scenario)));
      shows(`${way} ${unspoiled}: ${name}, killed`, () =>
        onceEach(new FileStage(scenario), inNewProgram(way), withKills),
      );
    }
    for (const command of ['write', 'run'] as const) {
      const once = ({ folder, path, source }: FileStage, trial?: Trial): Promise<Run> => {
        return runCommand(
          folder,
          [command, '--json', ...scenario.flags, path, ...(command === 'run' ? ['--', 'cat', source] : [])],
          trial,
        );
      };
      shows(`untorn ${command} ${unspoiled}: ${name}`, () => onceEach(new FileStage(scenario), once, withAFault));
      shows(`untorn ${command} ${unspoiled}: ${name}, killed`, () =>
        onceEach(new FileStage(scenario), once, withKills),
      );
    }
  }
  for (const way of ['writeFile', 'writeFileSync'] as const) {
    shows(`${way} ${unspoiled}: the first write of a process`, () =>
      onceEach(new FileStage(scenarios.overwriting), inNewProgram(way), withAFault),
    );
  }
});

describe('the trials', { skip }, () => {
  tellTrials({ faults: ['G1', 'G4', 'G6', 'G10'], kills: ['G2', 'G6', 'G10'] });

  for (const way of ['inPlace', 'careless'] as const) {
    it(`catch a writer that works ${way === 'inPlace' ? 'in place' : 'without care'}`, async () => {
      await assert.rejects(
        onceEach(new FileStage(scenarios.overwriting), inNewProgram(way), ({ calls }) =>
          calls.map((call) => ({ call, fault: kill })),
        ),
      );
    });
  }

  it('catch a writer that does not look at how much was written', async () => {
    const short = ({ calls }: Run): Trial[] =>
      calls.filter(({ text }) => text.startsWith('write')).map((call) => ({ call, fault: 'fill=ENOSPC' }));
    await assert.rejects(onceEach(new FileStage(scenarios.creating), inNewProgram('careless'), short), /torn: 1 bytes/);
  });
});
