import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Durability } from 'untorn';
import { note } from '../support/evidence.ts';
import { DirectoryCheck, type DirectoryScenario } from './directories.ts';

const befores: readonly DirectoryScenario['before'][] = ['nothing', 'a link', "somebody's link", 'a directory'];
const sources: readonly DirectoryScenario['source'][] = ['a function', 'ready', 'ready, unsynced', 'ready, elsewhere'];
const durabilities: readonly Durability[] = ['full', 'normal', 'off'];

describe('a directory that is replaced, every crash in it, and every state that they can leave', () => {
  for (const before of befores) {
    for (const source of sources) {
      it(`is the whole old or the whole new one: where there was ${before}, by ${source} (G1, G2, G3, G5, G10)`, (t) => {
        for (const durability of durabilities) {
          let [states, crashPoints] = [0, 0];
          for (const keepOld of [false, true]) {
            const check = new DirectoryCheck({ before, source, keepOld, durability });
            check.run();
            assert.deepEqual(check.violations, [], `${durability}, ${keepOld}`);
            states += check.states;
            crashPoints += check.crashPoints;
          }
          t.diagnostic(`${durability}: ${crashPoints} crash points, ${states} different states`);
          note({ of: 'crash states of a model', guarantees: ['G1', 'G2', 'G3', 'G5', 'G10'], filesystem: 'simulated', durabilities: [durability], count: states, violations: 0 });
        }
      });
    }
  }
});
