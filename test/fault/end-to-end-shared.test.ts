/**
 * Updates, transactions and whole directories in processes of their own, of which one system call fails or is the last.
 *
 * `npm test` runs a sample, `npm run test:faults` every call with every fault.
 */
import { describe } from 'node:test';
import { join } from 'node:path';
import { mkdirSync } from 'node:fs';
import { withoutNative } from '../support/native-part.ts';
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
import { DirectoryStage, type Form } from './directory-stage.ts';
import { SeveralStage } from './several-stage.ts';
import type { Trial } from './spoiled.ts';
import { reasonNotToSpoil, workshop } from './spoiler.ts';
import { FileStage, scenarios, type Scenario } from './stage.ts';
import { runCommand, type Run } from './trials.ts';

const options = { skip: reasonNotToSpoil, concurrency: full ? 4 : 2 };
const some = 4;

describe('an update of which one system call fails (G1, G2, G4, G6, G8, G10)', options, () => {
  const does = 'loses nothing, tells what is in place, and leaves no lock';
  const update = (scenario: Scenario): FileStage => new FileStage(scenario, 'updated');
  const chosen = ['overwriting', ...(full ? (['creating', 'with a backup'] as const) : [])] as const;
  for (const name of chosen) {
    const scenario = scenarios[name];
    for (const way of ['updateFile', 'updateFileSync'] as const) {
      shows(`${way} ${does}: ${name}`, () => failAgainAndAgain(way, update(scenario), some));
      shows(`${way} ${does}: ${name}, killed`, () => onceEach(update(scenario), inNewProgram(way), withKills));
    }
    const edit = ({ folder, path, source }: FileStage, trial?: Trial): Promise<Run> =>
      runCommand(folder, ['edit', '--json', '--create', ...scenario.flags, path, '--', 'cat', source], trial);
    shows(`untorn edit ${does}: ${name}`, () => onceEach(update(scenario), edit, withAFault));
    shows(`untorn edit ${does}: ${name}, killed`, () => onceEach(update(scenario), edit, withKills));
  }
  shows(`updateJson ${does}`, () => failAgainAndAgain('updateJson', update(scenarios.overwriting), some));
  shows(`updateJson ${does}: killed`, () =>
    onceEach(update(scenarios.overwriting), inNewProgram('updateJson'), withKills),
  );
});

describe('a transaction of which one system call fails (G1, G2, G4, G6, G9, G10)', options, () => {
  const does = 'is all or nothing, tells which, and leaves nothing behind';
  for (const way of ['moveFiles', 'moveFilesSync'] as const) {
    const name = way === 'moveFiles' ? 'transaction' : 'transactionSync';
    shows(`${name} ${does}`, () => failAgainAndAgain(way, new SeveralStage('one'), 2 * some));
    shows(`${name} ${does}: killed`, () => onceEach(new SeveralStage('one'), inNewProgram(way), withKills));
  }
  const commit = ({ folder, manifest }: SeveralStage, trial?: Trial): Promise<Run> =>
    runCommand(folder, ['commit', '--json', '--backup=simple', '--manifest', manifest], trial);
  shows(`untorn commit ${does}`, () => onceEach(new SeveralStage('all'), commit, withAFault));
  shows(`untorn commit ${does}: killed`, () => onceEach(new SeveralStage('all'), commit, withKills));
});

mkdirSync(join(workshop, 'bin'));
describe('a replaced directory of which one system call fails (G1, G2, G4, G6, G10)', options, () => {
  const does = 'is the whole old or the whole new one, tells which, and leaves nothing behind';
  for (const form of ['a link', 'a directory', ...(full ? (['nothing'] as const) : [])] satisfies Form[]) {
    const skip = form === 'a directory' && withoutNative;
    describe(`in the place of ${form}`, { skip }, () => {
      for (const [way, source] of [
        ['publish', 'ready'],
        ['publishFilled', 'filled'],
      ] as const) {
        shows(`replaceDirectory ${does}: ${source}`, () =>
          failAgainAndAgain(way, new DirectoryStage(form, source), some),
        );
        shows(`replaceDirectory ${does}: ${source}, killed`, () =>
          onceEach(new DirectoryStage(form, source), inNewProgram(way), withKills),
        );
      }
      shows(`replaceDirectorySync ${does}`, () =>
        failAgainAndAgain('publishSync', new DirectoryStage(form, 'filled'), some),
      );
    });
  }
});

describe('the trials', options, () => {
  tellTrials({ faults: ['G1', 'G4', 'G6', 'G8', 'G9', 'G10'], kills: ['G2', 'G6', 'G8', 'G9', 'G10'] });
});
