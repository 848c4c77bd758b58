import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { note } from '../support/evidence.ts';
import { transactionScenarios } from './transaction-scenarios.ts';
import { TransactionCheck } from './transactions.ts';

describe('a transaction, every crash in it and in its recovery, and every state that they can leave', () => {
  for (const [name, scenario] of Object.entries(transactionScenarios)) {
    it(`is all or nothing: ${name} (G9, G10)`, (t) => {
      const check = new TransactionCheck(scenario);
      check.run();
      t.diagnostic(`${check.crashPoints} crash points, ${check.states} different states`);
      note({
        of: 'crash states of a model',
        guarantees: ['G9', 'G10'],
        filesystem: 'simulated',
        durabilities: [scenario.durability ?? 'full'],
        count: check.states,
        violations: check.violations.length,
      });
      assert.deepEqual(check.violations, []);
    });
  }
});
