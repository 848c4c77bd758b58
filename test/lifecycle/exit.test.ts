import assert from 'node:assert/strict';
import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { sweep } from 'untorn';
import { missing, run, start } from '../support/child.ts';
import { scratch } from '../support/scratch.ts';
import { replacing } from '../support/replacing.ts';

const prelude = `
  import { readdirSync } from 'node:fs';
  import { dirname } from 'node:path';
  import { atomicWrite, createWriteStream, openPending, openPendingSync, writeFile } from 'untorn';
  const path = process.argv[1];
  const temporaries = () => readdirSync(dirname(path)).filter((name) => name.includes('untorn-')).length;
  /** Says that a temporary file is there, and stays. */
  const ready = async () => {
    while (temporaries() === 0) await new Promise(setImmediate);
    console.log('ready');
  };
  setInterval(() => {}, 1000);
`;

/**
 * An asynchronous write, a source, pending files, a callback and a stream, each in the middle and with a temporary
 * file.
 */
const middles = `
  const stalled = async function* () { yield 'half'; await new Promise(() => {}); };
  writeFile(path, stalled()).catch(() => {});
  atomicWrite(path, async (file) => { await file.write('half'); await new Promise(() => {}); }).catch(() => {});
  const pending = await openPending(path);
  await pending.write('half');
  openPendingSync(path).write('half');
  await new Promise((resolve) => createWriteStream(path).write('half', resolve));
  while (temporaries() < 5) await new Promise(setImmediate);
  console.log('ready');
`;

