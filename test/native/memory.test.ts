/** The memory that the native part shares with the program: bytes that are written, and the outcome. */
import assert from 'node:assert/strict';
import { createHook } from 'node:async_hooks';
import { closeSync, constants, openSync, readdirSync, readSync, writeFileSync } from 'node:fs';
import { constants as system } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { newFolder } from '../support/folder.ts';
import { run } from '../support/run.ts';
import { addon, addonFile, atOnce, codeOf, flat, inArrays, inJob, resultsOf, withAddon, type Link } from './addon.ts';
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
async function refuses(t: TestContext, write: () => Link, message: RegExp): Promise<void> {
  const folder = newFolder(t);
  const links = flat(['mkdir', join(folder, 'made'), 0o700], write());
  for (const callback of [undefined, () => assert.fail('performed')])
    assert.throws(() => addon.chain(callback, ...links), message);
  await sleep(10);
  assert.deepEqual(readdirSync(folder), []);
}

/** Runs code in a thread of its own, with `addon`, `chain`, `folder` and `say`; what it said. */
async function inThread(source: string, folder: string): Promise<unknown> {
  const setup = `
    const { parentPort, workerData: { file, folder } } = require('node:worker_threads');
    const addon = require(file);
    const chain = (${inArrays})(addon);
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
    const other = new Uint8Array(8);
    let kept;
    Object.defineProperty(other.buffer, 'resizable', {
      get() {
        kept = transfer(bytes.buffer);
        return false;
      },
    });
    const links = flat(['mkdir', join(folder, 'made'), 0o700], ['write', -1, bytes], ['write', -1, other]);
    assert.throws(() => addon.chain(undefined, ...links), /transferred/);
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
    const links = flat(['mkdir', join(folder, 'made'), 0o700], ['write', -1, bytes]);
    hook.enable();
    try {
      assert.throws(() => addon.chain(() => assert.fail('performed'), ...links), /transferred/);
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
    const perform = (id: number) => {
      const bytes = new Uint8Array(size).fill(id);
      registry.register(bytes, id);
      // It waits in its thread until somebody reads from the pipe.
      return inJob(['open', pipe, O_WRONLY, 0], ['write', -1, bytes], ['close', -1]);
    };
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

describe('the outcome of the native part', withAddon, () => {
  it('has the statuses in the order of their links', async (t) => {
    const folder = newFolder(t);
    const source = `
      const sizes = () => [0, 1, 2].map((at) => new Float64Array(addon.outcome)[258 + at * 12 + 4]);
      const { writeFileSync } = require('node:fs');
      for (const size of [1, 2, 3]) writeFileSync(folder + '/' + size, 'x'.repeat(size));
      const stat = (size) => ['stat', folder + '/' + size];
      const found = [];
      chain([stat(3), ['fsync', -1]]);
      found.push(sizes());
      chain([stat(1), stat(2), stat(3)]);
      found.push(sizes());
      chain([stat(2)]);
      found.push(sizes());
      chain([stat(3), stat(3)], () => say([...found, sizes()]));`;
    assert.deepEqual(await inThread(source, folder), [
      [3, 0, 0],
      [1, 2, 3],
      [2, 2, 3],
      [3, 3, 3],
    ]);
  });

  it('is refused once its memory is gone, before a call is made', async (t) => {
    const folder = newFolder(t);
    const source = `
      structuredClone(addon.outcome, { transfer: [addon.outcome] });
      const refused = [];
      for (const callback of [undefined, () => say('performed')])
        try {
          chain([['mkdir', folder + '/never', 0o700]], callback);
        } catch ({ code, message }) {
          refused.push(code + ': ' + message);
        }
      setTimeout(() => say(refused), 10);`;
    const refused = 'ERR_INVALID_ARG_TYPE: The memory for outcomes is gone';
    assert.deepEqual(await inThread(source, folder), [refused, refused]);
    assert.deepEqual(readdirSync(folder), []);
  });

  it('is refused if a getter transfers its memory', async (t) => {
    const folder = newFolder(t);
    const source = `
      const bytes = new Uint8Array(1);
      const get = () => {
        structuredClone(addon.outcome, { transfer: [addon.outcome] });
        return false;
      };
      Object.defineProperty(bytes.buffer, 'resizable', { get });
      try {
        chain([['mkdir', folder + '/never', 0o700], ['write', -1, bytes]]);
      } catch ({ message }) {
        say(message);
      }`;
    assert.equal(await inThread(source, folder), 'The memory for outcomes is gone');
    assert.deepEqual(readdirSync(folder), []);
  });

  it('is lost if its memory goes while the job is under way, and the callback is called', async (t) => {
    const folder = newFolder(t);
    const source = `
      addon.chain((...args) => say([args, addon.outcome.byteLength]), addon.operations.stat, folder, undefined, undefined);
      structuredClone(addon.outcome, { transfer: [addon.outcome] });`;
    assert.deepEqual(await inThread(source, folder), [[undefined], 0]);
  });

  it('has the bytes that are not empty in an array, if there are any', async (t) => {
    const path = join(newFolder(t), 'file');
    writeFileSync(path, '');
    const fd = openSync(path, O_RDONLY);
    t.after(() => closeSync(fd));
    const set = (value: Uint8Array) => atOnce(['setxattr', fd, 'user.one', value]);
    if (codeOf(set(new Uint8Array(0))) === 'ENOTSUP') return t.skip('needs a filesystem with extended attributes');
    const get = flat(['getxattr', fd, 'user.one'], ['fsync', fd], ['getxattr', fd, 'user.one'], ['fsync', -1]);
    const { EBADF } = system.errno;
    const numbers = new Float64Array(addon.outcome, 0, 5);
    assert.equal(addon.chain(undefined, ...get), undefined);
    assert.deepEqual([...numbers], [3, EBADF, 0, 0, 0]);
    set(Buffer.from('abc'));
    const value = Buffer.from('abc');
    assert.deepEqual(addon.chain(undefined, ...get), [value, value]);
    assert.deepEqual([...numbers], [3, EBADF, 3, 0, 3]);
    const given = (values: unknown[]) =>
      new Promise((done) => {
        addon.chain((...args: unknown[]) => done(args), ...values);
      });
    assert.deepEqual(await given(get), [[value, value]]);
    assert.deepEqual(await given(flat(['fsync', fd])), [undefined]);
  });
});
