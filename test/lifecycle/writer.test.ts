import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { run, start } from '../support/child.ts';
import { scratch } from '../support/scratch.ts';

const prelude = `
  import { createWriter, writeFile } from 'untorn';
  const path = process.argv[1];
  const never = 0x7fffffff;
`;

/** A writer with one value under way and one that waits. */
const busy = `
  const writer = createWriter(path);
  writer.write({ count: 1, ballast: 'x'.repeat(1e6) }).catch(() => {});
  writer.write({ count: 2 }).catch(() => {});
`;

/** A writer whose value waits for its delay. */
const waiting = `
  const writer = createWriter(path, { delay: never });
  writer.write({ count: 1 });
  writer.write(() => ({ count: 2 }));
`;

const ends = [
  ['an empty event loop', '', 0],
  ['process.exit()', 'process.exit(7);', 7],
  ['an uncaught exception', "setImmediate(() => { throw new Error('uncaught'); });", 1],
  ['an unhandled rejection', "void Promise.reject(new Error('unhandled'));", 1],
] as const;

describe('createWriter() at the end of the process', () => {
  const here = scratch();

  for (const [state, code] of [
    ['waits for its delay', waiting],
    ['waits for another that is under way', busy],
  ] as const) {
    for (const [end, ending, status] of ends) {
      it(`saves a value that ${state} at ${end}`, async () => {
        const ended = await run(prelude + code + ending, [here.at('file')]);
        assert.deepEqual(
          [ended.status, here.text('file'), here.names()],
          [status, '{"count":2}\n', ['file']],
          ended.stderr,
        );
      });
    }

    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      it(`saves a value that ${state} at ${signal}, and ends by it`, async () => {
        const program = start(
          `${prelude} console.log('ready'); process.stdin.once('data', () => { ${code} process.kill(process.pid, '${signal}'); });`,
          [here.at('file')],
        );
        await program.line();
        program.process.stdin.write('go on\n');
        const ended = await program.ended;
        assert.deepEqual(
          [ended.signal, ended.status, here.text('file'), here.names()],
          [signal, null, '{"count":2}\n', ['file']],
          ended.stderr,
        );
      });
    }
  }

  it('saves the newest value at process.exit() at any step of an earlier write', async () => {
    const statuses = await Promise.all(
      [0, 1, 2, 3, 4, 5, 7, 9, 12, 15, 19, 24].map(async (turns) => {
        const path = here.at(String(turns));
        const { status, stderr } = await run(
          `${prelude} ${busy} for (let turn = 0; turn < ${turns}; turn++) await new Promise(setImmediate); process.exit(3);`,
          [path],
        );
        assert.equal(stderr, '');
        assert.equal(here.text(String(turns)), '{"count":2}\n');
        return status;
      }),
    );
    assert.deepEqual(statuses, Array(statuses.length).fill(3));
    assert.deepEqual(
      here.names().filter((name) => name.includes('untorn-')),
      [],
    );
  });

  it("saves what the program's own exit handler gives it", async () => {
    for (const ending of ['', 'process.exit();']) {
      const ended = await run(
        `${prelude} process.on('exit', () => { writer.write({ count: 3 }); }); ${busy} ${ending}`,
        [here.at('file')],
      );
      assert.deepEqual([ended.status, here.text('file'), here.names()], [0, '{"count":3}\n', ['file']], ended.stderr);
    }
  });

  it("leaves the end to the program's own handler of the signal", async () => {
    const program = start(
      `${prelude}
      const writer = createWriter(path, { delay: never });
      process.on('SIGTERM', () => { writer.write('handled'); process.exit(5); });
      writer.write('before');
      setInterval(() => {}, 1000);
      console.log('ready');
    `,
      [here.at('file')],
    );
    await program.line();
    assert.deepEqual(here.names(), []);
    program.process.kill('SIGTERM');
    const ended = await program.ended;
    assert.deepEqual([ended.status, here.text('file')], [5, 'handled'], ended.stderr);
  });

  it('saves for several writers, also where one of them fails, which standard error and the exit status tell', async () => {
    const ended = await run(
      `${prelude}
      createWriter(path + '/missing/1', { delay: never }).write(1).catch(() => {});
      createWriter(path, { delay: never }).write('saved');
      process.exit();
    `,
      [here.at('file')],
    );
    assert.deepEqual([ended.status, here.text('file')], [1, 'saved']);
    assert.match(ended.stderr, /^WriteError: Cannot replace ".*missing\/1": .*\n$/);
    const seven = await run(
      `${prelude} createWriter(path + '/missing/1', { delay: never }).write(1).catch(() => {}); process.exit(7);`,
      [here.at('file')],
    );
    assert.equal(seven.status, 7);
  });

  it('tells `onError` alone, where there is one', async () => {
    const ended = await run(
      `${prelude}
      const onError = ({ code }) => console.log('heard ' + code);
      createWriter(path + '/missing/1', { delay: never, onError }).write(1);
      process.exit();
    `,
      [here.at('file')],
    );
    assert.deepEqual([ended.status, ended.stdout, ended.stderr], [0, 'heard ENOENT', '']);
  });

  it('fails loudly where a write fails that nobody awaits, and goes on where `onError` hears of it', async () => {
    const loud = await run(
      `${prelude} createWriter(path + '/missing/1').write(1); setTimeout(() => console.log('went on'), 1e6);`,
      [here.at('file')],
    );
    assert.deepEqual([loud.status, loud.stdout], [1, '']);
    assert.match(loud.stderr, /WriteError: Cannot replace/);
    const heard = await run(
      `${prelude} createWriter(path + '/missing/1', { onError: ({ code }) => console.log(code) }).write(1);`,
      [here.at('file')],
    );
    assert.deepEqual([heard.status, heard.stdout, heard.stderr], [0, 'ENOENT', '']);
  });

  it('lets a program await a value that waits for its delay', async () => {
    const ended = await run(
      `${prelude} await createWriter(path, { delay: never }).write('awaited'); console.log('done');`,
      [here.at('file')],
    );
    assert.deepEqual([ended.status, ended.stdout, here.text('file')], [0, 'done', 'awaited'], ended.stderr);
  });

  it('leaves the whole old content where the process is killed', async () => {
    writeFileSync(here.at('file'), 'old');
    const program = start(`${prelude} ${waiting} setInterval(() => {}, 1000); console.log('ready');`, [
      here.at('file'),
    ]);
    await program.line();
    program.process.kill('SIGKILL');
    assert.equal((await program.ended).signal, 'SIGKILL');
    assert.deepEqual([here.text('file'), here.names()], ['old', ['file']]);
  });

  it('saves at the end of a worker thread', async () => {
    for (const ending of ['', 'process.exit(3);']) {
      const worker = `const { createWriter } = await import('untorn'); const path = ${JSON.stringify(here.at('file'))}; const never = 0x7fffffff; ${waiting} ${ending}`;
      const ended = await run(
        `
        import { once } from 'node:events';
        import { Worker } from 'node:worker_threads';
        const [code] = await once(new Worker('(async () => {' + process.argv[1] + '})()', { eval: true }), 'exit');
        console.log(code);
      `,
        [worker],
      );
      assert.deepEqual([ended.stdout, here.text('file')], [ending === '' ? '0' : '3', '{"count":2}\n'], ended.stderr);
      writeFileSync(here.at('file'), '');
    }
  });
});
