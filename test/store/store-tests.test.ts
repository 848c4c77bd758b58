/** The tests of stores: a right engine passes all of them, and each wrong one fails. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { storeTests, type StoreSubject } from 'untorn/store/testing';
import { conforms } from './conformance.ts';
import { memory, type Fault } from './memory.ts';

/** The names of the tests that an engine fails. */
async function failed(subject: StoreSubject): Promise<string[]> {
  const names: string[] = [];
  for (const { name, run } of storeTests({ clients: 4, rounds: 5, patience: 200, ...subject }))
    await run().catch(() => names.push(name));
  return names;
}

const faults: Record<Fault, string> = {
  'ignores that a key has to be absent': 'a key is created once, and replaced in the expected version only',
  'ignores versions': 'of several that replace a version one wins',
  'looks, and then writes': 'no increment is lost',
  'gives a version twice': 'different contents have different versions',
  'ignores the condition of a removal': 'nothing is removed twice, and what has changed is not removed on a condition',
  'forgets a removal': 'a version of what was removed does not match what is there later',
  'loses a content': 'keys that look alike have contents of their own',
  'takes keys for the same without regard to case': 'keys that look alike have contents of their own',
  'cuts a large content': 'a content that is too large is refused before it is sent, and the largest one is not',
  'has old contents': 'no increment is lost',
  'has a watch with old contents': 'a watch gives what is there, and each change',
};

describe('storeTests()', () => {
  describe('of an engine in memory', () => conforms({ open: memory() }));

  for (const [fault, name] of Object.entries(faults))
    it(`finds an engine that ${fault}`, async () => {
      const found = await failed({ open: memory(fault as Fault) });
      assert.ok(found.includes(name), found.join(', ') || 'it was not found');
    });

  it('refuses what is no subject', () => {
    assert.throws(() => storeTests({} as never), { code: 'ERR_INVALID_ARG_TYPE' });
    assert.throws(() => storeTests({ open: memory(), clients: 1 }), { code: 'ERR_OUT_OF_RANGE' });
    assert.throws(() => storeTests({ open: memory(), client: 2 } as never), { code: 'ERR_INVALID_ARG_VALUE' });
  });
});
