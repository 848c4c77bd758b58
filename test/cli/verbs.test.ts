import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Folder, endHeld, heldFilter, script, start, untorn, type Ended } from './untorn.ts';

let folder: Folder;
beforeEach(() => {
  folder = new Folder();
});
afterEach(async () => {
  await endHeld();
  folder.remove();
});

function run(...given: string[]): Promise<Ended> {
  return untorn(given, { cwd: folder.path });
}

const quiet = { stdout: '', stderr: '', signal: null };

describe('untorn copy', () => {
  it('copies a file, and says what it did', async () => {
    writeFileSync(folder.at('from'), 'content');
    chmodSync(folder.at('from'), 0o600);
    assert.deepEqual(await run('copy', 'from', 'to'), { status: 0, ...quiet });
    assert.equal(folder.read('to'), 'content');
    assert.equal(statSync(folder.at('to')).mode & 0o777, 0o600);
    const { stdout } = await run('copy', '--json', '--backup', 'simple', 'from', 'to');
    const { bytes, replaced, durable, backupPath } = JSON.parse(stdout) as Record<string, unknown>;
    assert.deepEqual([bytes, replaced, durable, backupPath], [7, true, true, folder.at('to~')]);
    assert.match((await run('copy', '-v', 'from', 'to')).stderr, /^untorn: Replaced ".*to": 7 B, durable\n$/);
  });

  it('keeps what it may not replace, and tells what failed', async () => {
    writeFileSync(folder.at('from'), 'content');
    writeFileSync(folder.at('to'), 'old');
    const { status, stderr } = await run('copy', '-n', 'from', 'to');
    assert.deepEqual([status, stderr], [3, 'untorn: "to" exists already and is untouched\n']);
    const missing = await run('copy', 'missing', 'to');
    assert.equal(missing.status, 1);
    assert.match(missing.stderr, /^untorn: Cannot copy "missing" to "to": no such file or directory \(ENOENT\)/);
    assert.equal(folder.read('to'), 'old');
  });
});

describe('untorn rename', () => {
  it('renames a file, and makes parents', async () => {
    writeFileSync(folder.at('from'), 'content');
    assert.deepEqual(await run('rename', '-p', 'from', 'a/to'), { status: 0, ...quiet });
    assert.equal(folder.read('a/to'), 'content');
    const { stdout } = await run('rename', '--json', 'a/to', 'back');
    assert.deepEqual(JSON.parse(stdout), {
      path: folder.at('back'),
      from: folder.at('a/to'),
      replaced: false,
      durable: true,
    });
  });

  it('keeps what it may not replace, and tells what failed', async () => {
    writeFileSync(folder.at('from'), 'content');
    writeFileSync(folder.at('to'), 'old');
    assert.equal((await run('rename', '--no-overwrite', 'from', 'to')).status, 3);
    const { status, stdout } = await run('rename', '--json', 'missing', 'to');
    const { error } = JSON.parse(stdout) as { error: Record<string, unknown> };
    assert.deepEqual([status, error['code'], error['outcome']], [1, 'ENOENT', 'old']);
    assert.deepEqual(folder.names(), ['from', 'to']);
  });
});

describe('untorn remove', () => {
  it('removes a file, or only a version of it', async () => {
    writeFileSync(folder.at('file'), 'content');
    const conflict = await run('remove', '--if-match', '0'.repeat(64), 'file');
    assert.equal(conflict.status, 3);
    assert.deepEqual(await run('remove', 'file'), { status: 0, ...quiet });
    assert.equal((await run('remove', 'file')).status, 1);
    const { stdout, status } = await run('remove', '--force', '--json', 'file');
    assert.deepEqual(
      [status, JSON.parse(stdout)],
      [0, { path: folder.at('file'), removed: false, superseded: false, durable: true }],
    );
  });
});

describe('untorn link', { skip: process.platform === 'win32' && 'links need a privilege on Windows' }, () => {
  it('replaces a link to a directory', async () => {
    for (const one of ['one', 'two']) {
      mkdirSync(folder.at(one));
      assert.deepEqual(await run('link', '--quiet', one, 'current'), { status: 0, ...quiet });
      assert.equal(readlinkSync(folder.at('current')), one);
    }
    assert.equal((await run('link', '-n', 'one', 'current')).status, 3);
    assert.equal((await run('link', 'one', 'two')).status, 1);
  });
});

