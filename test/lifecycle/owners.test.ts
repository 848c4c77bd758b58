import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync as plainWrite } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Worker } from 'node:worker_threads';
import {
  openPending,
  recover,
  sweep,
  sweepSync,
  transaction,
  updateFile,
  updateFileSync,
  writeFile,
  type SweepResult,
} from 'untorn';
import { afterwards } from '../support/afterwards.ts';
import { ask, missing, start } from '../support/child.ts';
import { newFolder } from '../support/folder.ts';
import { environment, needsRoot, needsTools } from '../support/needs.ts';
import { run } from '../support/run.ts';
import { scratch } from '../support/scratch.ts';
import { partsOf, withParts } from '../support/stale.ts';

/** A program that has a temporary file open, and ends when it is told to. */
const open = `
  import { openPending } from 'untorn';
  await openPending(process.argv[1]);
  console.log('ready');
  process.stdin.once('data', () => process.kill(process.pid, 'SIGKILL'));
`;
/** One that holds a lock. */
const hold = `
  import { updateFile } from 'untorn';
  await updateFile(process.argv[1], () => new Promise((resolve) => {
    console.log('ready');
    process.stdin.once('data', () => resolve('held'));
  }), 'utf8');
`;
const swept = `
  import { sweep } from 'untorn';
  const { removed, kept } = await sweep(process.argv[1], { olderThan: 3600000 });
  console.log(JSON.stringify([removed.length, kept.map(({ reason }) => reason)]));
`;

const worlds: Record<string, readonly string[]> = {
  'in another time namespace': ['unshare', '--time', '--boottime', '100000', '--fork'],
  'that has no /proc': [
    'unshare',
    '--mount',
    '--pid',
    '--fork',
    'sh',
    '-c',
    'mount -t tmpfs none /proc && exec "$@"',
    'sh',
  ],
  'that has a boot id of its own, as in systemd-nspawn': [
    'unshare',
    '--mount',
    'sh',
    '-c',
    'f=$(mktemp) && cat /proc/sys/kernel/random/uuid > $f && mount --bind $f /proc/sys/kernel/random/boot_id && rm $f && exec "$@"',
    'sh',
  ],
};

for (const [where, under] of Object.entries(worlds)) {
  const needed = missing(under[0] as string, ...under.slice(1), 'true');

  describe(`a process ${where}`, { skip: needed }, () => {
    const here = scratch();

    it('keeps its temporary files while it lives, and takes those of others for alive (G10)', async () => {
      const program = start(open, [here.at('file')], { under });
      await program.line();
      for (const { removed, kept } of [
        await sweep(here.folder, { olderThan: 3_600_000 }),
        sweepSync(here.folder, { olderThan: 3_600_000 }),
      ])
        assert.deepEqual([removed, kept.map(({ reason }) => reason)], [[], ['young']]);
      // Another one like it.
      assert.deepEqual(await ask(swept, [here.folder], { under }), [0, ['young']]);
      program.process.stdin.end('end\n');
      await program.ended;
      await sweep(here.folder, { olderThan: 0 });
      assert.deepEqual(here.names(), []);
      const outside = await openPending(here.at('other'));
      assert.deepEqual(await ask(swept, [here.folder], { under }), [0, ['young']]);
      await outside.discard();
    });

    it('keeps its locks while it lives, and takes those of others for held (G8)', async () => {
      const program = start(hold, [here.at('file')], { under });
      await program.line();
      const options = { lock: { timeout: 200 } };
      await assert.rejects(
        updateFile(here.at('file'), () => 'taken', options),
        { code: 'ERR_LOCK_TIMEOUT' },
      );
      assert.throws(() => updateFileSync(here.at('file'), () => 'taken', options), { code: 'ERR_LOCK_TIMEOUT' });
      program.process.stdin.end('end\n');
      assert.deepEqual([(await program.ended).status, here.text('file')], [0, 'held']);
      await updateFile(here.at('file'), async () => {
        const code = await ask(
          `
          import { updateFile } from 'untorn';
          console.log(JSON.stringify(await updateFile(process.argv[1], () => 'taken', { lock: { timeout: 200 } }).then(() => 'taken', ({ code }) => code)));
        `,
          [here.at('file')],
          { under },
        );
        return String(code);
      });
      assert.equal(here.text('file'), 'ERR_LOCK_TIMEOUT');
    });

    it('knows its own files and locks (G10)', async () => {
      const own = await ask<unknown>(
        `
        import { openPending, sweep, sweepSync, updateFile } from 'untorn';
        await openPending(process.argv[1] + '/file');
        await updateFile(process.argv[1] + '/locked', async () => {
          const results = [await sweep(process.argv[1], { olderThan: 0 }), sweepSync(process.argv[1], { olderThan: 0 })];
          console.log(JSON.stringify(results.map(({ removed, kept }) => [removed.length, kept.map(({ reason }) => reason)])));
          return 'new';
        });
      `,
        [here.folder],
        { under },
      );
      assert.deepEqual(own, [
        [0, ['alive', 'alive']],
        [0, ['alive', 'alive']],
      ]);
    });
  });
}

