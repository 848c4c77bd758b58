import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Folder, script, untorn } from './untorn.ts';
import { replacing } from '../support/replacing.ts';

/** Makes calls of node:fs fail as a bad disk or a network filesystem would. */
function breaking(body: string): string {
  return `${replacing}
    const real = { ...fs }; const eio = Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO', errno: -5, syscall: 'fsync' });
    let renamed = false; ${body}; syncBuiltinESMExports();`;
}

const directorySyncFails = breaking(
  `fs.fsync = (fd, done) => real.fstat(fd, (_, status) => status.isDirectory() ? done(eio) : real.fsync(fd, done))`,
);
const fileSyncFails = breaking(`fs.fsync = (fd, done) => done(eio)`);
const nobodyKnows = breaking(`fs.rename = (from, to, done) => { renamed = true; done(eio); };
  fs.lstat = (...given) => renamed ? given.at(-1)(eio) : real.lstat(...given)`);

describe('exit codes', () => {
  let folder: Folder;
  beforeEach(() => {
    folder = new Folder();
    writeFileSync(folder.at('file'), 'old');
  });
  afterEach(() => folder.remove());

  const cases: [number, string, string[], string | undefined, string][] = [
    [0, 'done', [], undefined, 'new'],
    [1, 'failed, the old content is in place', [], fileSyncFails, 'old'],
    [2, 'wrong usage', ['--unknown'], undefined, 'old'],
    [3, 'conflict', ['--no-overwrite'], undefined, 'old'],
    [4, 'the new content is in place but not confirmed durable (G3)', [], directorySyncFails, 'new'],
    [5, 'what the file holds is unknown', [], nobodyKnows, 'old'],
  ];
  const noDirectorySync = process.platform === 'win32' ? 'a directory cannot be synced on Windows' : false;

  for (const [code, meaning, options, preload, content] of cases) {
    const skip = code === 4 && noDirectorySync;
    it(`write: ${code} when ${meaning}`, { skip }, async () => {
      const { status, stderr } = await untorn(['write', ...options, folder.at('file')], {
        input: 'new',
        ...(preload !== undefined && { preload }),
      });
      assert.equal(status, code, stderr);
      assert.equal(folder.read('file'), content);
      assert.match(stderr, code === 0 ? /^$/ : /^untorn: .*\n$/);
    });

    it(`run: ${code === 0 ? 0 : code + 120} when ${meaning}`, { skip }, async () => {
      const command = script('process.stdout.write("new")');
      const { status, stderr } = await untorn(['run', ...options, folder.at('file'), '--', ...command], {
        ...(preload !== undefined && { preload }),
      });
      assert.equal(status, code === 0 ? 0 : code + 120, stderr);
      assert.equal(folder.read('file'), content);
    });
  }

  it('--json says what failed', async () => {
    const failed = await untorn(['write', '--json', folder.at('file')], { input: 'new', preload: directorySyncFails });
    const { error } = JSON.parse(failed.stdout) as { error: object };
    assert.deepEqual({ ...error, message: '' }, { message: '', code: 'EIO', outcome: 'new', step: 'sync directory' });
  });

  it("--json says a command's status", async () => {
    const failed = await untorn(['run', '--json', folder.at('file'), '--', ...script('process.exitCode = 3')]);
    const { error } = JSON.parse(failed.stdout) as { error: object };
    assert.deepEqual({ ...error, message: '' }, { message: '', code: null, outcome: 'old', step: null, status: 3 });
  });
});