describe('the end of the process (G10)', () => {
  const here = scratch();

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    it(`by ${signal} is by that signal, leaves the old file and no temporary one`, async () => {
      writeFileSync(here.at('file'), 'old');
      const program = start(prelude + middles, [here.at('file')]);
      assert.equal(await program.line(), 'ready');
      assert.equal(here.names().length, 6);
      program.process.kill(signal);
      const ended = await program.ended;
      assert.deepEqual(
        [ended.signal, ended.status, here.names(), here.text('file')],
        [signal, null, ['file'], 'old'],
        ended.stderr,
      );
    });
  }

  const noProc = process.platform === 'linux' ? false : 'elsewhere a directory is reached by its path';
  it('leaves no temporary file that the pool makes only then, as on a slow disk', { skip: noProc }, async () => {
    const ended = await run(
      `import crypto from 'node:crypto';
      ${replacing}
      const { open } = fs;
      fs.open = (name, ...rest) => {
        if (!String(name).includes('.untorn-t-')) return open(name, ...rest);
        // All of the pool's threads are at this for longer than anybody waits at the end.
        for (let thread = 0; thread < 4; thread++) crypto.pbkdf2('a', 'b', 1_000_000, 64, 'sha512', () => undefined);
        open(name, ...rest);
        setImmediate(() => process.exit(7));
      };
      syncBuiltinESMExports();
      const { writeFile } = await import('untorn');
      await writeFile(process.argv[1], 'new');`,
      [here.at('file')],
    );
    assert.deepEqual([ended.status, here.names()], [7, []], ended.stderr);
  });

  for (const [name, end, status] of [
    ['process.exit()', 'process.exit(7)', 7],
    ['an uncaught exception', "setImmediate(() => { throw new Error('uncaught'); })", 1],
    ['an unhandled rejection', "void Promise.reject(new Error('unhandled'))", 1],
  ] as const) {
    it(`by ${name} keeps its status, leaves the old file and no temporary one`, async () => {
      writeFileSync(here.at('file'), 'old');
      const ended = await run(prelude + middles + end, [here.at('file')]);
      assert.deepEqual(
        [ended.status, ended.stdout, here.names(), here.text('file')],
        [status, 'ready', ['file'], 'old'],
        ended.stderr,
      );
    });
  }

  it('is told from success where the program waits for what never comes', async () => {
    const wait = await run(
      "import { atomicWrite } from 'untorn'; await atomicWrite(process.argv[1], () => new Promise(() => {}));",
      [here.at('file')],
    );
    assert.deepEqual([wait.status, here.names()], [13, []], wait.stderr);
    const lock = await run(
      "import { updateFile } from 'untorn'; await updateFile(process.argv[1], () => new Promise(() => {}));",
      [here.at('file')],
    );
    assert.deepEqual([lock.status, here.names()], [13, []], lock.stderr);
    for (const [code, status] of [
      ['', 0],
      ['process.exitCode = 0;', 0],
      ['process.exitCode = 4;', 4],
    ] as const) {
      const ended = await run(`import { writeFile } from 'untorn'; await writeFile(process.argv[1], 'new'); ${code}`, [
        here.at('file'),
      ]);
      assert.deepEqual([ended.status, here.text('file')], [status, 'new'], ended.stderr);
    }
  });

  it('leaves no temporary file whose opening was in the thread pool, at any moment', async () => {
    const code = `
      import { writeFile } from 'untorn';
      const [path, turns] = process.argv.slice(1);
      for (let index = 0; index < 8; index++) writeFile(path + index, Buffer.alloc(100_000)).catch(() => {});
      for (let turn = 0; turn < Number(turns); turn++) await new Promise(setImmediate);
      process.exit(3);
    `;
    const statuses = await Promise.all(
      [0, 1, 2, 3, 5, 8, 13, 21].map(async (turns) => (await run(code, [here.at('file'), String(turns)])).status),
    );
    assert.deepEqual(statuses, Array(8).fill(3));
    assert.deepEqual(
      here.names().filter((name) => name.includes('untorn-')),
      [],
    );
  });

  it("leaves the end to the program's own handler of the signal", async () => {
    const program = start(
      `${prelude}
      process.on('SIGTERM', async () => { await file.commit(); process.exit(5); });
      const file = await openPending(path); await file.write('whole'); await ready();
    `,
      [here.at('file')],
    );
    await program.line();
    program.process.kill('SIGTERM');
    const ended = await program.ended;
    assert.deepEqual(
      [ended.status, ended.signal, here.names(), here.text('file')],
      [5, null, ['file'], 'whole'],
      ended.stderr,
    );
  });

  it('comes while a temporary file is being opened also where the clock stands still', async () => {
    const ended = await run(
      `
      ${replacing}
      const { open } = fs;
      // The thread pool has no thread for it any more.
      fs.open = (path, flags, ...rest) => (flags & fs.constants.O_CREAT ? setImmediate(() => process.exit(7)) : open(path, flags, ...rest));
      syncBuiltinESMExports();
      const { writeFile } = await import('untorn');
      const now = Date.now();
      Date.now = () => now;
      await writeFile(process.argv[1], 'new');
    `,
      [here.at('file')],
      { under: ['timeout', '-s', 'KILL', '60'] },
    );
    assert.deepEqual([ended.status, here.names()], [7, []], ended.stderr);
  });

  it('lets the program live on after a signal that it handles', async () => {
    const program = start(
      `${prelude}
      process.on('SIGINT', () => console.log('handled ' + temporaries()));
      const file = await openPending(path); await file.write('whole'); await ready();
      process.stdin.once('data', async () => { await file.commit(); process.exit(0); });
    `,
      [here.at('file')],
    );
    await program.line();
    for (let times = 0; times < 2; times++) {
      program.process.kill('SIGINT');
      assert.equal(await program.line(), 'handled 1');
    }
    program.process.stdin.write('go on\n');
    assert.equal((await program.ended).status, 0);
    assert.deepEqual([here.names(), here.text('file')], [['file'], 'whole']);
  });

  it('is not taken from a signal that the program handles once, and goes on after', async () => {
    for (const steps of [
      ['once', 'open'],
      ['open', 'once'],
    ]) {
      const code = {
        once: `process.once('SIGTERM', () => console.log('handled'));`,
        open: `const file = await openPending(path); await file.write('whole');`,
      };
      const program = start(
        `${prelude} ${steps.map((name) => code[name as 'open']).join(' ')} await ready();
        process.stdin.once('data', async () => { await file.commit(); console.log(temporaries()); process.exit(); });
      `,
        [here.at('file')],
      );
      await program.line();
      program.process.kill('SIGTERM');
      assert.equal(await program.line(), 'handled');
      program.process.stdin.write('go on\n');
      assert.equal(await program.line(), '0');
      assert.deepEqual([(await program.ended).status, here.names(), here.text('file')], [0, ['file'], 'whole']);
    }
  });

  it('is not taken from a signal after which another package lets the program go on', async () => {
    const program = start(
      `${prelude}
      import { onExit } from 'signal-exit';
      onExit((code, signal) => { console.log(String(signal)); return true; });
      const file = await openPending(path); await file.write('whole'); openPendingSync(path + ' 2'); await ready();
      process.stdin.once('data', async () => { await file.commit(); process.exit(3); });
    `,
      [here.at('file')],
    );
    await program.line();
    program.process.kill('SIGTERM');
    assert.equal(await program.line(), 'SIGTERM');
    program.process.stdin.write('go on\n');
    const ended = await program.ended;
    assert.deepEqual([ended.status, here.names(), here.text('file')], [3, ['file'], 'whole'], ended.stderr);
  });

  it(
    'does not come to process 1 by a signal: it lives on with its files and locks',
    { skip: missing('unshare', '-pf', '--mount-proc', 'true') },
    async () => {
      const program = start(
        `${prelude}
      import { updateFile, createWriter } from 'untorn';
      import { setImmediate } from 'node:timers/promises';
      const file = await openPending(path);
      const state = createWriter(path + ' state', { delay: 3600000 });
      void state.write('saved');
      await file.write('whole');
      await updateFile(path + ' counter', () => new Promise((resolve) => {
        console.log('ready');
        process.stdin.once('data', async () => { await setImmediate(); await setImmediate(); resolve('counted'); });
      }), { lock: { timeout: 0 } });
      await file.commit();
      openPendingSync(path + ' 2');
      process.exit(process.pid);
    `,
        [here.at('file')],
        { under: ['unshare', '-pf', '--mount-proc'] },
      );
      await program.line();
      const { pid } = program.process;
      const within = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'));
      for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.kill(within, signal);
      program.process.stdin.write('go on\n');
      const ended = await program.ended;
      assert.deepEqual([ended.status, here.names()], [1, ['file', 'file counter', 'file state']], ended.stderr);
      assert.deepEqual(
        [here.text('file'), here.text('file counter'), here.text('file state')],
        ['whole', 'counted', 'saved'],
      );
    },
  );

  it('saves what is handed over only then, by the first write of the program', async () => {
    for (const make of [
      `const state = createWriter(path); process.on('exit', () => void state.write('last'));`,
      `process.on('exit', () => void createWriter(path, { delay: 1000 }).write('last'));`,
    ]) {
      for (const end of ['', 'process.exit();']) {
        const ended = await run(`import { createWriter } from 'untorn'; const path = process.argv[1]; ${make} ${end}`, [
          here.at('file'),
        ]);
        assert.deepEqual([ended.status, here.names(), here.text('file')], [0, ['file'], 'last'], ended.stderr);
        unlinkSync(here.at('file'));
      }
    }
  });

  it("keeps the exit status that the program's own exit handler sets, and what it wrote", async () => {
    const ended = await run(
      `${prelude}
      import { writeFileSync } from 'untorn';
      const file = await openPending(path);
      process.on('exit', () => { process.exitCode = 9; writeFileSync(path, 'at exit'); openPendingSync(path + ' 2'); });
      process.exit();
    `,
      [here.at('file')],
    );
    assert.deepEqual([ended.status, here.names(), here.text('file')], [9, ['file'], 'at exit'], ended.stderr);
  });

  it('gets along with signal-exit in another package of the same program', async () => {
    for (const order of [
      ['onExit', 'open'],
      ['open', 'onExit'],
    ]) {
      const steps = {
        onExit: `onExit((code, signal) => console.log('other ' + code + ' ' + signal));`,
        open: `const file = await openPending(path);`,
      };
      const program = start(
        `${prelude} import { onExit } from 'signal-exit'; ${order.map((name) => steps[name as 'open']).join(' ')} await ready();`,
        [here.at('file')],
      );
      await program.line();
      program.process.kill('SIGTERM');
      const ended = await program.ended;
      assert.deepEqual(
        [ended.signal, ended.stdout, here.names()],
        ['SIGTERM', 'ready\nother null SIGTERM', []],
        ended.stderr,
      );
    }
  });

  it('removes nothing that was committed', async () => {
    const ended = await run(
      `${prelude} const file = await openPending(path); await file.write('new'); await file.commit(); await writeFile(path + ' 2', 'new'); process.exit(0);`,
      [here.at('file')],
    );
    assert.equal(ended.status, 0, ended.stderr);
    assert.deepEqual(here.names(), ['file', 'file 2']);
  });

  it('does not keep the process alive for a pending file that is forgotten, and removes it', async () => {
    const ended = await run(`import { openPending } from 'untorn'; await openPending(process.argv[1]);`, [
      here.at('file'),
    ]);
    assert.equal(ended.status, 0, ended.stderr);
    assert.deepEqual(here.names(), []);
  });

  it('does not come with a write past RLIMIT_FSIZE: that fails, and the process lives', async () => {
    const ended = await run(
      `
      import { writeFile, writeFileSync } from 'untorn';
      const path = process.argv[1];
      await writeFile(path, 'old');
      for (let times = 0; times < 2; times++) {
        try { await writeFile(path, Buffer.alloc(200_000)); } catch ({ code, outcome }) { console.log(code, outcome); }
        try { writeFileSync(path, Buffer.alloc(200_000)); } catch ({ code, outcome }) { console.log(code, outcome); }
      }
    `,
      [here.at('file')],
      { under: ['prlimit', '--fsize=100000'] },
    );
    assert.deepEqual(
      [ended.status, ended.signal, ended.stdout],
      [0, null, Array(4).fill('EFBIG old').join('\n')],
      ended.stderr,
    );
    assert.deepEqual([here.names(), here.text('file')], [['file'], 'old']);
  });
});