/** A directory on a new ext4 filesystem with files that were last changed when this kernel was not running yet. */
function oldFiles(t: TestContext, folder: string, names: readonly string[]): string | undefined {
  if (!needsRoot(t) || !needsTools(t, 'mke2fs', 'debugfs', 'mount', 'umount')) return undefined;
  const [source, image, point] = ['source', 'image', 'point'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const one of [source, point]) mkdirSync(one);
  for (const name of names) plainWrite(join(source, name), 'half');
  run('truncate', '-s', '16M', image);
  run('mke2fs', '-q', '-t', 'ext4', '-d', source, image);
  const fields = ['atime', 'mtime', 'ctime'];
  const commands = names
    .flatMap((name) => fields.map((field) => `set_inode_field ${name} ${field} 20200101`))
    .join('\n');
  const { status, stderr } = spawnSync('debugfs', ['-w', '-f', '-', image], {
    input: commands,
    env: environment,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  const mounted = spawnSync('mount', ['-o', 'loop', image, point], { encoding: 'utf8', env: environment });
  if (mounted.status !== 0) {
    t.skip(`cannot mount: ${mounted.stderr.trim()}`);
    return undefined;
  }
  afterwards(t, () => run('umount', '-l', point));
  return point;
}

describe('what was there before another boot', () => {
  it('goes where only one kernel can have had it, and if that was booted since (G10)', async (t) => {
    const folder = newFolder(t);
    const at = (name: string): string => join(folder, name);
    const pending = await openPending(at('file'));
    const own = basename(pending.temporaryPath.toString());
    await pending.discard();
    const { booted } = partsOf(own);
    const seconds = Number.parseInt(booted, 36);
    assert.ok(seconds > 1_600_000_000, booted);
    const boot = '00000000';
    const before = withParts(own, { boot, booted: (seconds - 1000).toString(36) });
    // A container with a boot id of its own on this kernel, one that does not say, and a machine with the same name and
    // id.
    const unclear = [booted, '0', (seconds - 30).toString(36)].map((since) => withParts(own, { boot, booted: since }));
    const other = withParts(own, { host: '00000000', boot, booted: (seconds - 1000).toString(36) });
    const names = [before, ...unclear, other];
    const point = oldFiles(t, folder, names);
    if (point === undefined) return;
    const options = { olderThan: Infinity, dryRun: true };
    for (const { removed, kept } of [await sweep(point, options), sweepSync(point, options)]) {
      assert.deepEqual(
        [removed, kept.map(({ path, reason }) => `${basename(path.toString())} ${reason}`).toSorted()],
        [[join(point, before)], [...unclear, other].map((name) => `${name} young`).toSorted()],
      );
    }
    for (const name of ['merged', 'tmpfs']) mkdirSync(at(name));
    if (spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', at('tmpfs')], { env: environment }).status !== 0)
      return t.skip('cannot mount tmpfs');
    afterwards(t, () => run('umount', '-l', at('tmpfs')));
    for (const name of ['upper', 'work']) mkdirSync(at(`tmpfs/${name}`));
    const { status } = spawnSync(
      'mount',
      [
        '-t',
        'overlay',
        'overlay',
        '-o',
        `lowerdir=${point},upperdir=${at('tmpfs/upper')},workdir=${at('tmpfs/work')}`,
        at('merged'),
      ],
      { env: environment },
    );
    if (status !== 0) return t.skip('cannot mount an overlay');
    afterwards(t, () => run('umount', '-l', at('merged')));
    const shared = await sweep(at('merged'), { olderThan: Infinity });
    assert.deepEqual([shared.removed, shared.kept.length], [[], names.length], 'an overlay may lie over anything');
  });
});

describe('a thread that has ended', { skip: process.platform !== 'linux' && 'threads cannot be seen here' }, () => {
  const here = scratch();

  /** Runs code in a thread until it says something. */
  async function thread(source: string): Promise<Worker> {
    const worker = new Worker(
      `import('untorn').then(async (untorn) => { const { parentPort, workerData } = await import('node:worker_threads'); ${source} });`,
      { eval: true, workerData: here.folder },
    );
    await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    return worker;
  }

  it('leaves temporary files that are known to be of a dead one, while its process lives (G10)', async () => {
    const worker = await thread(
      `await untorn.openPending(workerData + '/file'); setInterval(() => undefined, 3600000); parentPort.postMessage('open');`,
    );
    const running = await sweep(here.folder, { olderThan: 0 });
    assert.deepEqual([running.removed, running.kept.map(({ reason }) => reason)], [[], ['alive']]);
    await worker.terminate();
    const ended = await sweep(here.folder);
    assert.deepEqual([ended.removed.length, ended.kept, here.names()], [1, [], []]);
  });

  it('leaves a transaction that is recovered, while its process lives (G9, G10)', async () => {
    const staging = `untorn.transaction(async (tx) => { await tx.writeFile(workerData + '/file', 'new'); parentPort.postMessage('staged'); await new Promise((resolve) => setInterval(resolve, 3600000)); });`;
    const worker = await thread(staging);
    const running = await recover(here.folder, { olderThan: 0 });
    assert.deepEqual([running.removed, running.kept.map(({ reason }) => reason)], [[], ['alive']]);
    await worker.terminate();
    assert.deepEqual([(await recover(here.folder)).removed.length, here.names()], [1, []]);
    await transaction((tx) => tx.writeFile(here.at('file'), 'next'));
    assert.deepEqual([here.text('file'), here.names()], ['next', ['file']]);
  });

  it('leaves names that fit, and that nothing but their random part tells from a live one (G10)', async () => {
    const long = 'x'.repeat(200);
    await writeFile(here.at(long), 'old');
    const worker = await thread(
      `untorn.updateFile(workerData + '/${long}', async () => { parentPort.postMessage('locked'); await new Promise((resolve) => setInterval(resolve, 3600000)); });`,
    );
    const entries = readdirSync(here.folder, { recursive: true, encoding: 'utf8' }).map((name) => basename(name));
    for (const name of entries) if (name !== long) assert.ok(Buffer.byteLength(name) <= 143, name);
    const entry = entries.find((name) => name.startsWith('untorn-l-')) ?? '';
    assert.notEqual(partsOf(entry).thread, '0');
    await worker.terminate();
    const result: SweepResult = await sweep(here.folder);
    assert.deepEqual([result.removed.length, here.names()], [1, [long]]);
  });
});
