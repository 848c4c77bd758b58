import assert from 'node:assert/strict';
import { chmodSync, chownSync, readdirSync, readFileSync, writeFileSync as plainWrite } from 'node:fs';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { updateFile, updateFileSync } from 'untorn';
import { alice, as, bob, dev, needsOrdinaryUser, needsUsers } from '../support/as-user.ts';
import { run, start } from '../support/child.ts';
import { newFolder } from '../support/folder.ts';
import { needsRoot, needsTools } from '../support/needs.ts';
import { scratch } from '../support/scratch.ts';
import { partsOf } from '../support/stale.ts';

const linux = { skip: process.platform === 'linux' ? false : 'processes and threads cannot be seen here' };
/** Longer than any test: what is waited for so long is not waited for. */
const never = 3_600_000;

/** An update that says when it holds the lock, and goes on when it is told to. Its lease is the second argument. */
const holder = `
  import { updateFile } from 'untorn';
  const [path, lease] = process.argv.slice(1);
  setInterval(() => {}, 1000);
  updateFile(path, async (old = '') => {
    console.log('held');
    await new Promise((resolve) => process.stdin.once('data', resolve));
    return old + 'first';
  }, { encoding: 'utf8', lock: { lease: Number(lease) } }).then(() => 'done', (error) => error.code + ' ' + error.outcome).then((text) => {
    console.log(text);
    process.exit(0);
  });
`;

const append = (old = ''): string => `${old}second`;

describe('a lock whose holder', () => {
  const here = scratch();

  it('is killed within its callback is free at once, and the old file stays (G8, G10)', linux, async () => {
    plainWrite(here.at('file'), 'old ');
    const program = start(holder, [here.at('file'), String(never)]);
    assert.equal(await program.line(), 'held');
    program.process.kill('SIGKILL');
    await program.ended;
    assert.equal(here.names().length, 2);
    await updateFile(here.at('file'), append, 'utf8');
    assert.deepEqual([here.text('file'), here.names()], ['old second', ['file']]);
  });

  it('is stopped for longer than its lease loses it, and nothing else is lost (G8)', linux, async () => {
    plainWrite(here.at('file'), 'old ');
    const program = start(holder, [here.at('file'), '200']);
    await program.line();
    program.process.kill('SIGSTOP');
    await updateFile(here.at('file'), append, 'utf8');
    program.process.kill('SIGCONT');
    program.process.stdin.write('go on\n');
    assert.equal(await program.line(), 'ERR_LOCK_LOST old');
    await program.ended;
    assert.deepEqual([here.text('file'), here.names()], ['old second', ['file']]);
  });

  it('lives is waited for, however short its lease (G8)', linux, async () => {
    const program = start(holder, [here.at('file'), '100']);
    await program.line();
    const second = updateFile(here.at('file'), append, 'utf8');
    await assert.rejects(updateFile(here.at('file'), append, { encoding: 'utf8', lock: { timeout: 500 } }), {
      code: 'ERR_LOCK_TIMEOUT',
    });
    program.process.stdin.write('go on\n');
    await second;
    assert.equal(await program.line(), 'done');
    assert.deepEqual([here.text('file'), here.names()], ['firstsecond', ['file']]);
  });

  it('is a zombie is free at once (G8)', linux, async (t) => {
    if (!needsTools(t, 'sh')) return;
    // Its parent never waits for it.
    const program = start(
      `import { spawn } from 'node:child_process';
      const child = spawn('sh', ['-c', '"$0" "$@" & exec sleep 1000', process.execPath, '--input-type=module', '-e', ${JSON.stringify(holder)}, ...process.argv.slice(1)], { stdio: ['pipe', 'pipe', 'inherit'] });
      child.stdout.pipe(process.stdout);
      process.stdin.once('data', () => { child.kill('SIGKILL'); process.exit(0); });`,
      [here.at('file'), String(never)],
    );
    await program.line();
    const [entry = ''] = readdirSync(here.at('.file.untorn-lock/held'));
    const pid = Number.parseInt(partsOf(entry).pid, 36);
    process.kill(pid, 'SIGKILL');
    while (!/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) await new Promise(setImmediate);
    await updateFile(here.at('file'), append, 'utf8');
    program.process.stdin.write('end\n');
    await program.ended;
    assert.deepEqual([here.text('file'), here.names()], ['second', ['file']]);
  });

  for (const [name, end, status] of [
    ['exits', 'process.exit(7)', 7],
    [
      'ends by an uncaught exception',
      "setImmediate(() => { throw new Error('uncaught'); }); await new Promise(() => {})",
      1,
    ],
    ['ends by SIGTERM', "process.kill(process.pid, 'SIGTERM'); await new Promise(() => {})", null],
  ] as const) {
    it(`${name} within its callback, or while it waits, leaves the old file and nothing else (G10)`, async () => {
      plainWrite(here.at('file'), 'old');
      const ended = await run(
        `
        import { updateFile } from 'untorn';
        const [path] = process.argv.slice(1);
        setInterval(() => {}, 1000);
        // One that holds a lock, one that waits for it, one that holds two.
        updateFile(path + ' 2', async () => {
          updateFile(path + ' 2', () => 'new');
          await updateFile(path, async () => { ${end} });
        });
      `,
        [here.at('file')],
      );
      assert.deepEqual([ended.status, here.names(), here.text('file')], [status, ['file'], 'old'], ended.stderr);
    });
  }

  it('is at any step of taking it when the process exits leaves nothing (G10)', async () => {
    const code = `
      import { updateFile } from 'untorn';
      const [path, turns] = process.argv.slice(1);
      for (let index = 0; index < 4; index++) updateFile(path + index, () => 'new').catch(() => {});
      for (let turn = 0; turn < Number(turns); turn++) await new Promise(setImmediate);
      process.exit(3);
    `;
    const turns = [0, 1, 2, 3, 4, 6, 8, 11, 15, 20];
    const statuses = await Promise.all(
      turns.map(async (count) => (await run(code, [here.at(`file ${count} `), String(count)])).status),
    );
    assert.deepEqual(
      statuses,
      turns.map(() => 3),
    );
    assert.deepEqual(
      here.names().filter((name) => name.includes('untorn-')),
      [],
    );
  });

  it(
    'is a thread that is terminated, at any of its calls, is free at once, and its update is there or not (G8, G10)',
    linux,
    async () => {
      let steps = 0;
      for (let at = 0; ; at++) {
        plainWrite(here.at('file'), 'old ');
        if (!(await terminatedAt(at, here.at('file')))) break;
        steps++;
        updateFileSync(here.at('file'), append, 'utf8');
        assert.match(here.text('file'), /^old (first )?second$/, `at call ${at}`);
        // What it had prepared to take the lock is left for a sweep: the process lives.
        assert.deepEqual(
          here.names().filter((name) => name.includes('untorn-lock')),
          [],
          `at call ${at}`,
        );
      }
      assert.ok(steps > 25, `only ${steps} calls`);
    },
  );
});

