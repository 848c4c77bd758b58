import assert from 'node:assert/strict';
import { spawnSync, type SpawnOptions } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  linkSync,
  lstatSync,
  mkdirSync,
  chmodSync,
  chownSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Folder, main, script, start, untorn, type Ended } from './untorn.ts';

const windows = process.platform === 'win32';
const posix = windows ? 'Windows has no such permissions, owners or links for everybody' : false;
const root = process.getuid?.() === 0;

// Both commands take the same options to the same effect.
for (const command of ['write', 'run'] as const) {
  describe(`options of untorn ${command}`, () => {
    let folder: Folder;
    beforeEach(() => {
      folder = new Folder();
      writeFileSync(folder.at('file'), 'old', { mode: 0o640 });
    });
    afterEach(() => folder.remove());

    async function put(options: readonly string[], { file = 'file', content = 'new' } = {}): Promise<Ended> {
      const setting = { cwd: folder.path, input: content };
      return command === 'write'
        ? untorn(['write', ...options, file], setting)
        : untorn(['run', ...options, file, '--', ...script('process.stdin.pipe(process.stdout)')], setting);
    }

    async function putWell(
      options: readonly string[],
      where: { file?: string; content?: string } = {},
    ): Promise<Ended> {
      const ended = await put(options, where);
      assert.equal(ended.status, 0, ended.stderr);
      return ended;
    }

    function modeOf(name: string): number {
      return statSync(folder.at(name)).mode & 0o7777;
    }

    it('--durability chooses what a power cut leaves', async () => {
      for (const [level, durable] of [
        ['full', true],
        ['normal', false],
        ['off', false],
      ] as const) {
        const { stdout } = await putWell(['--json', '--durability', level]);
        const result = JSON.parse(stdout) as { durable: boolean | string };
        assert.ok(
          result.durable === durable || (durable && result.durable === 'unsupported'),
          `${level}: ${result.durable}`,
        );
      }
    });

    it('--mode sets the permission bits', { skip: posix }, async () => {
      await putWell(['--mode', '604']);
      assert.equal(modeOf('file'), 0o604);
      await putWell([]);
      assert.equal(modeOf('file'), 0o604);
    });

    it('--owner takes names and numbers', { skip: posix }, async (t) => {
      const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
      // A user need not have a name.
      const name = readFileSync('/etc/passwd', 'utf8')
        .split('\n')
        .map((line) => line.split(':'))
        .find((fields) => fields[2] === `${uid}`)?.[0];
      if (name === undefined) t.diagnostic(`user ${uid} has no name: only numbers`);
      else await putWell(['--owner', name]);
      await putWell(['--owner', `${uid}:${gid}`]);
      await putWell(['--owner', `:${gid}`]);
      assert.deepEqual([statSync(folder.at('file')).uid, statSync(folder.at('file')).gid], [uid, gid]);
    });

    it('--owner is exact', { skip: posix || (root ? false : 'only root may give files away') }, async () => {
      await putWell(['--owner', '12345:54321']);
      assert.deepEqual([statSync(folder.at('file')).uid, statSync(folder.at('file')).gid], [12345, 54321]);
    });

    it(
      '--owner that is not permitted is an error',
      { skip: posix || (root ? 'root may give files away' : false) },
      async () => {
        const { status, stderr } = await put(['--owner', '0']);
        assert.equal(status, command === 'write' ? 1 : 121);
        assert.match(stderr, /EPERM/);
      },
    );

    it('--preserve says what is kept', { skip: posix }, async () => {
      utimesSync(folder.at('file'), 1000, 2000);
      await putWell(['--preserve', 'times=require,mode=off']);
      assert.equal(statSync(folder.at('file')).mtimeMs, 2_000_000);
      assert.equal(modeOf('file'), 0o666 & ~process.umask());
    });

    it('--backup simple keeps the old file beside the new one', async () => {
      await putWell(['--backup', 'simple']);
      assert.equal(folder.read('file~'), 'old');
    });

    it('--backup none keeps nothing', async () => {
      await putWell(['--backup', 'none']);
      assert.deepEqual(folder.names(), ['file']);
    });

    it('--backup numbered and --backup-limit keep the last ones', async () => {
      for (const content of ['1', '2', '3']) await putWell(['-b', 'numbered', '--backup-limit', '2'], { content });
      assert.equal(folder.read('file'), '3');
      assert.deepEqual(
        folder
          .names()
          .filter((name) => name !== 'file')
          .map((name) => folder.read(name)),
        ['1', '2'],
      );
    });

    it('--backup-path keeps the old file there, also under a name that is a kind of backup', async () => {
      await putWell(['--backup-path', 'kept']);
      assert.equal(folder.read('kept'), 'old');
      await putWell(['--backup-path', 'simple']);
      assert.deepEqual(folder.names(), ['file', 'kept', 'simple']);
    });

    it('--symlink follows, replaces or refuses a link', { skip: posix }, async () => {
      symlinkSync('file', folder.at('link'));
      await putWell([], { file: 'link' });
      assert.equal(readFileSync(folder.at('file'), 'utf8'), 'new');
      const refused = await put(['--symlink', 'refuse'], { file: 'link', content: 'newer' });
      assert.match(refused.stderr, /symbolic link/);
      assert.equal(refused.status, command === 'write' ? 1 : 121);
      await putWell(['--symlink', 'replace'], { file: 'link', content: 'newer' });
      assert.equal(lstatSync(folder.at('link')).isFile(), true);
      assert.equal(folder.read('file'), 'new');
    });

    it('--hard-link refuse refuses a file with other names', async () => {
      linkSync(folder.at('file'), folder.at('other'));
      assert.match((await put(['--hard-link', 'refuse'])).stderr, /hard links/);
      assert.equal(folder.read('file'), 'old');
      await putWell(['--hard-link', 'break']);
      assert.deepEqual([folder.read('file'), folder.read('other')], ['new', 'old']);
    });

    it('--no-overwrite creates only', async () => {
      assert.equal((await put(['-n'])).status, command === 'write' ? 3 : 123);
      await putWell(['--no-overwrite'], { file: 'other' });
      assert.deepEqual([folder.read('file'), folder.read('other')], ['old', 'new']);
    });

    it('--if-match replaces only the version that it says (G8)', async () => {
      const conflict = command === 'write' ? 3 : 123;
      const version = createHash('sha256').update('old').digest('hex');
      await putWell(['--if-match', version]);
      const { status, stderr, stdout } = await put(['--if-match', version, '--json'], { content: 'newer' });
      assert.equal(status, conflict, stderr);
      assert.equal((JSON.parse(stdout) as { error: { code: string } }).error.code, 'ERR_VERSION_CONFLICT');
      assert.deepEqual([folder.read('file'), folder.names()], ['new', ['file']]);
      assert.equal((await put(['--if-match', 'absent'])).status, conflict);
      await putWell(['--if-match', 'absent'], { file: 'other' });
    });

    it('--make-parents makes missing directories', async () => {
      assert.notEqual((await put([], { file: 'a/b/file' })).status, 0);
      await putWell(['-p'], { file: 'a/b/file' });
      assert.equal(folder.read('a/b/file'), 'new');
    });

    it('--skip-unchanged leaves the file and its times alone', async () => {
      const { ino } = statSync(folder.at('file'));
      const { stdout } = await putWell(['--skip-unchanged', '--json'], { content: 'old' });
      assert.equal((JSON.parse(stdout) as { unchanged: boolean }).unchanged, true);
      assert.equal(statSync(folder.at('file')).ino, ino);
      await putWell(['--skip-unchanged']);
      assert.equal(folder.read('file'), 'new');
    });

    it('--json prints the result, and --verbose tells it', async () => {
      const { stdout } = await putWell(['--json', '--backup', 'simple']);
      const { path, bytes, replaced, atomic, backupPath } = JSON.parse(stdout) as Record<string, unknown>;
      assert.deepEqual([bytes, replaced, atomic], [3, true, true]);
      assert.match(`${String(path)} ${String(backupPath)}`, /file .*file~$/);
      assert.match((await putWell(['-v'])).stderr, /^untorn: Replaced ".*file": 3 B(, durable)?\n$/);
    });

    it('--tee also copies the data to standard output', async () => {
      const { stdout } = await putWell(['--tee']);
      assert.deepEqual([stdout, folder.read('file')], ['new', 'new']);
    });

    it('--help is shown even where the rest is wrong', async () => {
      assert.match((await untorn([command, '--help', '--mode', 'x'])).stdout, /^Usage: untorn/);
    });
  });
}

