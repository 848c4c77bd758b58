import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync as plainWrite } from 'node:fs';
import { describe, it } from 'node:test';
import { main } from '../cli/untorn.ts';
import { scratch } from '../support/scratch.ts';
import { durableHere, onWindows } from './on-windows.ts';

function untorn(input: string, ...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [main, ...args], { input, encoding: 'utf8', timeout: 120_000 });
}

describe('the command on Windows', onWindows, () => {
  const here = scratch();

  it('untorn write replaces the file by its input', () => {
    plainWrite(here.at('file'), 'old');
    const { status, stderr } = untorn('new\r\n', 'write', here.at('file'));
    assert.deepEqual([status, here.text('file'), here.names()], [0, 'new\r\n', ['file']], stderr);
    if (durableHere === true) assert.equal(stderr, '');
    else assert.match(stderr, /^untorn: Warning: .* is committed, but .* power cut\s*$/);
  });

  it('untorn run replaces the file if the command succeeds', () => {
    plainWrite(here.at('file'), 'old');
    const good = untorn('', 'run', here.at('file'), '--', process.execPath, '-e', "process.stdout.write('made')");
    assert.deepEqual([good.status, here.text('file')], [0, 'made'], good.stderr);
    const bad = untorn(
      '',
      'run',
      here.at('file'),
      '--',
      process.execPath,
      '-e',
      "process.stdout.write('half'); process.exitCode = 3",
    );
    assert.deepEqual([bad.status, here.text('file'), here.names()], [3, 'made', ['file']], bad.stderr);
    assert.equal(untorn('', 'run', here.at('file'), '--', 'no-such-command').status, 127);
  });

  it('untorn edit replaces the file by what a filter makes of it, under its lock', () => {
    plainWrite(here.at('file'), 'old');
    const filter = [
      process.execPath,
      '-e',
      "process.stdin.on('data', (data) => process.stdout.write(data + ' and new'))",
    ];
    const { status, stderr } = untorn('', 'edit', here.at('file'), '--', ...filter);
    assert.deepEqual([status, here.text('file'), here.names()], [0, 'old and new', ['file']], stderr);
    const failed = untorn('', 'edit', here.at('file'), '--', process.execPath, '-e', 'process.exitCode = 4');
    assert.deepEqual([failed.status, here.text('file'), here.names()], [4, 'old and new', ['file']], failed.stderr);
  });

  it('untorn commit replaces several files together, or none (G9)', () => {
    for (const name of ['a', 'b', 'x', 'y']) plainWrite(here.at(name), name);
    const none = untorn('', 'commit', `${here.at('a')}=${here.at('x')}`, `${here.at('b')}=${here.at('missing')}`);
    assert.deepEqual([none.status === 0, here.text('a'), here.text('b')], [false, 'a', 'b'], none.stderr);
    const { status, stderr } = untorn(
      '',
      'commit',
      `${here.at('a')}=${here.at('x')}`,
      `${here.at('b')}=${here.at('y')}`,
    );
    assert.deepEqual(
      [status, here.text('a'), here.text('b'), here.names()],
      [0, 'x', 'y', ['a', 'b', 'x', 'y']],
      stderr,
    );
  });

  it('untorn sweep removes what a killed process left', () => {
    const child = spawnSync(
      process.execPath,
      [
        '--input-type=module',
        '--eval',
        `
      import { openPendingSync } from 'untorn';
      openPendingSync(process.argv[1]).write('half');
      process.kill(process.pid, 'SIGKILL');
    `,
        here.at('file'),
      ],
      { cwd: new URL('../../..', import.meta.url), encoding: 'utf8' },
    );
    assert.equal(readdirSync(here.folder).length, 1, child.stderr);
    const { status, stderr } = untorn('', 'sweep', here.folder);
    assert.deepEqual([status, stderr, here.names()], [0, '', []]);
  });
});
