/** Jobs of the thread pool: very many, those of threads that end, and what becomes of descriptors. */
import assert from 'node:assert/strict';
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { closeSync, constants, fstatSync, openSync, readdirSync, readlinkSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { newFolder } from '../support/folder.ts';
import { run } from '../support/run.ts';
import { addonFile, emulator, inArrays, inJob, resultsOf, withAddon } from './addon.ts';
import { collect, isBun } from './collect.ts';

const { O_CREAT, O_RDONLY, O_RDWR, O_WRONLY } = constants;

/** Sanitizers keep freed memory for a while, and find what is never freed in their own way. */
const sanitizers = process.env['UNTORN_NATIVE_SANITIZERS'];

/** What the process's descriptors lead to, of what is in a folder. */
function openIn(folder: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return path.startsWith(folder) ? [path.slice(folder.length + 1)] : [];
    } catch {
      return []; // That of readdirSync itself.
    }
  });
}

/** A thread that runs code with `chain`, `constants`, `folder` and `say`. */
function thread(source: string, folder: string): Worker {
  const setup = `
    const { parentPort, workerData: { file, folder } } = require('node:worker_threads');
    const { constants } = require('node:fs');
    const chain = (${inArrays})(require(file));
    const say = (what) => parentPort.postMessage(what);`;
  return new Worker(`${setup}${source}`, { eval: true, workerData: { file: addonFile, folder } });
}

function message(worker: Worker): Promise<unknown> {
  return new Promise((done, fail) => {
    worker.once('message', done).once('error', fail);
  });
}

function exit(worker: Worker): Promise<number> {
  return new Promise((done) => {
    worker.once('exit', done);
  });
}

/** Runs a program that has `chain` and `folder`. */
function program(source: string, folder: string, before: readonly string[] = []): SpawnSyncReturns<string> {
  const setup = `const chain = (${inArrays})(require(${JSON.stringify(addonFile)}));
    const folder = ${JSON.stringify(folder)};`;
  const [command, ...args] = [...before, ...emulator, process.execPath, '-e', setup + source];
  const env = { ...process.env, ...(sanitizers === undefined ? {} : { LD_PRELOAD: sanitizers }) };
  return spawnSync(command, args, { encoding: 'utf8', timeout: 60_000, env });
}

