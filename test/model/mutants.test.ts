/** The model check can fail: it catches every mutant. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mutants } from './mutants.ts';
import { scenarios } from './scenarios.ts';
import { runAll } from './schedules.ts';
import { Findings, World, type Scenario } from './world.ts';

describe('the model check', () => {
  for (const [name, { change, breaks, scenarios: names, preemptions = 0 }] of Object.entries(mutants)) {
    for (const scenario of names) {
      it(`sees the mistake: ${name} (${scenario})`, async (t) => {
        const findings = new Findings();
        await runAll(() => new World(scenarios[scenario] as Scenario, findings, change), preemptions);
        const broken = breaks.map((id) => findings.violations.get(id)).find((violation) => violation !== undefined);
        assert.ok(broken, `it saw only ${JSON.stringify([...findings.violations.values()])}`);
        t.diagnostic(broken.slice(0, broken.indexOf(', after ')));
      });
    }
  }
});