describe('untorn append', () => {
  it('appends lines, and keeps a torn end aside', async () => {
    const append = (input: string, ...given: string[]): Promise<Ended> =>
      untorn(['append', ...given, 'log'], { cwd: folder.path, input });
    assert.deepEqual(await append('one\ntwo\n'), { status: 0, ...quiet });
    writeFileSync(folder.at('log'), 'one\ntw');
    const { stderr, status } = await append('three\n');
    assert.equal(status, 0);
    assert.match(stderr, /^untorn: Warning: the torn end of ".*log" \(2 B\) was cut off; it is kept in ".*"\n$/);
    assert.equal(folder.read('log'), 'one\nthree\n');
    const { stdout } = await append('four\n', '--json');
    const { bytes, created, torn, durable } = JSON.parse(stdout) as Record<string, unknown>;
    assert.deepEqual([bytes, created, torn, durable], [5, false, null, true]);
  });

  it('refuses what is no line', async () => {
    for (const [input, why] of [
      ['', 'is empty'],
      ['no end', 'does not end with a newline'],
    ] as const) {
      const { status, stderr } = await untorn(['append', 'log'], { cwd: folder.path, input });
      assert.deepEqual(
        [status, stderr],
        [1, `untorn: Standard input ${why}, and a record is a line; "log" is untouched\n`],
      );
    }
    assert.deepEqual(folder.names(), []);
  });
});

describe('untorn lock', () => {
  it('runs a command with its standard streams, and gives its exit status', async () => {
    const cat = script('process.stdin.pipe(process.stdout); process.exitCode = 7;');
    const { status, stdout, stderr } = await untorn(['lock', 'file', '--', ...cat], {
      cwd: folder.path,
      input: 'content',
    });
    assert.deepEqual([status, stdout, stderr], [7, 'content', `untorn: "${process.execPath}" exited with 7\n`]);
    assert.equal((await run('lock', 'file', '--', ...script(''))).status, 0);
    assert.equal((await run('lock', 'file', '--', './missing')).status, 127);
    assert.deepEqual(folder.names(), []);
  });

  it('excludes an edit, and waits for one', async () => {
    writeFileSync(folder.at('file'), 'old');
    const held = await heldFilter((filter) => start(['edit', 'file', '--', ...filter], { cwd: folder.path }));
    const busy = await run('lock', '--lock-timeout', '0', 'file', '--', ...script('console.log("ran")'));
    assert.deepEqual([busy.status, busy.stdout], [120, '']);
    held.letGo();
    await held.ended;
    const inside = await heldFilter((command) => {
      const running = start(['lock', 'file', '--', ...command], { cwd: folder.path });
      running.child.stdin?.end();
      return running;
    });
    const edit = await run('edit', '--lock-timeout', '0', 'file', '--', ...script('console.log("x")'));
    assert.equal(edit.status, 120);
    inside.letGo();
    assert.equal((await inside.ended).status, 0);
    assert.equal(folder.read('file'), 'old, held');
  });
});

describe('untorn write --temporary-directory', () => {
  it('makes the temporary file there', async () => {
    mkdirSync(folder.at('aside'));
    const given = ['write', '--temporary-directory', 'aside', 'file'];
    assert.equal((await untorn(given, { cwd: folder.path, input: 'content' })).status, 0);
    assert.equal(folder.read('file'), 'content');
    const missing = ['write', '--temporary-directory', 'missing', 'file'];
    const { status, stderr } = await untorn(missing, { cwd: folder.path, input: 'new' });
    assert.equal(status, 1);
    assert.match(stderr, /the directory for temporary files, ".*missing", does not exist/);
    assert.equal(folder.read('file'), 'content');
  });
});

describe('untorn edit --retries', () => {
  it('runs the filter again', async () => {
    writeFileSync(folder.at('file'), '1');
    const meddling = script(
      `const fs = require('node:fs'); const old = Number(fs.readFileSync(0, 'utf8'));
       if (old === 1) fs.writeFileSync(${JSON.stringify(folder.at('file'))}, '100'); console.log(old + 1);`,
    );
    assert.equal((await run('edit', 'file', '--', ...meddling)).status, 123);
    writeFileSync(folder.at('file'), '1');
    assert.equal((await run('edit', '--retries', '1', 'file', '--', ...meddling)).status, 0);
    assert.equal(folder.read('file'), '101\n');
    assert.equal((await run('edit', '--retries', 'x', 'file', '--', ...meddling)).status, 122);
  });
});