/** Ends a thread that updates a file right before its call of the system with that number; false if it makes fewer. */
async function terminatedAt(at: number, path: string): Promise<boolean> {
  const worker = new Worker(new URL('../support/stopping-worker.js', import.meta.url), { workerData: { at, path } });
  const stopped = await new Promise<boolean>((resolve, reject) => {
    worker.once('message', (text) => resolve(text === 'stopped'));
    worker.once('error', reject);
  });
  await worker.terminate();
  return stopped;
}

describe('a lock in a directory', () => {
  it('that several users may write is taken over by any of them (G8)', linux, async (t) => {
    if (!(await needsUsers(t))) return;
    const folder = newFolder(t);
    chownSync(folder, alice.uid, dev);
    chmodSync(folder, 0o2775);
    const path = `${folder}/file`;
    const first = start(holder, [path, String(never)], { under: as({ ...alice, groups: [dev] }) });
    assert.equal(await first.line(), 'held');
    first.process.kill('SIGKILL');
    await first.ended;
    const ended = await run(
      `import { updateFile } from 'untorn'; await updateFile(process.argv[1], (old = '') => old + 'second', 'utf8');`,
      [path],
      { under: as({ ...bob, groups: [dev] }) },
    );
    assert.deepEqual(
      [ended.status, readFileSync(path, 'utf8'), readdirSync(folder)],
      [0, 'second', ['file']],
      ended.stderr,
    );
  });

  it('that one may not write cannot be taken, and says so at once', async (t) => {
    const folder = newFolder(t);
    plainWrite(`${folder}/file`, 'old', { mode: 0o666 });
    const under = await needsOrdinaryUser(t);
    if (under === undefined) return;
    chmodSync(folder, 0o555);
    const ended = await run(
      `import { updateFile } from 'untorn'; await updateFile(process.argv[1], () => 'new').catch((error) => console.log(error.code, error.outcome, error.step));`,
      [`${folder}/file`],
      { under },
    );
    assert.equal(ended.stdout, 'EACCES old lock', ended.stderr);
    chmodSync(folder, 0o755);
  });
});

describe('updates across two pid namespaces', () => {
  const here = scratch();
  const inNamespace = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'];
  const counting = `
    import { updateFile } from 'untorn';
    for (let done = 0; done < 100; done++) await updateFile(process.argv[1], (old = '0') => String(Number(old) + 1), { encoding: 'utf8', durability: 'off' });
  `;

  it('lose none (G8)', linux, async (t) => {
    if (!needsRoot(t) || !needsTools(t, 'unshare')) return;
    const ended = await Promise.all(
      [{ under: inNamespace }, { under: inNamespace }, {}].map((options) => run(counting, [here.at('count')], options)),
    );
    assert.deepEqual(
      [ended.map(({ status }) => status), here.text('count'), here.names()],
      [[0, 0, 0], '300', ['count']],
      ended.map(({ stderr }) => stderr).join(''),
    );
  });

  it('wait for the lease of one that is killed (G8)', linux, async (t) => {
    if (!needsRoot(t) || !needsTools(t, 'unshare')) return;
    const program = start(holder, [here.at('file'), '300'], { under: inNamespace });
    await program.line();
    await assert.rejects(updateFile(here.at('file'), append, { encoding: 'utf8', lock: { timeout: 1000 } }), {
      code: 'ERR_LOCK_TIMEOUT',
      message: /of another pid namespace/,
    });
    program.process.kill('SIGKILL');
    await program.ended;
    await updateFile(here.at('file'), append, 'utf8');
    assert.deepEqual([here.text('file'), here.names()], ['second', ['file']]);
  });
});