describe('worker threads', () => {
  const here = scratch();

  it('write one file at the same time, and it is never torn (G1)', async () => {
    const ended = await run(
      `
      import { readFileSync } from 'node:fs';
      import { Worker } from 'node:worker_threads';
      import { writeFileSync } from 'untorn';
      const path = process.argv[1];
      writeFileSync(path, 'x'.repeat(50_000), { durability: 'off' });
      const code = "import { workerData } from 'node:worker_threads'; import('untorn').then(async ({ writeFile, writeFileSync }) => {" +
        "for (let index = 0; index < 50; index++) { const text = workerData.letter.repeat(50_000 + index); if (index % 2) writeFileSync(workerData.path, text, { durability: 'off' }); else await writeFile(workerData.path, text, { durability: 'off' }); } })";
      let ended = 0;
      for (const letter of 'abcd') new Worker(code, { eval: true, workerData: { path, letter } }).on('exit', (status) => { if (status !== 0) process.exit(4); ended++; });
      let reads = 0;
      while (ended < 4) {
        const text = readFileSync(path, 'utf8');
        if (text.length < 50_000 || text !== text[0].repeat(text.length)) throw new Error('torn');
        reads++;
        await new Promise(setImmediate);
      }
      console.log(reads > 0);
    `,
      [here.at('file')],
    );
    assert.deepEqual([ended.status, ended.stdout], [0, 'true'], ended.stderr);
    assert.deepEqual(here.names(), ['file']);
  });

  it('leave no temporary file when they exit, and end nothing but themselves (G10)', async () => {
    const ended = await run(
      `
      import { readdirSync } from 'node:fs';
      import { dirname } from 'node:path';
      import { Worker } from 'node:worker_threads';
      const path = process.argv[1];
      const code = "import('untorn').then(async ({ openPending }) => { await openPending(" + JSON.stringify(path) + "); process.exit(6); })";
      const status = await new Promise((resolve) => new Worker(code, { eval: true }).on('exit', resolve));
      console.log(status, readdirSync(dirname(path)).length);
    `,
      [here.at('file')],
    );
    assert.deepEqual([ended.status, ended.stdout], [0, '6 0'], ended.stderr);
  });

  it('that are terminated leave the file whole, and a temporary one at most, which a sweep removes (G1, G10)', async () => {
    const ended = await run(
      `
      import { Worker } from 'node:worker_threads';
      import { sweep, writeFileSync } from 'untorn';
      import { dirname } from 'node:path';
      import { readdirSync, readFileSync } from 'node:fs';
      const path = process.argv[1];
      writeFileSync(path, 'a'.repeat(100_000));
      const code = "import { parentPort } from 'node:worker_threads'; import('untorn').then(async ({ writeFile }) => { for (let index = 0; ; index++) { await writeFile(" + JSON.stringify(path) + ", 'ab'[index % 2].repeat(100_000), { durability: 'off' }); parentPort.postMessage(index); } })";
      for (let count = 1; count < 6; count++) {
        const worker = new Worker(code, { eval: true });
        await new Promise((resolve) => worker.on('message', (index) => index === count && resolve()));
        await worker.terminate();
        const text = readFileSync(path, 'utf8');
        if (text !== text[0].repeat(100_000)) throw new Error('torn');
      }
      await sweep(dirname(path));
      if (process.platform === 'linux') console.log(String(readdirSync(dirname(path))));
    `,
      [here.at('file')],
    );
    assert.equal(ended.status, 0, ended.stderr);
    if (process.platform === 'linux') assert.equal(ended.stdout, 'file', 'left while the process lives');
    const after = await run(
      `import { sweep } from 'untorn'; const { kept, recoverable } = await sweep(process.argv[1]); if (kept.length + recoverable.length > 0) throw new Error(JSON.stringify(kept));`,
      [here.folder],
    );
    assert.equal(after.status, 0, after.stderr);
    assert.deepEqual(here.names(), ['file']);
  });
});

