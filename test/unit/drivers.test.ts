import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readOptions } from '#untorn/files/settings.js';
import { whenDescriptorsAllow } from '#untorn/system/descriptors.js';
import { newOperation } from '#untorn/files/operation.js';
import { runAsync } from '#untorn/system/async-driver.js';
import { givenPath } from '#untorn/system/paths.js';
import { uninterrupted, call, nothing, concurrently, type Steps } from '#untorn/system/port.js';
import { asyncSystem, syncSystem } from '../support/systems.ts';
import { environment } from '#untorn/system/environment.js';
import { runSync } from '#untorn/system/systems.js';

function recording(made: string[]): typeof syncSystem {
  return { ...syncSystem, readlink: (path: string) => (made.push(`at once ${path}`), path) } as typeof syncSystem;
}

const asynchronous = {
  ...asyncSystem,
  readlink: (path: string, done: (error: unknown, value: string) => void) => void setImmediate(() => done(null, path)),
} as typeof asyncSystem;

describe('a blocking driver', () => {
  it('does not perform steps that its own begin for another driver', async () => {
    const made: string[] = [];
    let begun: Promise<unknown> | undefined;
    function* outer(): Steps<unknown> {
      const before = yield* call.readlink('before');
      begun = runAsync(call.readlink('inner'), asynchronous, recording(made));
      return [before, yield* call.readlink('after')];
    }
    assert.deepEqual(runSync(outer(), recording(made)), ['before', 'after']);
    assert.deepEqual(made, ['at once before', 'at once after']);
    assert.equal(await begun, 'inner');
  });

  it('does not let steps wait for descriptors that nothing else can close meanwhile', () => {
    const operation = newOperation(givenPath('/file'), readOptions(undefined), environment, false);
    function* open(): Steps<never> {
      yield* call.readlink('before');
      throw Object.assign(new Error('out of descriptors'), { code: 'EMFILE' });
    }
    assert.throws(() => runSync(whenDescriptorsAllow(operation, open), recording([])), { code: 'EMFILE' });
  });

  it('performs all parts also when one fails, and reports the first failure', () => {
    const made: string[] = [];
    function* failing(text: string): Steps<never> {
      yield* call.readlink(text);
      throw new Error(text);
    }
    assert.throws(() => runSync(concurrently(call.readlink('a'), failing('b'), failing('c')), recording(made)), {
      message: 'b',
    });
    assert.deepEqual(made, ['at once a', 'at once b', 'at once c']);
  });
});

describe('a driver that does not block', () => {
  it('performs any number of steps that end at once, one after the other', async () => {
    function* many(): Steps<number> {
      let done = 0;
      for (; done < 100_000; done++) yield* done % 2 === 0 ? concurrently() : uninterrupted(nothing());
      return done;
    }
    assert.equal(await runAsync(many()), 100_000);
  });
});
