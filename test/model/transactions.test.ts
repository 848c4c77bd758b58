import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { transactionScenarios } from './transaction-scenarios.ts';
import { TransactionCheck } from './transactions.ts';

describe('a transaction, every crash in it and in its recovery, and every state that they can leave', () => {
  for (const [name, scenario] of Object.entries(transactionScenarios)) {
    it(`is all or nothing: ${name} (G9, G10)`, (t) => {
      const check = new TransactionCheck(scenario);
      check.run();
      t.diagnostic(`${check.crashPoints} crash points, ${check.states} different states`);
      assert.deepEqual(check.violations, []);
    });
  }
});
