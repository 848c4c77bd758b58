import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { transactionScenarios } from './transaction-scenarios.ts';
import { checkFaults, checkForeign, checkSuspended } from './suspended.ts';
import { crashMutants, foreignMutants, suspendedMutants } from './transaction-mutants.ts';
import { checkTogether } from './together.ts';
import { TransactionCheck, unchanged, type TransactionScenario } from './transactions.ts';

describe('a transaction that others come between', () => {
  it('cannot commit, nor change anything, when it was taken for dead at any step (G8, G9)', (t) => {
    const { violations, stops } = checkSuspended(unchanged);
    t.diagnostic(`stopped at ${stops} steps`);
    assert.deepEqual(violations, []);
  });

  it('is carried out whole by two at once (G9)', (t) => {
    const { violations, orders } = checkTogether();
    t.diagnostic(`${orders} orders`);
    assert.ok(orders > 500);
    assert.deepEqual(violations, []);
  });

  it('tells what was done when any of its calls fails, and a recovery makes that whole (G4, G9)', (t) => {
    const { violations, faults } = checkFaults();
    t.diagnostic(`${faults} calls failed`);
    assert.deepEqual(violations, []);
  });

  it('leaves files alone that a foreign program put there (G9)', (t) => {
    const { violations, kills } = checkForeign(unchanged);
    t.diagnostic(`killed at ${kills} steps`);
    assert.deepEqual(violations, []);
  });
});

describe('the model check of transactions', () => {
  const found = (violations: readonly string[]): void => assert.notDeepEqual(violations, []);

  for (const [name, mutation] of Object.entries(crashMutants)) {
    it(`sees the mistake: ${name}`, () => {
      const check = new TransactionCheck(
        transactionScenarios['two files of one directory'] as TransactionScenario,
        mutation,
      );
      check.run();
      found(check.violations);
    });
  }
  for (const [name, mutation] of Object.entries(suspendedMutants))
    it(`sees the mistake: ${name}`, () => found(checkSuspended(mutation).violations));
  for (const [name, mutation] of Object.entries(foreignMutants))
    it(`sees the mistake: ${name}`, () => found(checkForeign(mutation).violations));
});