describe('processes', () => {
  const here = scratch();

  it('write one file at the same time: every read is whole, and the last rename wins (G1, G7)', async () => {
    writeFileSync(here.at('file'), 'x'.repeat(60_000));
    const writers = [...'abc'].map((letter) =>
      start(
        `
      import { writeFile, writeFileSync } from 'untorn';
      const [path, letter] = process.argv.slice(1);
      for (let index = 0; index < 40; index++) {
        const text = letter.repeat(60_000 + index);
        if (index % 2) writeFileSync(path, text, { durability: 'off' });
        else await writeFile(path, text, { durability: 'off' });
      }
      console.log('done');
    `,
        [here.at('file'), letter],
      ),
    );
    let ended = false;
    const all = Promise.all(writers.map((writer) => writer.ended)).finally(() => (ended = true));
    while (!ended) {
      const text = here.text('file');
      assert.ok(text.length >= 60_000 && text === (text[0] as string).repeat(text.length), 'torn');
      await new Promise(setImmediate);
    }
    for (const { status, stderr } of await all) assert.equal(status, 0, stderr);
    assert.equal(here.text('file').length, 60_039);
    assert.deepEqual(here.names(), ['file']);
  });

  it('that is killed leaves the whole old or new file and at most one temporary file, which a sweep removes (G1, G10)', async () => {
    for (let round = 0; round < 8; round++) {
      const program = start(
        `
        import { writeFile } from 'untorn';
        const path = process.argv[1];
        for (let index = 0; ; index++) { await writeFile(path, 'ab'[index % 2].repeat(300_000), { durability: 'off' }); if (index === 2) console.log('ready'); }
      `,
        [here.at('file')],
      );
      await program.line();
      for (let turn = 0; turn < round * 5; turn++) await new Promise(setImmediate);
      program.process.kill('SIGKILL');
      assert.equal((await program.ended).signal, 'SIGKILL');
      const text = here.text('file');
      assert.equal(text, (text[0] as string).repeat(300_000));
      const left = here.names().filter((name) => name !== 'file');
      assert.ok(left.length <= 1, left.join());
      assert.deepEqual(await sweep(here.folder), { removed: left.map(here.at), kept: [], recoverable: [] });
      assert.deepEqual(here.names(), ['file']);
    }
  });
});
