/** The memory that the native part uses in place: bytes that are written, and the statuses. */
import assert from 'node:assert/strict';
import { createHook } from 'node:async_hooks';
import { closeSync, constants, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { newFolder } from '../support/folder.ts';
import { run } from '../support/run.ts';
import { addon, addonFile, numbered, resultsOf, withAddon, type Outcome } from './addon.ts';
import { collect, isBun } from './collect.ts';

const { O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

/** Memory with a size that can change. */
function changeable(of: ArrayBufferConstructor | SharedArrayBufferConstructor): ArrayBuffer {
  return Reflect.construct(of, [1, { maxByteLength: 1_000_000 }]) as ArrayBuffer;
}

function transfer(buffer: ArrayBuffer): ArrayBuffer {
  return structuredClone(buffer, { transfer: [buffer] });
}

/** Refused at once and in a job, before the call that stands first is made. */
async function refuses(t: TestContext, write: () => unknown[], message: RegExp): Promise<void> {
  const folder = newFolder(t);
  const [mkdir] = numbered([['mkdir', join(folder, 'made'), 0o700]]);
  for (const callback of [undefined, () => assert.fail('performed')])
    assert.throws(() => addon.chain([mkdir, ...numbered([write()])], callback), message);
  await sleep(10);
  assert.deepEqual(readdirSync(folder), []);
}

/** Runs code in a thread of its own, with `addon`, `operations`, `folder` and `say`; what it said. */
async function inThread(source: string, folder: string): Promise<unknown> {
  const setup = `
    const { parentPort, workerData: { file, folder } } = require('node:worker_threads');
    const addon = require(file);
    const { operations } = addon;
    const say = (what) => parentPort.postMessage(what);`;
  const worker = new Worker(`${setup}${source}`, { eval: true, workerData: { file: addonFile, folder } });
  return new Promise((done, fail) => {
    worker.once('message', done).once('error', fail);
  });
}

describe('bytes that the native part writes', withAddon, () => {
  it('are refused if their memory was transferred', (t) =>
    refuses(
      t,
      () => {
        const bytes = new Uint8Array(8);
        transfer(bytes.buffer);
        return ['write', -1, bytes];
      },
      /transferred/,
    ));

  it('are refused if their memory can be resized', async (t) => {
    for (const of of [ArrayBuffer, SharedArrayBuffer])
      await refuses(t, () => ['write', -1, new Uint8Array(changeable(of))], /resized/);
  });

  it('are refused if a getter transfers their memory, after they have been read', async (t) => {
    const folder = newFolder(t);
    const bytes = new Uint8Array(8);
    const [mkdir, write, last] = numbered([
      ['mkdir', join(folder, 'made'), 0o700],
      ['write', -1, bytes],
      ['fsync', -1],
    ]) as [unknown[], unknown[], unknown[]];
    let kept;
    Object.defineProperty(last, 1, {
      get() {
        kept = transfer(bytes.buffer);
        return -1;
      },
    });
    assert.throws(() => addon.chain([mkdir, write, last]), /transferred/);
    assert.ok(kept !== undefined);
    assert.deepEqual(readdirSync(folder), []);
  });

  it('are refused if a hook transfers their memory when the job is made', async (t) => {
    if (isBun) return t.skip('Bun has no hooks for jobs');
    const folder = newFolder(t);
    const bytes = new Uint8Array(8);
    const kept: ArrayBuffer[] = [];
    const hook = createHook({
      init(_id, type) {
        if (type === 'untorn') kept.push(transfer(bytes.buffer));
      },
    });
    const links = numbered([
      ['mkdir', join(folder, 'made'), 0o700],
      ['write', -1, bytes],
    ]);
    hook.enable();
    try {
      assert.throws(() => addon.chain(links, () => assert.fail('performed')), /transferred/);
    } finally {
      hook.disable();
    }
    await sleep(10);
    assert.deepEqual([kept.length, readdirSync(folder)], [1, []]);
  });

  it('stay where they are while a job uses them, even if nobody else has them; and go after it', async (t) => {
    const pipe = join(newFolder(t), 'pipe');
    run('mkfifo', pipe);
    const size = 32_768;
    const gone: number[] = [];
    const registry = new FinalizationRegistry((id: number) => gone.push(id));
    const perform = (id: number) =>
      new Promise<Outcome>((done) => {
        const bytes = new Uint8Array(size).fill(id);
        registry.register(bytes, id);
        // It waits in its thread until somebody reads from the pipe.
        const links = numbered([
          ['open', pipe, O_WRONLY, 0],
          ['write', -1, bytes],
          ['close', -1],
        ]);
        addon.chain(links, done);
      });
    const job = perform(97);
    for (let round = 0; round < 5; round++) {
      await sleep(10);
      collect();
      for (let i = 0; i < 100; i++) new Uint8Array(size).fill(98);
    }
    assert.deepEqual(gone, []);
    const reader = openSync(pipe, O_RDONLY | O_NONBLOCK);
    t.after(() => closeSync(reader));
    resultsOf(await job);
    const found = Buffer.alloc(size);
    assert.equal(readSync(reader, found), size);
    assert.ok(found.every((byte) => byte === 97));
    for (let round = 0; round < 50 && gone.length === 0; round++) {
      await sleep(10);
      collect();
    }
    assert.deepEqual(gone, [97]);
  });
});

describe('the statuses of the native part', withAddon, () => {
  it('are those of the latest outcome, in the order of their links', async (t) => {
    const folder = newFolder(t);
    const source = `
      const sizes = () => [0, 1, 2].map((at) => new Float64Array(addon.statuses)[at * 12 + 4]);
      const { writeFileSync } = require('node:fs');
      for (const size of [1, 2, 3]) writeFileSync(folder + '/' + size, 'x'.repeat(size));
      const stat = (size) => [operations.stat, folder + '/' + size];
      const found = [];
      addon.chain([stat(3), [operations.fsync, -1]]);
      found.push(sizes());
      addon.chain([stat(1), stat(2), stat(3)]);
      found.push(sizes());
      addon.chain([stat(2)]);
      found.push(sizes());
      addon.chain([stat(3), stat(3)], () => say([...found, sizes()]));`;
    assert.deepEqual(await inThread(source, folder), [
      [3, 0, 0],
      [1, 2, 3],
      [2, 2, 3],
      [3, 3, 3],
    ]);
  });

  it('are refused once their memory is gone, before a call is made', async (t) => {
    const folder = newFolder(t);
    const source = `
      structuredClone(addon.statuses, { transfer: [addon.statuses] });
      const mkdir = (name) => [operations.mkdir, folder + '/' + name, 0o700];
      let refused;
      try {
        addon.chain([mkdir('never'), [operations.stat, folder]]);
      } catch (error) {
        refused = error.message;
      }
      addon.chain([mkdir('other')], (outcome) => say([refused, outcome]));`;
    assert.deepEqual(await inThread(source, folder), ['The memory for statuses is gone', [0, undefined]]);
    assert.deepEqual(readdirSync(folder), ['other']);
  });

  it('do not keep an outcome if their memory goes while the job is under way', async (t) => {
    const folder = newFolder(t);
    const source = `
      addon.chain([[operations.stat, folder], [operations.fsync, -1]], (outcome) => say(outcome));
      structuredClone(addon.statuses, { transfer: [addon.statuses] });`;
    assert.deepEqual(await inThread(source, folder), [9, undefined]);
  });
});
