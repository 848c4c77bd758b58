import assert from 'node:assert/strict';
import { createHook } from 'node:async_hooks';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, open, openSync, readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { writeFile } from 'untorn';
import { environment } from '#untorn/system/environment.js';
import { needsTools } from '../support/needs.ts';
import { scratch } from '../support/scratch.ts';

const opened = (): number => openSync('/', 'r');
const descriptors = (): number => readdirSync('/proc/self/fd').length;

/** The calls in other threads of which this one has not heard yet, of Node and of the native part. */
const unheard = new Set<number>();
createHook({
  init(id, type) {
    if (type === 'FSREQCALLBACK' || type === 'untorn') unheard.add(id);
  },
  before: (id) => void unheard.delete(id),
}).enable();

async function heardOfAll(): Promise<void> {
  const limit = performance.now() + 60_000;
  do {
    assert.ok(performance.now() < limit, 'a call in another thread does not end');
    await new Promise((resolve) => setImmediate(resolve));
  } while (unheard.size > 0);
}

describe('descriptors that another thread is to close', { skip: process.platform !== 'linux' && 'needs /proc' }, () => {
  const here = scratch();

  it('stay few in a loop that never hears of their ends, while no thread gets to close them', async (t) => {
    if (!needsTools(t, 'mkfifo')) return;
    execFileSync('mkfifo', [here.at('fifo')]);
    // Each thread of the pool waits for somebody to open the other end.
    const threads = Number(process.env['UV_THREADPOOL_SIZE'] ?? 4);
    const busy = Array.from(
      { length: threads },
      () =>
        new Promise<number>((resolve, reject) =>
          open(here.at('fifo'), 'r', (error, fd) => (error ? reject(error) : resolve(fd))),
        ),
    );
    const before = descriptors();
    for (let made = 0; made < 1000; made++) environment.release(opened(), 'elsewhere');
    const most = descriptors() - before;
    const end = openSync(here.at('fifo'), constants.O_RDWR);
    for (const fd of [...(await Promise.all(busy)), end]) closeSync(fd);
    assert.ok(most > 10 && most < 200, String(most));
  });

  it('cost a loop that never ends no more than so much memory', async () => {
    // As long as closes are under way of descriptors that nobody opens again, all others are closed here.
    await heardOfAll();
    const limit = performance.now() + 60_000;
    // On a busy machine it may take long until the other threads close anything.
    for (let made = 0; made < 10_000 || (unheard.size <= 100 && performance.now() < limit); made++)
      environment.release(opened(), 'elsewhere');
    assert.ok(unheard.size > 100 && unheard.size < 5000, String(unheard.size));
  });

  it('are all closed in the end, and counted no more', async () => {
    await heardOfAll();
    const before = descriptors();
    for (let made = 0; made < 20; made++) {
      for (let each = 0; each < 500; each++) environment.release(opened(), 'elsewhere');
      assert.ok(unheard.size > 0);
      await heardOfAll();
      assert.equal(descriptors(), before);
    }
  });

  it('are closed also while a program has stopped its clock, as tests do', async (t) => {
    await writeFile(here.at('file'), 'old');
    const before = descriptors();
    t.mock.timers.enable({ apis: ['setImmediate'] });
    for (let made = 0; made < 50; made++) await writeFile(here.at('file'), 'new');
    assert.ok(descriptors() < before + 10, `${before} and then ${descriptors()}`);
    t.mock.timers.reset();
    await heardOfAll();
  });

  it('are closed at once in a worker, which cannot see to it that they are when it ends itself', async () => {
    const source = `
      const { workerData } = require('node:worker_threads');
      import('untorn').then(({ writeFileSync }) => {
        for (let count = 0; count < 400; count++) writeFileSync(workerData, 'x'.repeat(200_000), { durability: 'off' });
        process.exit();
      });`;
    await heardOfAll();
    const before = descriptors();
    for (let worker = 0; worker < 3; worker++)
      await once(new Worker(source, { eval: true, workerData: here.at('file') }), 'exit');
    assert.equal(descriptors(), before);
  });
});
