import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Folder, main, script, shell, startProgram, untorn } from './untorn.ts';

const posix = process.platform === 'win32' ? 'needs a POSIX shell' : false;
const terminal =
  posix ||
  (spawnSync('script', ['-qec', 'true', '/dev/null']).status === 0
    ? false
    : 'there is no script(1) of util-linux to make a terminal');

describe('A mistake', () => {
  let folder: Folder;
  beforeEach(() => {
    folder = new Folder();
    writeFileSync(folder.at('file'), 'old');
  });
  afterEach(() => folder.remove());

  const nothing = script('');

  it('that puts nothing in the place of something is refused by run and edit, with a code of its own', async () => {
    for (const command of ['run', 'edit']) {
      const { status, stderr } = await untorn([command, folder.at('file'), '--', ...nothing]);
      assert.deepEqual([status, folder.read('file')], [119, 'old']);
      assert.match(stderr, /printed nothing, and ".*" has content.*; --allow-empty replaces it anyway\n$/);
      const told = JSON.parse((await untorn([command, '--json', folder.at('file'), '--', ...nothing])).stdout) as {
        error: { outcome: string; code: string };
      };
      assert.deepEqual([told.error.outcome, told.error.code], ['old', 'ERR_EMPTY']);
      assert.deepEqual(folder.names(), ['file']);
      assert.deepEqual(
        [(await untorn([command, '--allow-empty', folder.at('file'), '--', ...nothing])).status, folder.read('file')],
        [0, ''],
      );
      // There is nothing to lose any more.
      assert.equal((await untorn([command, folder.at('file'), '--', ...nothing])).status, 0);
      writeFileSync(folder.at('file'), 'old');
    }
    assert.deepEqual([(await untorn(['run', folder.at('new'), '--', ...nothing])).status, folder.read('new')], [0, '']);
    assert.deepEqual(
      [(await untorn(['edit', '--create', folder.at('newer'), '--', ...nothing])).status, folder.read('newer')],
      [0, ''],
    );
  });

  it('of that kind is refused by write --no-empty', async () => {
    const { status, stderr } = await untorn(['write', '--no-empty', folder.at('file')]);
    assert.deepEqual([status, folder.read('file')], [7, 'old']);
    assert.match(stderr, /^untorn: There was nothing to write, and ".*" has content, which is untouched\n$/);
    assert.equal((await untorn(['write', '--no-empty', folder.at('file')], { input: 'new' })).status, 0);
    assert.deepEqual([(await untorn(['write', folder.at('file')])).status, folder.read('file')], [0, '']);
  });

  it('is told of a filter that edits the file itself', { skip: posix }, async () => {
    const { status, stderr } = await shell('$untorn edit file -- sed -i s/old/new/ file', { cwd: folder.path });
    assert.equal(status, 119);
    assert.match(
      stderr,
      /"sed" seems to edit the file itself; let it read standard input and print the result \(sed: without -i and the file's name\)\n$/,
    );
  });

  it('in a word is answered by what was probably meant', async () => {
    for (const [given, meant] of [
      [['wirte'], 'write'],
      [['comit'], 'commit'],
      [['help', 'recver'], 'recover'],
      [['--hlep'], '--help'],
      [['write', '--durabilty', 'off', 'file'], '--durability'],
      [['write', '--durability', 'ful', 'file'], 'full'],
      [['sweep', '--dryrun', '.'], '--dry-run'],
      [['run', '--alow-empty', 'file', '--', 'true'], '--allow-empty'],
    ] as const) {
      const { stdout, stderr } = await untorn(given);
      assert.ok(stderr.includes(` (did you mean "${meant}"?)`), stderr);
      assert.equal(stdout, '');
    }
    for (const given of [['x'], ['write', '--zzz', 'file'], ['frobnicate']])
      assert.doesNotMatch((await untorn(given)).stderr, /did you mean/);
  });

  it('of usage is told as JSON where JSON was asked for', async () => {
    for (const given of [
      ['write', '--json'],
      ['write', '--json', '--bad', 'file'],
      ['wirte', '--json'],
      ['--json', 'write', 'file'],
      ['run', '--json', 'file'],
      ['sweep', '--json', '--older-than', 'x', '.'],
    ]) {
      const { status, stdout, stderr } = await untorn(given);
      const { error } = JSON.parse(stdout) as { error: { code: string; message: string; outcome: string } };
      assert.deepEqual([error.code, error.outcome], ['ERR_USAGE', 'old']);
      assert.ok(stderr.includes(error.message));
      assert.equal(status, given[0] === 'run' ? 122 : 2);
    }
    // What is the other command's is no option of ours.
    assert.equal((await untorn(['run', '--bad', 'file', '--', 'true', '--json'])).stdout, '');
  });

  it('in names that are printed does nothing to a terminal', { skip: posix }, async () => {
    const { stderr } = await untorn(['write', folder.at('no\u001b[31mne/\u202efile')], { input: 'new' });
    assert.match(stderr, /no\\u001b\[31mne\/\\u202efile/);
  });

  it('of a unit is none: milliseconds can be said', async () => {
    assert.equal((await untorn(['sweep', '--older-than', '1500ms', folder.path])).status, 0);
    assert.equal((await untorn(['write', '--lock-timeout', '50ms', folder.at('file')], { input: 'new' })).status, 0);
    assert.match(
      (await untorn(['sweep', '--older-than', '5msec', folder.path])).stderr,
      /a number with a unit, as 500ms, 90s/,
    );
  });

  it(
    'is not to wait for what nobody said: a terminal is told that input is awaited, and not written over',
    { skip: terminal },
    async () => {
      // By this clock it is late soon; it tells when progress would have been shown.
      const clock = `
        const real = process.hrtime, { setInterval: every } = globalThis;
        process.hrtime = () => real().map((part, index) => index === 0 ? part * 1e6 : part);
        let times = 0;
        globalThis.setInterval = (show) => every(() => {
          show();
          if (++times > 1 && process.hrtime()[0] > start + 5) process.stderr.write('late\\n');
        }, 10);
        const [start] = process.hrtime();`;
      writeFileSync(folder.at('clock.cjs'), clock);
      const line = `'${process.execPath}' --require '${folder.at('clock.cjs')}' '${main}' write '${folder.at('file')}'`;
      const running = startProgram('script', ['-qec', line, '/dev/null']);
      await running.said('late');
      running.child.stdin?.write('typed\n\u0004');
      const { stdout } = await running.ended;
      assert.match(stdout, /untorn: Reads standard input until Ctrl-D/);
      // oxlint-disable-next-line no-control-regex -- what a terminal gets
      assert.doesNotMatch(stdout.slice(0, stdout.indexOf('late')), /\x1b\[K/);
      assert.equal(folder.read('file'), 'typed\n');
    },
  );
});
