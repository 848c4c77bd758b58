/** What comes between the links of a chain, and what a process without free descriptors can do without. */
import assert from 'node:assert/strict';
import { closeSync, fstatSync, mkdtempSync, readFileSync, rmSync, writeFileSync as plainWrite } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { writeFileSync } from '#untorn/index.js';
import { readSyncData } from '#untorn/contract/data.js';
import { newOperation } from '#untorn/files/operation.js';
import { readOptions } from '#untorn/files/settings.js';
import { lookAgain, openTarget } from '#untorn/files/target.js';
import { replaceFile } from '#untorn/replace/replace-file.js';
import { Turn } from '#untorn/order/turn.js';
import { runAsync } from '#untorn/system/async-driver.js';
import { environment } from '#untorn/system/environment.js';
import type { AsyncSystem } from '#untorn/system/node-calls.js';
import { givenPath } from '#untorn/system/paths.js';
import { chain, opened } from '#untorn/system/port.js';
import { asyncSystem, syncSystem } from '../support/systems.ts';

function oldFile(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'untorn-fault-'));
  t.after(() => rmSync(folder, { recursive: true }));
  plainWrite(join(folder, 'file'), 'old');
  return join(folder, 'file');
}

const failure = (code: string): Error => Object.assign(new Error(`${code}: injected`), { code });

function replaced(path: string, system: typeof asyncSystem): Promise<unknown> {
  const operation = newOperation(givenPath(path), readOptions({}), environment, false);
  return runAsync(replaceFile(operation, new Turn(operation), readSyncData('new', 'utf8')), system);
}

describe('the sync of the directory that goes along with a rename', () => {
  for (const durability of ['full', 'normal', 'off'] as const)
    it(`is not tried again if it fails after a synchronous write (${durability})`, async (t) => {
      const path = oldFile(t);
      let failed = false;
      const system: typeof asyncSystem = {
        ...asyncSystem,
        fsync(fd, done) {
          if (failed || !fstatSync(fd).isDirectory()) return asyncSystem.fsync(fd, done);
          failed = true;
          writeFileSync(path, 'later', { durability });
          setImmediate(done, failure('EIO'));
        },
      };
      await assert.rejects(replaced(path, system), { code: 'EIO', outcome: 'new', step: 'sync directory' });
      assert.equal(readFileSync(path, 'utf8'), 'later');
    });
});

describe('the sync of a file that goes along with its creation', () => {
  it('is not tried again if it fails', async (t) => {
    const path = oldFile(t);
    let failed = false;
    const system: typeof asyncSystem = {
      ...asyncSystem,
      fsync(fd, done) {
        if (failed) return asyncSystem.fsync(fd, done);
        failed = true;
        setImmediate(done, failure('EIO'));
      },
    };
    await assert.rejects(replaced(path, system), { code: 'EIO', outcome: 'old', step: 'sync' });
    assert.equal(readFileSync(path, 'utf8'), 'old');
  });
});

describe('without a free descriptor', () => {
  it('a chain is not repeated once it has opened a file (G10)', { timeout: 5000 }, async () => {
    let made = 0;
    const system: AsyncSystem = {
      ...asyncSystem,
      chain(_, done) {
        made++;
        setImmediate(done, { results: [7], error: failure('EMFILE') });
      },
    };
    const steps = chain([
      ['open', 'file', 0, 0],
      ['fstat', opened],
    ]);
    const { results, error } = await runAsync(steps, system, syncSystem);
    assert.deepEqual([made, results, (error as { code?: unknown }).code], [1, [7], 'EMFILE']);
  });

  it('the old file is looked at without holding it', { skip: process.platform !== 'linux' }, async (t) => {
    const operation = newOperation(givenPath(oldFile(t)), readOptions({}), environment, false);
    const first = await runAsync(openTarget(operation));
    if (first.held !== undefined) closeSync(first.held);
    const system = { ...syncSystem, open: () => assert.fail(failure('EMFILE')) };
    // Its directory is open already, so that all of this is done at once.
    const target = await runAsync(openTarget(operation), asyncSystem, system);
    assert.equal(target.held, undefined);
    assert.equal(target.existing?.size, 3);
  });

  it('a second look does not wait to hold the old file', { timeout: 5000 }, async (t) => {
    // Attributes are read from the open file.
    const options = readOptions({ preserve: { xattr: 'off' } });
    const operation = newOperation(givenPath(oldFile(t)), options, environment, false);
    const target = await runAsync(openTarget(operation));
    if (target.held !== undefined) closeSync(target.held);
    target.held = undefined;
    const asynchronous: typeof asyncSystem = {
      ...asyncSystem,
      open: (...args: unknown[]) => void setImmediate(args.at(-1) as (error: Error) => void, failure('EMFILE')),
    };
    const system = { ...syncSystem, open: () => assert.fail(failure('EMFILE')) };
    await runAsync(lookAgain(operation, target), asynchronous, system);
    assert.equal(target.held, undefined);
    assert.equal(target.existing?.size, 3);
  });
});
