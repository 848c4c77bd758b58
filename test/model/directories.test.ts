import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Durability } from 'untorn';
import { note } from '../support/evidence.ts';
import { directoryMutants } from './directory-mutants.ts';
import { blind, checkAttacked } from './hostile-directories.ts';
import { checkFaults, checkSuspended } from './suspended-directories.ts';
import { DirectoryCheck, type DirectoryScenario } from './directories.ts';

const befores: readonly DirectoryScenario['before'][] = ['nothing', 'a link', "somebody's link", 'a directory'];
const sources: readonly DirectoryScenario['source'][] = ['a function', 'ready', 'ready, unsynced', 'ready, elsewhere'];
/** `'normal'` does what `'full'` does: once is enough. */
const durabilitiesOf = (source: DirectoryScenario['source']): readonly Durability[] =>
  source === 'a function' ? ['full', 'normal', 'off'] : ['full', 'off'];

describe('a directory that is replaced, every crash in it, and every state that they can leave', () => {
  for (const before of befores) {
    for (const source of sources) {
      it(`is the whole old or the whole new one: where there was ${before}, by ${source} (G1, G2, G3, G5, G9, G10)`, (t) => {
        for (const durability of durabilitiesOf(source)) {
          let [states, crashPoints] = [0, 0];
          for (const keepOld of durability === 'normal' ? [false] : [false, true]) {
            const check = new DirectoryCheck({ before, source, keepOld, durability });
            check.run();
            assert.deepEqual([...check.violations.values()], [], `${durability}, ${keepOld}`);
            states += check.states;
            crashPoints += check.crashPoints;
          }
          t.diagnostic(`${durability}: ${crashPoints} crash points, ${states} different states`);
          note({
            of: 'crash states of a model',
            guarantees: ['G1', 'G2', 'G3', 'G5', 'G9', 'G10'],
            filesystem: 'simulated',
            durabilities: [durability],
            count: states,
            violations: 0,
          });
        }
      });
    }
  }
});

describe('a directory that two replace', () => {
  for (const before of befores) {
    it(`is the whole one of either when the first is taken for dead at any step: where there was ${before} (G1, G4, G10)`, (t) => {
      const { violations, trials } = checkSuspended(before);
      t.diagnostic(`stopped at ${trials} steps`);
      assert.deepEqual(violations, []);
    });

    it(`is what the error says when any call fails: where there was ${before} (G4, G10)`, (t) => {
      for (const ready of [undefined, '/d/next']) {
        const { violations, trials } = checkFaults(before, ready);
        t.diagnostic(`${trials} calls failed`);
        assert.deepEqual(violations, []);
      }
    });
  }
});

describe('a directory that is replaced where others may rename', () => {
  for (const before of ['nothing', 'a link', 'a directory'] as const) {
    it(`costs its owner no other directory, whatever a neighbour puts in its place: where there was ${before} (G9)`, (t) => {
      const { violations, swaps } = checkAttacked(before);
      t.diagnostic(`${swaps} swaps`);
      assert.deepEqual(violations, []);
      assert.ok(swaps > 10);
    });
  }

  it('is seen to cost one where inodes are not looked at', () => {
    assert.notDeepEqual(checkAttacked('a link', blind).violations, []);
  });
});

describe('the model check of directories', () => {
  for (const [name, { change, breaks, scenario }] of Object.entries(directoryMutants)) {
    it(`sees the mistake: ${name}`, (t) => {
      const check = new DirectoryCheck(scenario, change, breaks);
      check.run();
      const seen = check.violations.get(breaks);
      assert.ok(seen, `it saw only ${JSON.stringify([...check.violations.values()])}`);
      t.diagnostic(seen.split('\n')[0] as string);
    });
  }
});
