/** All checks of one runtime: the behaviours in one process, and scenes in processes that are limited or killed. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const has = (tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status === 0;
const run = (...[command, ...args]) => spawnSync(command, args, { encoding: 'utf8' }).stdout;
const text = (path) => readFileSync(path, 'utf8');

/** A check that cannot be made here. */
class Skip extends Error {}
const needs = (...tools) => {
  for (const tool of tools) if (!has(tool)) throw new Skip(`needs ${tool}`);
};

export async function check(binary, args, consumer) {
  const folder = () => mkdtempSync(join(consumer.folder, 'data-'));
  const checks = await behaviours(binary, args('behaviours'), folder());
  const played = Object.entries(scenes).map(async ([name, play]) => {
    const own = folder();
    const file = join(own, 'file');
    writeFileSync(file, 'old');
    const start = (scene, { before = [], onLine } = {}) =>
      begin([...before, binary, ...args('scene')(own), scene, file], onLine);
    return { name, ...(await outcome(() => play({ file, start, names: () => readdirSync(own).toSorted() }))) };
  });
  return [...checks, ...(await Promise.all(played))];
}

async function outcome(perform) {
  try {
    await perform();
    return {};
  } catch (error) {
    return error instanceof Skip ? { skipped: error.message } : { failure: error.stack };
  }
}

async function behaviours(binary, args, folder) {
  const links = join(folder, 'links');
  mkdirSync(links);
  writeFileSync(join(links, 'file'), 'old');
  symlinkSync('file', join(links, 'link'));
  symlinkSync('absent', join(links, 'dangling'));
  if (spawnSync('mkfifo', [join(links, 'fifo')]).status !== 0) writeFileSync(join(links, 'fifo'), '');
  const ended = await begin([binary, ...args(folder), folder]);
  const said = ended.stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
  const failure =
    said.at(-1)?.ended === true
      ? undefined
      : `The program ended early: ${JSON.stringify({ ...ended, stdout: said.at(-1) })}`;
  return [...said.filter(({ name }) => name !== undefined), { name: 'the program ends', failure }];
}

function begin([command, ...args], onLine = () => {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 60_000,
      killSignal: 'SIGKILL',
      env: { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1' },
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (some) => {
      stdout += some;
      if (stdout.includes('\n')) onLine(child);
    });
    child.stderr.setEncoding('utf8').on('data', (some) => (stderr += some));
    child.on('error', reject).on('close', (status, signal) => resolve({ status, signal, stdout, stderr }));
  });
}

const scenes = {
  async 'EFBIG at RLIMIT_FSIZE keeps the old file'({ file, start, names }) {
    needs('prlimit');
    const { status, stdout, stderr, signal } = await start('limited', {
      before: ['prlimit', '--fsize=20000000', '--'],
    });
    assert.equal(status, 0, `${signal} ${stderr}`);
    const refused = { code: 'EFBIG', outcome: 'old' };
    assert.deepEqual(JSON.parse(stdout), [refused, refused]);
    assert.deepEqual([text(file), names()], ['old', ['file']]);
  },
  async 'process.exit() leaves no temporary file'({ file, start, names }) {
    const { status, stderr } = await start('exit');
    assert.deepEqual([status, names(), text(file)], [7, ['file'], 'old'], stderr);
  },
  async 'an uncaught exception leaves no temporary file'({ file, start, names }) {
    const { status, stderr } = await start('uncaught');
    assert.deepEqual([status, names(), text(file)], [1, ['file'], 'old'], stderr);
  },
  async 'SIGTERM ends the process and leaves no temporary file'({ file, start, names }) {
    const { signal, stderr } = await start('wait', { onLine: (child) => child.kill('SIGTERM') });
    assert.deepEqual([signal, names(), text(file)], ['SIGTERM', ['file'], 'old'], stderr);
  },
  async 'after SIGKILL sweep() removes what is left'({ file, start, names }) {
    const { signal, stderr } = await start('wait', { onLine: (child) => child.kill('SIGKILL') });
    assert.deepEqual([signal, names().length], ['SIGKILL', 5], stderr);
    const swept = await start('sweep');
    assert.deepEqual([swept.stdout.trim(), names(), text(file)], ['4', ['file'], 'old'], swept.stderr);
  },
  async 'extended attributes are kept, or notKept says so'({ file, start }) {
    needs('setfattr', 'getfattr');
    if (spawnSync('setfattr', ['-n', 'user.note', '-v', 'kept', file]).status !== 0)
      throw new Skip('this filesystem has no extended attributes');
    await kept(start, () => run('getfattr', '--only-values', '-n', 'user.note', file) === 'kept', 'xattr');
  },
  async 'an ACL is kept, or notKept says so and nobody gains rights'({ file, start }) {
    needs('setfacl', 'getfacl');
    chmodSync(file, 0o600);
    if (spawnSync('setfacl', ['-m', 'u:12345:r', file]).status !== 0) throw new Skip('this filesystem has no ACLs');
    await kept(start, () => run('getfacl', '-n', file).includes('user:12345:r--'), 'acl');
    assert.match(run('getfacl', '-n', file), /^other::---$/m);
  },
};

async function kept(start, isThere, what) {
  const { status, stdout, stderr } = await start('keep');
  assert.equal(status, 0, stderr);
  const [one, two] = JSON.parse(stdout);
  assert.deepEqual([one.code, two.code], [undefined, undefined]);
  // Once it is gone the second write has nothing to keep.
  const said = one.notKept.some((name) => name === what || name === 'xattr');
  assert.notEqual(isThere(), said, `it is ${isThere() ? '' : 'not '}there, and notKept is [${one.notKept}]`);
}
