import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Inspection } from 'untorn';
import { Folder, start, untorn } from './untorn.ts';

const skip = process.platform === 'win32' ? 'Windows tells neither mounts nor rights of users' : false;

/** What it says of a path in a place where all else holds. */
function lines(stdout: string): string[] {
  return stdout.split('\n').filter((line) => line.startsWith('  '));
}

describe('untorn doctor', { skip }, () => {
  let folder: Folder;
  beforeEach(() => {
    folder = new Folder();
    writeFileSync(folder.at('file'), 'old');
  });
  afterEach(() => folder.remove());

  it('prints a line for each finding, and exits with 0 or, where the place has limits, with 4', async () => {
    const { status, stdout, stderr } = await untorn(['doctor', folder.at('file')]);
    assert.equal(stderr, '');
    assert.ok(stdout.startsWith(`${folder.at('file')}\n  `), stdout);
    assert.match(stdout, /^ {8}file {8}it is a file of 3 bytes, mode \d+, owner \d+, group \d+$/m);
    assert.equal(status, /^ {2}limit /m.test(stdout) ? 4 : 0, stdout);
    assert.deepEqual(folder.names(), ['file']);
  });

  it('exits with 3 if a write would fail, whatever the other paths are', async () => {
    mkdirSync(folder.at('directory'));
    const { status, stdout } = await untorn(['doctor', '--quiet', '/dev/null', folder.at('directory')]);
    assert.equal(status, 3);
    assert.match(stdout, /^\/dev\/null\n {2}FAILS file {8}it is a FIFO, a socket or a device/);
  });

  it('tells of what a killed writer left, and exits with 5 unless something else is worse', async () => {
    const running = start(['write', '--tee', '-p', folder.at('other')]);
    running.child.stdin?.write('new');
    await running.said('new');
    running.child.kill('SIGKILL');
    await running.ended;
    const { status, stdout } = await untorn(['doctor', '--quiet', folder.path]);
    assert.match(
      stdout,
      /^ {2}left {2}leftovers {3}".*" is a temporary file: process \d+, which has ended; sweep removes it$/m,
    );
    assert.equal(status, /^ {2}limit /m.test(stdout) ? 4 : 5);
    assert.equal(folder.names().length, 2);
  });

  it('--json prints one line for all paths', async () => {
    const odd = Buffer.concat([Buffer.from(`${folder.path}/`), Buffer.of(0x66, 0x1b)]);
    writeFileSync(odd, '');
    const { stdout } = await untorn(['doctor', '--json', folder.at('file'), String(odd)]);
    assert.equal(stdout.trim().split('\n').length, 1);
    const [file, other] = JSON.parse(stdout) as [Inspection, Inspection];
    assert.deepEqual([file.path, file.kind, file.measured, file.locks], [folder.at('file'), 'file', null, []]);
    assert.ok(file.findings.every(({ level, about, code, text }) => level && about && code && text));
    assert.equal(other.path, String(odd));
    const shown = await untorn(['doctor', String(odd)]);
    assert.ok(shown.stdout.startsWith(`${folder.path}/f\\u001b\n`));
  });

  it('--measure says what one write costs, and leaves nothing', async () => {
    chmodSync(folder.at('file'), 0o600);
    const { stdout } = await untorn(['doctor', '--measure', folder.at('file')]);
    assert.match(
      stdout,
      /^ {8}cost {8}one durable write of 4 KiB took \d+\.\d ms, and its result said durable: true$/m,
    );
    assert.ok(lines(stdout).some((line) => line.endsWith('a lock could be had, as an attempt showed')));
    assert.deepEqual(folder.names(), ['file']);
  });

  it('exits with 2 without a path', async () => {
    const { status, stderr } = await untorn(['doctor']);
    assert.deepEqual([status, stderr], [2, 'untorn: PATH is missing; try "untorn doctor --help"\n']);
  });
});
