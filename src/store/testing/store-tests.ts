/**
 * What every store has to do, as tests for any engine. They use nothing of a test runner: each is a name and a function
 * that rejects if the store does not do it.
 */
import { checkedSubject, type Bench, type StoreSubject, type StoreTest } from './bench.ts';
import { contents } from './contents.ts';
import { outcomes } from './outcomes.ts';
import { races } from './races.ts';
import { watches } from './watches.ts';

export type { StoreSubject, StoreTest } from './bench.ts';

/**
 * The tests of an engine. Each uses keys of its own, which it leaves behind.
 *
 * @throws {TypeError} for a wrong option.
 * @example With the test runner of Node.js
 * ```ts
 * import { test } from 'node:test';
 * import { openStore } from 'untorn/store';
 * import { storeTests } from 'untorn/store/testing';
 *
 * for (const { name, run } of storeTests({ open: () => openStore('file:state/') }))
 *   void test(name, async (t) => {
 *     const reason = await run();
 *     if (reason !== undefined) t.skip(reason);
 *   });
 * ```
 */
export function storeTests(subject: StoreSubject): StoreTest[] {
  const bench: Bench = checkedSubject(subject);
  return [...contents(bench), ...races(bench), ...outcomes(bench), ...watches(bench)];
}
