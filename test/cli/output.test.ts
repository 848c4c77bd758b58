import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Folder, script, shell, start, untorn } from './untorn.ts';

const posix = process.platform === 'win32' ? 'needs a POSIX shell' : false;
const full = existsSync('/dev/full') ? false : 'there is no /dev/full';

describe('standard output', () => {
  let folder: Folder;
  beforeEach(() => {
    folder = new Folder();
    writeFileSync(folder.at('file'), 'old');
  });
  afterEach(() => folder.remove());

  function assertUntouched(): void {
    assert.equal(folder.read('file'), 'old');
    assert.deepEqual(folder.names(), ['file']);
  }

  it('whose reader goes away stops write --tee, and the file is untouched', { skip: posix }, async () => {
    const running = start(['write', '--tee', folder.at('file')]);
    running.child.stdin?.write('beginning');
    await running.said('beginning');
    running.child.stdout?.destroy();
    running.child.stdin?.write('more');
    // Standard input stays open: it must not be waited for.
    const { status, stderr } = await running.ended;
    assert.equal(status, 1);
    assert.match(stderr, /^untorn: Cannot write to standard output: broken pipe \(EPIPE\); ".*" is untouched\n$/);
    assertUntouched();
  });

  it('whose reader goes away stops run --tee and its command', { skip: posix }, async () => {
    const { stdout, stderr } = await shell('{ $untorn run --tee file -- yes; echo status $? >&2; } | head -n 1', {
      cwd: folder.path,
    });
    assert.equal(stdout, 'y\n');
    assert.match(stderr, /EPIPE[^]*status 121\n$/);
    assertUntouched();
  });

  it('that is full stops --tee', { skip: posix || full }, async () => {
    const { status, stderr } = await shell('echo new | $untorn write --tee file > /dev/full', { cwd: folder.path });
    assert.equal(status, 1);
    assert.match(stderr, /ENOSPC/);
    assertUntouched();
  });

  it('that is full is told after the commit, which it does not undo', { skip: posix || full }, async () => {
    for (const [command, expected] of [
      ['write --json file', 8],
      ['run --json file -- echo new', 118],
    ] as const) {
      const { status, stderr } = await shell(`echo new | $untorn ${command} > /dev/full`, { cwd: folder.path });
      assert.equal(status, expected);
      assert.match(stderr, /^untorn: It is done, but the output is lost: .*ENOSPC/);
      assert.equal(folder.read('file'), 'new\n');
    }
  });

  it('that is lost is a failure of what prints only', { skip: posix || full }, async () => {
    for (const line of [
      '--help > /dev/full',
      'sweep --json . > /dev/full',
      'recover --json . > /dev/full',
      'sweep --json . | true',
    ]) {
      const { stderr } = await shell(
        `{ $untorn ${line.replace(' |', '; echo status $? >&2; } |')}${line.includes('|') ? '' : '; echo status $? >&2; }'}`,
        { cwd: folder.path },
      );
      assert.match(stderr, /Cannot write to standard output: .*\nstatus 1\n$/, line);
    }
  });

  it(
    'that is closed is no trouble where nothing is to be printed, nor is closed standard error',
    { skip: posix },
    async () => {
      for (const options of ['', '--verbose']) {
        assert.equal(
          (await shell(`echo new | $untorn write ${options} file >&- 2>&-`, { cwd: folder.path })).status,
          0,
        );
        assert.equal(folder.read('file'), 'new\n');
      }
      if (process.platform === 'linux') {
        assert.equal((await shell('echo newest | $untorn write --tee file >&-', { cwd: folder.path })).status, 1);
        assert.equal(folder.read('file'), 'new\n');
        assert.equal((await shell('echo newest | $untorn write --json file >&-', { cwd: folder.path })).status, 8);
        assert.equal(folder.read('file'), 'newest\n');
      }
      assert.equal((await shell('$untorn run file -- echo newer >&-', { cwd: folder.path })).status, 0);
      assert.equal(folder.read('file'), 'newer\n');
    },
  );

  it('whose reader has seen enough of the help is no failure', { skip: posix }, async () => {
    const { stderr } = await shell('{ $untorn --help; echo status $? >&2; } | true');
    assert.equal(stderr, 'status 0\n');
  });
});

describe('help', () => {
  it('of the program names every command and exit code', async () => {
    const { status, stdout } = await untorn(['--help']);
    assert.equal(status, 0);
    for (const word of [
      'untorn write',
      'untorn run',
      'untorn edit',
      'untorn commit',
      'untorn sweep',
      'untorn recover',
      'untorn adopt',
      '0  done',
      '5  failed',
      '6  another',
    ])
      assert.ok(stdout.includes(word), word);
    assert.equal((await untorn(['help'])).stdout, stdout);
    const short = (await untorn(['-h'])).stdout;
    assert.ok(short.length < stdout.length / 2 && /^Commands:\n {2}write /.test(short), short);
  });

  for (const command of ['write', 'run', 'edit', 'commit', 'sweep', 'recover', 'adopt']) {
    it(`of ${command} is the same by --help and "help ${command}", and short by -h`, async () => {
      const { stdout } = await untorn(['help', command]);
      assert.match(stdout, new RegExp(`^Usage: untorn ${command} [^]*Options:[^]*Exit codes:[^]*Examples:`));
      assert.equal((await untorn([command, '--help'])).stdout, stdout);
      const short = (await untorn([command, '-h'])).stdout;
      assert.match(
        short,
        new RegExp(`^Usage: untorn ${command} [^]*Options:[^]*\n"untorn help ${command}" shows more.\n$`),
      );
      assert.doesNotMatch(short, /Exit codes/);
      const options = (text: string): string[] =>
        [...text.matchAll(/^ {2}(?:-\w, | {4})--([\w-]+)/gm)].map(([, name = '']) => name);
      assert.deepEqual(options(short), options(stdout));
      assert.ok(
        stdout.split('\n').every((line) => line.length <= 80),
        'lines fit a terminal',
      );
    });
  }

  it('is not asked for by an option of the command that is run', async () => {
    const folder = new Folder();
    assert.equal(
      (
        await untorn([
          'run',
          folder.at('file'),
          '--',
          ...script('process.stdout.write(process.argv[1])'),
          '--',
          '--help',
        ])
      ).status,
      0,
    );
    assert.equal(folder.read('file'), '--help');
    folder.remove();
  });

  it('--version is the one of the package', async () => {
    assert.match((await untorn(['--version'])).stdout, /^\d+\.\d+\.\d+\S*\n$/);
  });
});
