import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync as plainWrite } from 'node:fs';
import { describe, it } from 'node:test';
import { main } from '../cli/untorn.ts';
import { scratch } from '../support/scratch.ts';
import { onWindows } from './on-windows.ts';

function untorn(input: string, ...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [main, ...args], { input, encoding: 'utf8', timeout: 120_000 });
}

describe('the command on Windows', onWindows, () => {
  const here = scratch();

  it('untorn write replaces the file by its input', () => {
    plainWrite(here.at('file'), 'old');
    const { status, stderr } = untorn('new\r\n', 'write', here.at('file'));
    assert.deepEqual([status, here.text('file'), here.names()], [0, 'new\r\n', ['file']], stderr);
    assert.match(stderr, /^untorn: Warning: .* is in place, but .* power cut\s*$/);
  });

  it('untorn run replaces the file if the command succeeds', () => {
    plainWrite(here.at('file'), 'old');
    const good = untorn('', 'run', here.at('file'), '--', process.execPath, '-e', "process.stdout.write('made')");
    assert.deepEqual([good.status, here.text('file')], [0, 'made'], good.stderr);
    const bad = untorn('', 'run', here.at('file'), '--', process.execPath, '-e', "process.stdout.write('half'); process.exitCode = 3");
    assert.deepEqual([bad.status, here.text('file'), here.names()], [3, 'made', ['file']], bad.stderr);
    assert.equal(untorn('', 'run', here.at('file'), '--', 'no-such-command').status, 127);
  });

  it('untorn sweep removes what a killed process left', () => {
    const child = spawnSync(process.execPath, ['--input-type=module', '--eval', `
      import { openPendingSync } from 'untorn';
      openPendingSync(process.argv[1]).write('half');
      process.kill(process.pid, 'SIGKILL');
    `, here.at('file')], { cwd: new URL('../../..', import.meta.url), encoding: 'utf8' });
    assert.equal(readdirSync(here.folder).length, 1, child.stderr);
    const { status, stderr } = untorn('', 'sweep', here.folder);
    assert.deepEqual([status, stderr, here.names()], [0, '', []]);
  });
});
