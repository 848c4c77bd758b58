import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { needsOrdinaryUser } from '../support/as-user.ts';
import {
  endHeld,
  Folder,
  heldFilter,
  main,
  script,
  shell,
  start,
  startProgram,
  untorn,
  type Ended,
  type Held,
} from './untorn.ts';

const posix = process.platform === 'win32' ? 'needs a POSIX shell' : false;

/** A filter that gives its input with something after it. */
function appending(text: string): string[] {
  return script(
    `process.stdin.on('data', (data) => process.stdout.write(data)).on('end', () => process.stdout.write('${text}'))`,
  );
}

describe('untorn edit', () => {
  let folder: Folder;
  beforeEach(() => {
    folder = new Folder();
    writeFileSync(folder.at('file'), 'old');
  });
  afterEach(async () => {
    await endHeld();
    folder.remove();
  });

  function edit(filter: readonly string[], options: readonly string[] = []): Promise<Ended> {
    return untorn(['edit', ...options, 'file', '--', ...filter], { cwd: folder.path });
  }

  /** An edit that holds the lock until it is let go. */
  function held(options: readonly string[] = []): Promise<Held> {
    return heldFilter((filter) => start(['edit', ...options, 'file', '--', ...filter], { cwd: folder.path }));
  }

  function assertUntouched(): void {
    assert.equal(folder.read('file'), 'old');
    assert.deepEqual(folder.names(), ['file']);
  }

  it("replaces the file with the filter's output, made of the old content", async () => {
    const { status, stdout, stderr } = await edit(appending(' and new'));
    assert.deepEqual([status, stdout, stderr], [0, '', '']);
    assert.equal(folder.read('file'), 'old and new');
    assert.deepEqual(folder.names(), ['file']);
  });

  it('takes content of any size through the filter', async () => {
    const big = Buffer.alloc(3 << 20, 'untorn\n');
    writeFileSync(folder.at('file'), big);
    assert.equal((await edit(appending('end'))).status, 0);
    assert.equal(folder.read('file'), `${big.toString()}end`);
  });

  it('does not mind a filter that reads nothing, or only the beginning', { skip: posix }, async () => {
    writeFileSync(folder.at('file'), 'first\n'.repeat(1 << 20));
    assert.equal((await edit(['head', '-n', '1'])).status, 0);
    assert.equal(folder.read('file'), 'first\n');
    assert.equal((await edit(['echo', 'new'])).status, 0);
    assert.equal(folder.read('file'), 'new\n');
  });

  it('lets the filter open /dev/stdin by name', { skip: posix }, async () => {
    assert.equal((await edit(['cat', '/dev/stdin', '/dev/stdin'])).status, 0);
    assert.equal(folder.read('file'), 'oldold');
  });

  it('takes the options of untorn write', async () => {
    const { status, stdout } = await edit(appending('er'), ['--backup', 'simple', '--mode', '604', '--json']);
    const { path, bytes, version } = JSON.parse(stdout) as Record<string, unknown>;
    assert.deepEqual([status, bytes, folder.read('file'), folder.read('file~')], [0, 5, 'older', 'old']);
    assert.match(`${String(path)} ${String(version)}`, /file [0-9a-f]{64}$/);
    if (posix === false) assert.equal(statSync(folder.at('file')).mode & 0o777, 0o604);
    const { ino } = statSync(folder.at('file'));
    assert.equal((await edit(appending(''), ['--skip-unchanged'])).status, 0);
    assert.equal(statSync(folder.at('file')).ino, ino);
  });

  it('leaves the file alone when the filter fails, and has its status', async () => {
    const { status, stderr } = await edit(script('process.stdout.write("new"); process.exitCode = 7'));
    assert.equal(status, 7);
    assert.match(stderr, /^untorn: ".*" exited with 7; "file" is untouched\n$/);
    assertUntouched();
  });

  it(
    'leaves the file alone when the filter is killed, and has 128 and the signal as its status',
    { skip: posix },
    async () => {
      assert.equal((await edit(['sh', '-c', 'cat; kill -9 $$'])).status, 137);
      assertUntouched();
    },
  );

  it('leaves the file alone when the filter is not found', async () => {
    const { status } = await untorn(['edit', 'file', '--', 'no-such-filter-of-untorn'], {
      cwd: folder.path,
      env: { ...process.env, PATH: folder.path },
    });
    assert.equal(status, 127);
    assertUntouched();
  });

  it('leaves the file alone when the disk is full', { skip: posix }, async () => {
    const { status, stderr } = await shell('ulimit -f 8; $untorn edit file -- cat - /dev/zero', { cwd: folder.path });
    assert.equal(status, 121);
    assert.match(stderr, /EFBIG/);
    assertUntouched();
  });

  it('leaves the file alone when the reader of --tee goes away', { skip: posix }, async () => {
    const { stdout, stderr } = await shell('{ $untorn edit --tee file -- yes; echo status $? >&2; } | head -n 1', {
      cwd: folder.path,
    });
    assert.equal(stdout, 'y\n');
    assert.match(stderr, /EPIPE[^]*status 121\n$/);
    assertUntouched();
  });

  it('does not run the filter for a file that is missing, unless --create', async () => {
    const filter = [
      '--',
      ...script('process.stdout.write(`[${require("fs").readFileSync(0)}]`); console.error("ran")'),
    ];
    const refused = await untorn(['edit', 'missing', ...filter], { cwd: folder.path });
    assert.equal(refused.status, 121);
    assert.match(
      refused.stderr,
      /^untorn: Cannot edit "missing": it does not exist; --create starts with no content\n$/,
    );
    assert.deepEqual(folder.names(), ['file']);
    assert.equal(
      (await untorn(['edit', '--create', 'missing', ...filter], { cwd: folder.path, input: 'not this' })).status,
      0,
    );
    assert.equal(folder.read('missing'), '[]');
  });

  it('refuses what is no file, without waiting for anybody', { skip: posix }, async () => {
    mkdirSync(folder.at('directory'));
    for (const [path, reason] of [
      ['directory', /directory/],
      ['fifo', /FIFO/],
      ['/dev/null', /device/],
    ] as const) {
      const { status, stderr } = await shell(`mkfifo fifo 2>/dev/null; $untorn edit ${path} -- cat`, {
        cwd: folder.path,
      });
      assert.equal(status, 121, path);
      assert.match(stderr, reason);
    }
    assert.equal(statSync('/dev/null').isCharacterDevice(), true);
  });

  it('changes the file that a symbolic link leads to', { skip: posix }, async () => {
    symlinkSync('file', folder.at('link'));
    assert.equal((await untorn(['edit', 'link', '--', ...appending('er')], { cwd: folder.path })).status, 0);
    assert.equal(folder.read('file'), 'older');
  });

  it('loses no update when many edit at once (G8)', async () => {
    writeFileSync(folder.at('file'), '0');
    const adding = script('process.stdout.write(String(Number(require("fs").readFileSync(0, "utf8")) + 1))');
    const ended = await Promise.all(Array.from({ length: 12 }, () => edit(adding, ['--lock-timeout', '5m'])));
    assert.deepEqual(
      ended.map(({ status, stderr }) => [status, stderr]),
      ended.map(() => [0, '']),
    );
    assert.equal(folder.read('file'), '12');
  });

  it('waits for the lock no longer than --lock-timeout', async () => {
    const first = await held();
    const { status, stderr } = await edit(appending(''), ['--lock-timeout', '0']);
    assert.equal(status, 120);
    assert.match(stderr, /^untorn: .*\n$/);
    assert.equal(folder.read('file'), 'old');
    first.letGo();
    assert.equal((await first.ended).status, 0);
    assert.equal(folder.read('file'), 'old, held');
    assert.deepEqual(folder.names(), ['file']);
  });

  it('does not run the filter for another version than --if-match', async () => {
    const { status, stderr } = await edit(script('console.error("ran")'), ['--if-match', 'absent']);
    assert.equal(status, 123);
    assert.doesNotMatch(stderr, /ran/);
    assertUntouched();
  });

  it('waits for the lock of an edit with --if-match, and no longer than --lock-timeout', async () => {
    const first = await held();
    const { status, stderr } = await untorn(['write', '--if-match', 'absent', '--lock-timeout', '0', 'file'], {
      cwd: folder.path,
      input: 'new',
    });
    assert.equal(status, 6, stderr);
    first.letGo();
    assert.equal((await first.ended).status, 0);
    assert.equal(folder.read('file'), 'old, held');
  });

  it('gives up when another program replaced the file meanwhile: a conflict', async () => {
    const first = await held();
    assert.equal((await untorn(['write', 'file'], { cwd: folder.path, input: 'replaced' })).status, 0);
    first.letGo();
    const { status, stderr } = await first.ended;
    assert.equal(status, 123, stderr);
    assert.equal(folder.read('file'), 'replaced');
    assert.deepEqual(folder.names(), ['file']);
  });

  it('is an error for an ordinary user who may not change the directory', { skip: posix }, async (t) => {
    const user = await needsOrdinaryUser(t, folder.path, folder.at('file'));
    if (user === undefined) return;
    chmodSync(folder.path, 0o555);
    const line: string[] = [...user, process.execPath, main, 'edit', 'file', '--', 'echo', 'new'];
    const [program = '', ...given] = line;
    const asUser = (): Promise<Ended> => startProgram(program, given, { cwd: folder.path }).ended;
    const { status, stderr } = await asUser();
    chmodSync(folder.path, 0o755);
    assert.equal(status, 121, stderr);
    assert.match(stderr, /^untorn: .*\(EACCES\).*\n$/);
    assertUntouched();
    assert.equal((await asUser()).status, 0);
    assert.equal(folder.read('file'), 'new\n');
  });

  it('does not wait for ever for an edit of the same file in its filter', async () => {
    const inner = [process.execPath, main, 'edit', '--lock-timeout', '0', 'file', '--', ...appending('inner')];
    const { status, stderr } = await edit(
      script(
        `process.exitCode = require('node:child_process').spawnSync(...${JSON.stringify([inner[0], inner.slice(1)])}, { stdio: ['ignore', 'inherit', 'inherit'] }).status`,
      ),
    );
    assert.equal(status, 120, stderr);
    assertUntouched();
  });

  it('leaves no lock behind when it is killed', { skip: posix }, async () => {
    const first = await held();
    first.child.kill('SIGKILL');
    first.letGo();
    await first.ended;
    assert.equal(folder.read('file'), 'old');
    assert.equal((await edit(appending('er'), ['--lock-timeout', '5m'])).status, 0);
    assert.equal(folder.read('file'), 'older');
  });

  it('passes a signal on to the filter and ends by it', { skip: posix }, async () => {
    const first = await held();
    first.child.kill('SIGTERM');
    assert.equal((await first.ended).signal, 'SIGTERM');
    assertUntouched();
  });

  it('ends by a signal while it waits for the lock', { skip: posix }, async () => {
    const first = await held();
    const second = start(['edit', '--lock-timeout', '5m', 'file', '--', ...appending('')], {
      cwd: folder.path,
      preload: 'process.on("newListener", (event) => event === "SIGTERM" && console.error("ready"))',
    });
    await second.said('ready');
    second.child.kill('SIGTERM');
    assert.equal((await second.ended).signal, 'SIGTERM');
    first.letGo();
    assert.equal((await first.ended).status, 0);
    assert.deepEqual(folder.names(), ['file']);
  });
});