describe('wrong usage', () => {
  const wrong: [string[], RegExp][] = [
    [[], /A command is missing; try "untorn --help"/],
    [['wirte'], /"wirte" is not a command \(did you mean "write"\?\); try "untorn --help"/],
    [['--wrong'], /"--wrong" is not an option/],
    [['write'], /FILE is missing; try "untorn write --help"/],
    [['write', ''], /FILE is empty/],
    [['write', '-'], /"\.\/-"/],
    [['write', 'a', 'b'], /"b" is too many/],
    [['write', '--wrong', 'a'], /"--wrong" is not an option; try "untorn write --help"/],
    [['write', '--tee=yes', 'a'], /--tee takes no value/],
    [['write', 'a', '--mode'], /--mode needs a value/],
    [['write', 'a', '--mode', '999'], /--mode must be one to four octal digits, not "999"/],
    [['write', 'a', '--mode', '600', '--mode', '644'], /--mode is given more than once/],
    [['write', 'a', '--durability', 'some'], /--durability must be full, normal or off, not "some"/],
    [['write', 'a', '--symlink', 'x'], /--symlink/],
    [['write', 'a', '--hard-link', 'x'], /--hard-link/],
    [['write', 'a', '--owner', ':'], /--owner must be/],
    [['write', 'a', '--owner', 'no-such-user-here'], /There is no user "no-such-user-here"/],
    [['write', 'a', '--owner', ':no-such-group-here'], /There is no group/],
    [['write', 'a', '--owner', '4294967295'], /must be from 0/],
    [['write', 'a', '--preserve', 'color'], /--preserve takes/],
    [['write', 'a', '--backup', 'x'], /--backup must be/],
    [['write', 'a', '--backup-limit', '0'], /--backup-limit/],
    [['write', 'a', '--backup', 'simple', '--backup-limit', '2'], /goes with/],
    [['write', 'a', '--backup', 'simple', '--backup-path', 'b'], /cannot be combined/],
    [['write', 'a', '--tee', '--json'], /use one of them/],
    [['write', 'a', '--if-match', 'new'], /--if-match must be a SHA-256/],
    [['write', 'a', '--if-match', 'absent', '--in-place-fallback'], /cannot be combined/],
    [['edit', 'a'], /The command to run is missing/],
    [['edit', 'a', '--lock-timeout', '10', '--', 'cat'], /--lock-timeout must be a number with a unit/],
    [['edit', 'a', '--no-overwrite', '--', 'cat'], /"--no-overwrite" is not an option/],
    [['write', 'a', '--quiet', '--verbose'], /contradict/],
    [['commit'], /TARGET=SOURCE is missing/],
    [['commit', 'a'], /"a" must be TARGET=SOURCE/],
    [['commit', '=b'], /The TARGET of "=b" is empty/],
    [['commit', 'a=-', 'b=-'], /Standard input can be read only once/],
    [['commit', 'a=b', '--manifest', 'x', '--manifest', 'y'], /more than once/],
    [['recover'], /DIR is missing/],
    [['recover', '.', '--older-than', '3'], /--older-than must be/],
    [['sweep'], /DIR is missing/],
    [['sweep', '.', '--older-than', '3'], /--older-than must be/],
    [['help', 'wirte'], /"wirte" is not a command \(did you mean "write"\?\); try "untorn --help"/],
  ];
  for (const [given, expected] of wrong) {
    it(`is told in one line: untorn ${given.join(' ')}`, async () => {
      const { status, stdout, stderr } = await untorn(given);
      assert.equal(status, given[0] === 'edit' ? 122 : 2);
      if (!given.includes('--json')) assert.equal(stdout, '');
      assert.match(stderr, expected);
      assert.match(stderr, /^untorn: [^\n]*; try "untorn [^\n]*--help"\n$/);
    });
  }

  it('of run has a code of its own', async () => {
    const { status, stderr } = await untorn(['run', 'file', 'command']);
    assert.equal(status, 122);
    assert.match(stderr, /The command to run is missing; put it after "--"/);
    assert.match(
      (await untorn(['run', 'file', 'sh', '-c', 'echo'])).stderr,
      /The command to run is missing; put it after "--"/,
    );
    assert.match((await untorn(['run', 'file'])).stderr, /The command to run is missing; put it after "--"/);
  });
});