describe('untorn without the native part', () => {
  it('warns that attributes may be lost unless --quiet or told not to keep them', { skip: posix }, () => {
    const folder = new Folder();
    try {
      const path = folder.at('file');
      const warnings = [[], ['--quiet'], ['--preserve', 'xattr=off']].map((options) => {
        writeFileSync(path, 'old');
        const { status, stderr } = spawnSync(process.execPath, [main, 'write', ...options, path], {
          input: 'new',
          encoding: 'utf8',
          env: { ...process.env, UNTORN_NATIVE: 'off' },
        });
        return [status, stderr];
      });
      const warning = `untorn: Warning: "${path}" is replaced, but could not be given the old file's extended attributes\n`;
      assert.deepEqual(warnings, [
        [0, warning],
        [0, ''],
        [0, ''],
      ]);
    } finally {
      folder.remove();
    }
  });
});

describe('--in-place-fallback', () => {
  it('writes into a file whose directory one may not write, and warns unless --quiet', { skip: posix }, async (t) => {
    const folder = new Folder();
    try {
      const ids = root ? { uid: 65_534, gid: 65_534 } : {};
      mkdirSync(folder.at('directory'));
      mkdirSync(folder.at('home'));
      writeFileSync(folder.at('directory/file'), 'old');
      if (root) for (const name of ['', 'directory/file', 'home']) chownSync(folder.at(name), 65_534, 65_534);
      chmodSync(folder.at('directory'), 0o555);
      const setting = {
        cwd: folder.path,
        env: { ...process.env, HOME: folder.at('home'), XDG_STATE_HOME: folder.at('home') },
        input: 'new',
        ...ids,
      };
      const why = await whyNotRunnable(setting);
      if (why !== undefined) return t.skip(`another user cannot run this copy: ${why}`);
      assert.equal((await untorn(['write', 'directory/file'], setting)).status, 1);
      const { status, stderr, stdout } = await untorn(
        ['write', '--in-place-fallback', '--json', 'directory/file'],
        setting,
      );
      assert.equal(status, 0, stderr);
      assert.match(stderr, /^untorn: Warning: .* was written in place/);
      assert.equal((JSON.parse(stdout) as { atomic: boolean }).atomic, false);
      assert.equal((await untorn(['write', '--in-place-fallback', '--quiet', 'directory/file'], setting)).stderr, '');
      assert.equal(folder.read('directory/file'), 'new');
    } finally {
      chmodSync(folder.at('directory'), 0o755);
      folder.remove();
    }
  });
});

/**
 * Why a user cannot run the command here; undefined if so. Neither Node.js nor the package may be where others can
 * enter.
 */
async function whyNotRunnable(setting: SpawnOptions): Promise<string | undefined> {
  try {
    const { status, stderr } = await start(['--version'], setting).ended;
    return status === 0 ? undefined : stderr;
  } catch (error) {
    return String(error);
  }
}
