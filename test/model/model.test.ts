import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { note } from '../support/evidence.ts';
import { scenarios } from './scenarios.ts';
import { runAll } from './schedules.ts';
import { Findings, World } from './world.ts';

const total = new Findings();

describe('every schedule, every crash, every state that it can leave', () => {
  for (const [name, scenario] of Object.entries(scenarios)) {
    it(`keeps the guarantees: ${name} (G1, G2, G3, G5, G10)`, async (t) => {
      const findings = new Findings();
      findings.schedules = await runAll(() => new World(scenario, findings), scenario.preemptions ?? 2);
      assert.deepEqual([...findings.violations.values()], []);
      t.diagnostic(report(findings));
      const durabilities = [...new Set(scenario.calls.map(({ options }) => options?.durability ?? 'full'))];
      note({
        of: 'crash states of a model',
        guarantees: ['G1', 'G2', 'G3', 'G5', 'G7', 'G10'],
        filesystem: 'simulated',
        durabilities,
        count: findings.states.size,
        violations: 0,
      });
      total.schedules += findings.schedules;
      total.crashPoints += findings.crashPoints;
      total.combinations += findings.combinations;
      for (const state of findings.states) total.states.add(state);
    });
  }

  it('counts what it has seen', (t) => {
    t.diagnostic(`in all ${report(total)}`);
    assert.ok(total.states.size > 1000, `only ${total.states.size} states`);
  });
});

function report({ schedules, crashPoints, combinations, states }: Findings): string {
  return `${schedules} schedules, ${crashPoints} crash points, ${combinations} combinations, ${states.size} different states`;
}
