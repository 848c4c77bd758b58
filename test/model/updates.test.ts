import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { note } from '../support/evidence.ts';
import { byHandle } from './handles.ts';
import { explore, type Scenario } from './updates.ts';

const scenarios: Record<string, Scenario> = {
  'two, one after the other as the lock has it': { owners: 2, preemptions: 2, old: 'o' },
  'two that create the file': { owners: 2, preemptions: 2 },
  'three': { owners: 3, preemptions: 1, old: 'o' },
  'two that heed no queue': { owners: 2, preemptions: 2, old: 'o', heedless: true },
  'two takers of a stale lock': { owners: 2, preemptions: 2, old: 'o', stale: true, heedless: true },
  'three takers of a stale lock': { owners: 3, preemptions: 1, old: 'o', stale: true },
  'one is killed at any step, another goes on': { owners: 2, preemptions: 1, old: 'o', kills: true },
  'a taker of a stale lock is killed at any step': { owners: 2, preemptions: 1, old: 'o', stale: true, kills: true },
  'a taker of a stale lock is killed at any step, two others go on': { owners: 3, preemptions: 0, old: 'o', stale: true, kills: true },
  'two that take each other for dead': { owners: 2, preemptions: 1, old: 'o', distrusts: true },
  'two that take each other for dead, and look at nothing but the lock': { owners: 2, preemptions: 2, old: 'o', distrusts: true, blind: true, heedless: true },
  'three that take each other for dead, and look at nothing but the lock': { owners: 3, preemptions: 1, old: 'o', distrusts: true, blind: true, heedless: true },
  'a stale lock among two that take each other for dead': { owners: 2, preemptions: 2, old: 'o', stale: true, distrusts: true, blind: true, heedless: true },
  'two that take each other for dead, where files are reached by handles': { owners: 2, preemptions: 2, old: 'o', distrusts: true, blind: true, heedless: true, mutant: byHandle },
  'two in a directory that others write': { owners: 2, preemptions: 1, old: 'o', shared: true },
  'two that take each other for dead, and each other\'s tickets': { owners: 2, preemptions: 2, old: 'o', distrusts: true, blind: true },
  'two in a directory that others write, which take each other for dead': { owners: 2, preemptions: 1, old: 'o', shared: true, distrusts: true, blind: true, heedless: true },
  'two, and somebody who removes the lock': { owners: 2, preemptions: 2, old: 'o', blind: true, removed: true },
  'two in a directory that others write, and somebody who removes the lock': { owners: 2, preemptions: 1, old: 'o', blind: true, heedless: true, removed: true, shared: true },
  'two, where a rename puts two directories together': { owners: 2, preemptions: 2, old: 'o', blind: true, heedless: true, merges: true, fails: ['ERR_LOCK_UNSUPPORTED'] },
  'one is killed, two take each other for dead': { owners: 3, preemptions: 1, old: 'o', distrusts: true, blind: true, heedless: true, kills: true },
};

describe('every order of updates by several processes', () => {
  for (const [name, scenario] of Object.entries(scenarios)) {
    it(`loses none: ${name} (G8, G10)`, (t) => {
      const { schedules, updated, lost, violations } = explore(scenario);
      assert.deepEqual(violations, []);
      note({ of: 'orders of updates in a model', guarantees: ['G8', 'G10'], filesystem: 'simulated', durabilities: ['full'], count: schedules, violations: violations.length });
      t.diagnostic(`${schedules} orders, ${updated} updates, ${lost} locks lost`);
      assert.ok(updated > schedules / 2);
    });
  }
});
