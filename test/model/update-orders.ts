/** What the model check of updates finds in some scenarios, as tests. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { note } from '../support/evidence.ts';
import { explore, type Scenario } from './updates.ts';

export function loseNone(what: string, scenarios: Readonly<Record<string, Scenario>>): void {
  describe(what, () => {
    for (const [name, scenario] of Object.entries(scenarios)) {
      it(`loses none: ${name} (G8, G10)`, (t) => {
        const { schedules, updated, lost, violations } = explore(scenario);
        assert.deepEqual(violations, []);
        note({
          of: 'orders of updates in a model',
          guarantees: ['G8', 'G10'],
          filesystem: 'simulated',
          durabilities: ['full'],
          count: schedules,
          violations: violations.length,
        });
        t.diagnostic(`${schedules} orders, ${updated} updates, ${lost} locks lost`);
        assert.ok(updated > schedules / 2);
      });
    }
  });
}
