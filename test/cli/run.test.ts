import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Folder, script, shell, start, untorn } from './untorn.ts';

const posix = process.platform === 'win32' ? 'needs a POSIX shell' : false;

describe('untorn run', () => {
  let folder: Folder;
  beforeEach(() => {
    folder = new Folder();
    writeFileSync(folder.at('file'), 'old');
  });
  afterEach(() => folder.remove());

  function run(command: readonly string[], options: readonly string[] = [], input = ''): ReturnType<typeof untorn> {
    return untorn(['run', ...options, 'file', '--', ...command], { cwd: folder.path, input });
  }

  function assertUntouched(): void {
    assert.equal(folder.read('file'), 'old');
    assert.deepEqual(folder.names(), ['file']);
  }

  it("replaces the file with the command's output", async () => {
    const { status, stdout, stderr } = await run(script('console.log("new"); console.error("on standard error")'));
    assert.deepEqual([status, stdout, stderr], [0, '', 'on standard error\n']);
    assert.equal(folder.read('file'), 'new\n');
    assert.deepEqual(folder.names(), ['file']);
  });

  it('gives the command its standard input', async () => {
    assert.equal((await run(script('process.stdin.pipe(process.stdout)'), [], 'from standard input')).status, 0);
    assert.equal(folder.read('file'), 'from standard input');
  });

  it('lets the command read the old file, and passes its arguments on', async () => {
    const command = script('process.stdout.write(require("fs").readFileSync("file") + process.argv.slice(1).join())');
    assert.equal((await run([...command, '--', '--tee', '-x', 'a b'])).status, 0);
    assert.equal(folder.read('file'), 'old--tee,-x,a b');
  });

  it('lets the command open /dev/stdout by name', { skip: posix }, async () => {
    const { status, stderr } = await run(['sh', '-c', 'echo new > /dev/stdout']);
    assert.deepEqual([status, stderr], [0, '']);
    assert.equal(folder.read('file'), 'new\n');
  });

  it('leaves the file alone when the command fails, and has its status', async () => {
    const { status, stderr } = await run(script('console.log("new"); process.exitCode = 7'));
    assert.equal(status, 7);
    assert.match(stderr, /^untorn: ".*" exited with 7; "file" is untouched\n$/);
    assertUntouched();
  });

  it('does not wait for the output of a command that failed', { skip: posix }, async () => {
    const running = start(['run', 'file', '--', 'sh', '-c', 'exec 3<&0; cat <&3 & exit 9'], { cwd: folder.path });
    // The process that was left behind waits for input until then.
    await new Promise((resolve) => running.child.once('exit', resolve));
    running.child.stdin?.end();
    assert.equal((await running.ended).status, 9);
    assertUntouched();
  });

  it('has 128 and the signal as its status when the command is killed', { skip: posix }, async () => {
    const { status, stderr } = await run(['sh', '-c', 'echo new; kill -9 $$']);
    assert.equal(status, 137);
    assert.match(stderr, /killed by SIGKILL/);
    assertUntouched();
  });

  it('has status 127 when the command is not found', async () => {
    // A directory in PATH that may not be searched would make it 126, as with env(1).
    const { status } = await untorn(['run', 'file', '--', 'no-such-command-of-untorn'], {
      cwd: folder.path,
      env: { ...process.env, PATH: folder.path },
    });
    assert.equal(status, 127);
    assertUntouched();
  });

  it('has status 126 when the command cannot be run', { skip: posix }, async () => {
    writeFileSync(folder.at('program'), '#!/bin/sh\n');
    chmodSync(folder.at('program'), 0o644);
    mkdirSync(folder.at('directory'));
    assert.equal((await run(['./program'])).status, 126);
    assert.equal((await run(['./directory'])).status, 126);
    assert.equal(folder.read('file'), 'old');
  });

  it(
    'waits for what a command that exited with 0 left in the background, and has its output too',
    { skip: posix },
    async () => {
      const orphan = 'while kill -0 $$ 2>/dev/null; do :; done; echo orphan; cat <&3';
      const running = start(['run', '--tee', 'file', '--', 'sh', '-c', `exec 3<&0; (${orphan}) & echo early`], {
        cwd: folder.path,
      });
      await running.said('orphan');
      assert.equal(folder.read('file'), 'old');
      running.child.stdin?.end('late\n');
      assert.equal((await running.ended).status, 0);
      assert.equal(folder.read('file'), 'early\norphan\nlate\n');
    },
  );

  it('waits for a command that closes its output before it fails', { skip: posix }, async () => {
    assert.equal((await run(['sh', '-c', 'echo new; exec >&-; cat > /dev/null; exit 5'])).status, 5);
    assertUntouched();
  });

  it('does not run the command when the file cannot be replaced', async () => {
    const command = script('require("fs").writeFileSync("trace", "")');
    assert.equal((await run(command, ['--no-overwrite'])).status, 123);
    const { status } = await untorn(['run', 'missing/file', '--', ...command], { cwd: folder.path });
    assert.equal(status, 121);
    assertUntouched();
  });

  it('stops the command when the disk is full', { skip: posix }, async () => {
    const { status, stderr } = await shell(`ulimit -f 8; $untorn run file -- cat /dev/zero`, { cwd: folder.path });
    assert.equal(status, 121);
    assert.match(stderr, /EFBIG/);
    assertUntouched();
  });

  it('works where no FIFO can be made', async () => {
    const { status } = await untorn(['run', 'file', '--', ...script('console.log("new")')], {
      cwd: folder.path,
      env: { ...process.env, TMPDIR: '/dev/null' },
    });
    assert.equal(status, 0);
    assert.equal(folder.read('file'), 'new\n');
  });
});
