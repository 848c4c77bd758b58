/** Runs the tests of every store in the test runner. */
import { it } from 'node:test';
import { storeTests, type StoreSubject } from 'untorn/store/testing';

/** To be called in a suite. */
export function conforms(subject: StoreSubject): void {
  for (const { name, run } of storeTests(subject)) {
    it(name, async (t) => {
      const reason = await run();
      if (reason !== undefined) t.skip(reason);
    });
  }
}
