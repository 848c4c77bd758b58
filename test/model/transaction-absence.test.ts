import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkAway, checkCopies, checkTaken, checkVanished, type Checked } from './absent.ts';
import { checkCut } from './cut.ts';
import { absenceMutants, copyMutants, cutMutants } from './transaction-mutants.ts';
import { unchanged } from './transactions.ts';

describe('a transaction that was killed, and what is not as it left it', () => {
  const checks: Record<string, () => Checked> = {
    'is left alone while a directory of it is away, at whatever step of whoever is at work in the other one': () =>
      checkAway(unchanged),
    'is not touched by a recovery in a copy of its directories, nor is the copy': () => checkCopies(unchanged),
    'stays all or nothing when another user takes its record or a pointer away, and brings it back': checkTaken,
    'is told of when a staged file is gone, and only then': checkVanished,
    'is all or nothing also when the power is cut while another process completes it': () => checkCut(unchanged),
  };
  for (const [name, check] of Object.entries(checks)) {
    it(`${name} (G9)`, (t) => {
      const { violations, runs } = check();
      t.diagnostic(`${runs} runs`);
      assert.ok(runs > 30);
      assert.deepEqual(violations.slice(0, 5), []);
    });
  }
});

describe('the model check of what is not as a transaction left it', () => {
  const found = (violations: readonly string[]): void => assert.notDeepEqual(violations, []);

  for (const [name, mutation] of Object.entries(absenceMutants))
    it(`sees the mistake: ${name}`, () => found(checkAway(mutation).violations));
  for (const [name, mutation] of Object.entries(cutMutants))
    it(`sees the mistake: ${name}`, () => found(checkCut(mutation).violations));
  for (const [name, mutation] of Object.entries(copyMutants))
    it(`sees the mistake: ${name}`, () => found(checkCopies(mutation).violations));
});