describe('jobs of the native part', withAddon, () => {
  it('are performed 10,000 at once, and leave no memory and no descriptor behind', async (t) => {
    const folder = newFolder(t);
    const bytes = Buffer.alloc(100, 'x');
    const round = async () => {
      const outcomes = await Promise.all(
        Array.from({ length: 10_000 }, (_, id) =>
          inJob(
            ['open', join(folder, `file-${id % 100}`), O_WRONLY | O_CREAT, 0o600],
            ['write', -1, bytes],
            ['fstat', -1],
            ['close', -1],
          ),
        ),
      );
      for (const outcome of outcomes) assert.equal(resultsOf(outcome)[1], 100);
      collect();
      return process.memoryUsage.rss();
    };
    // The engine grows by itself at first; by then it does not any more.
    for (let i = 0; i < 6; i++) await round();
    const before = await round();
    for (let i = 0; i < 4; i++) await round();
    const grown = (await round()) - before;
    assert.deepEqual(openIn(folder), []);
    if (sanitizers === undefined) assert.ok(grown < 15_000_000, `the process grew by ${grown} bytes`);
  });

  it('fail one by one where no descriptor is left, and succeed again later', async (t) => {
    const folder = newFolder(t);
    const { stdout } = program(
      `const opened = [];
      for (;;) {
        const [errno, fd] = chain([['open', folder, 0, 0]]);
        if (errno !== 0) { console.log(errno); break; }
        opened.push(fd);
      }
      for (const fd of opened) chain([['close', fd]]);
      chain([['open', folder, 0, 0], ['close', -1]], ([errno]) => console.log(errno));`,
      folder,
      ['sh', '-c', 'ulimit -n 60; exec "$@"', 'sh'],
    );
    assert.equal(stdout, `${osConstants.errno.EMFILE}\n0\n`);
  });

  it('of a thread that is terminated come to their end, and what they opened is closed', async (t) => {
    if (isBun) return t.skip('Bun does not wait for the jobs of a thread that it terminates');
    const folder = newFolder(t);
    const pipe = join(folder, 'pipe');
    run('mkfifo', pipe);
    for (let i = 0; i < 5; i++) {
      const worker = thread(
        `chain([['open', folder + '/other', constants.O_WRONLY | constants.O_CREAT, 0o600]]);
        // It waits in its thread until somebody writes to the pipe.
        chain([['open', folder + '/pipe', constants.O_RDONLY, 0], ['fsync', -1]], () => say('too late'));
        say('begun');`,
        folder,
      );
      assert.equal(await message(worker), 'begun');
      assert.deepEqual(openIn(folder), ['other']);
      let said;
      worker.once('message', (what) => (said = what));
      const ended = worker.terminate();
      await sleep(20);
      const writer = openSync(pipe, O_RDWR);
      await ended;
      closeSync(writer);
      assert.deepEqual([said, openIn(folder)], [undefined, []]);
    }
  });

  it('of threads that are terminated at any time do no harm, and leave nothing open', async (t) => {
    const folder = newFolder(t);
    for (let i = 0; i < 12; i++) {
      const workers = Array.from({ length: 3 }, (_, id) =>
        thread(
          `const bytes = Buffer.alloc(1000);
          const flags = constants.O_WRONLY | constants.O_CREAT;
          let count = 0;
          const next = () => {
            const path = folder + '/file-${id}-' + count++;
            chain([['open', path, flags, 0o600], ['write', -1, bytes], ['fstat', -1]], ([, fd]) => {
              chain([['close', fd], ['unlink', path]], next);
            });
            if (count % 7 === 0) chain([['open', folder, 0, 0]]);
          };
          for (let i = 0; i < 100; i++) next();
          say('begun');`,
          folder,
        ),
      );
      await Promise.all(workers.map(message));
      await sleep(i * 3);
      await Promise.all(workers.map((worker) => worker.terminate()));
      // In Bun nobody is told of the end of a job whose thread was terminated.
      if (!isBun) assert.deepEqual(openIn(folder), []);
    }
  });

  it('of a thread that ends by itself are waited for, and what it left open is closed', async (t) => {
    const folder = newFolder(t);
    const worker = thread(
      `for (const name of ['one', 'two']) chain([['open', folder + '/' + name, constants.O_CREAT, 0o600]]);
      chain([['open', folder + '/three', constants.O_CREAT, 0o600], ['close', -1]], (outcome) => say(outcome[0]));`,
      folder,
    );
    const ended = exit(worker);
    assert.equal(await message(worker), 0);
    await ended;
    assert.deepEqual([readdirSync(folder).toSorted(), openIn(folder)], [['one', 'three', 'two'], []]);
  });

  it('of a thread never close what it has closed itself, and others have opened since', async (t) => {
    const folder = newFolder(t);
    const worker = thread(
      `const open = ['open', folder + '/file', constants.O_CREAT, 0o600];
      const [, one] = chain([open]);
      const [, two] = chain([open]);
      const [, failing] = chain([open]);
      chain([['close', one]], () => {
        chain([['close', two]]);
        require('node:fs').closeSync(failing);
        chain([['close', failing]]);
        say([one, two, failing]);
      });
      parentPort.once('message', () => parentPort.close());`,
      folder,
    );
    const ended = exit(worker);
    const numbers = (await message(worker)) as number[];
    const mine = Array.from({ length: 20 }, () => openSync(folder, O_RDONLY));
    assert.ok(numbers.every((fd) => mine.includes(fd)));
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has no origin
    worker.postMessage('end');
    await ended;
    for (const fd of mine) {
      fstatSync(fd);
      closeSync(fd);
    }
  });

  it('have a callback that may throw', async (t) => {
    const folder = newFolder(t);
    const { stdout, status } = program(
      `process.on('uncaughtException', (error) => console.log('uncaught', error.message));
      const mkdir = (name) => ['mkdir', folder + '/' + name, 0o700];
      chain([mkdir('one')], () => { throw new Error('mine'); });
      chain([mkdir('two')], (outcome) => { Promise.resolve().then(() => console.log('microtask')); process.nextTick(() => console.log('tick')); });
      setTimeout(() => chain([mkdir('three')], ([errno]) => console.log('three', errno)), 50);`,
      folder,
    );
    assert.equal(status, 0);
    assert.deepEqual(stdout.trim().split('\n').toSorted(), ['microtask', 'three 0', 'tick', 'uncaught mine']);
  });

  it('do not keep a process that exits', async (t) => {
    const folder = newFolder(t);
    const { status, stderr } = program(
      `for (let i = 0; i < 1000; i++)
        chain([['mkdir', folder + '/' + i, 0o700], ['stat', folder]], () => { if (i === 10) process.exit(7); });`,
      folder,
    );
    assert.deepEqual([status, stderr], [7, '']);
  });
});
