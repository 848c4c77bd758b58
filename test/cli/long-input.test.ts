import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, openSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Folder, main, shell, startProgram } from './untorn.ts';

const posix = process.platform === 'win32' ? 'needs a POSIX shell' : false;
const terminal =
  posix ||
  (spawnSync('script', ['-qec', 'true', '/dev/null']).status === 0
    ? false
    : 'there is no script(1) of util-linux to make a terminal');
const size = 256 << 20;
/** In KiB. Node.js itself takes 40 to 60 MiB. */
const most = 160 << 10;

describe('long input', () => {
  let folder: Folder;
  beforeEach(() => {
    folder = new Folder();
  });
  afterEach(() => folder.remove());

  const script = `process.on('exit', () => process.stderr.write('memory ' + process.resourceUsage().maxRSS))`;
  const tellMemory = `data:text/javascript,${encodeURIComponent(script).replaceAll("'", '%27')}`;

  for (const given of [
    ['write', 'file'],
    ['write', '--tee', 'file'],
    ['run', 'file', '--', 'cat'],
  ]) {
    it(`of 256 MiB is taken in bounded memory: untorn ${given.join(' ')}`, { skip: posix }, async () => {
      const [command, ...others] = given;
      const line = `head -c ${size} /dev/zero | '${process.execPath}' --import '${tellMemory}' '${main}' ${command} --durability off ${others.join(' ')} > /dev/null`;
      const { status, stderr } = await shell(line, { cwd: folder.path });
      assert.equal(status, 0, stderr);
      assert.equal(statSync(folder.at('file')).size, size);
      const memory = Number(/memory (\d+)/.exec(stderr)?.[1]);
      assert.ok(memory > 0 && memory < most, `${memory} KiB`);
    });
  }

  /** The command on a terminal, with a FIFO as its standard input. */
  async function onTerminal(options: string): Promise<{ shown: string; content: string }> {
    execFileSync('mkfifo', [folder.at('input')]);
    const line = `'${process.execPath}' '${main}' write ${options} '${folder.at('file')}' < '${folder.at('input')}'; echo ended`;
    const running = startProgram('script', ['-qec', line, '/dev/null']);
    const input = openSync(folder.at('input'), 'w');
    writeSync(input, 'x'.repeat(1536));
    if (options === '') await running.said('1.5 KiB, ');
    closeSync(input);
    return { shown: (await running.ended).stdout, content: folder.read('file') };
  }

  it(
    'that takes more than a second shows how far it is, in one line that is cleared at the end',
    { skip: terminal },
    async () => {
      const { shown, content } = await onTerminal('');
      // oxlint-disable-next-line no-control-regex -- what a terminal gets
      assert.match(shown, /^(\r\x1b\[K1\.5 KiB, \d+(\.\d)? (Ki)?B\/s)+\r\x1b\[Kended\r\n$/);
      assert.equal(content.length, 1536);
    },
  );

  it('that a signal ends leaves no line of progress, and the file untouched', { skip: terminal }, async () => {
    writeFileSync(folder.at('file'), 'old');
    const interrupted = `'${process.execPath}' '${main}' write '${folder.at('file')}' < '${folder.at('input')}' & read go; kill -TERM $!; wait $!; echo ended $?`;
    execFileSync('mkfifo', [folder.at('input')]);
    const running = startProgram('script', ['-qec', interrupted, '/dev/null']);
    const input = openSync(folder.at('input'), 'w');
    writeSync(input, 'x'.repeat(1536));
    await running.said('1.5 KiB, ');
    running.child.stdin?.write('go\n');
    const { stdout } = await running.ended;
    closeSync(input);
    // Some shells name the signal by themselves.
    // oxlint-disable-next-line no-control-regex -- what a terminal gets
    assert.match(stdout, /\r\x1b\[K(Terminated\r\n)?ended 143\r\n$/);
    assert.deepEqual([folder.read('file'), folder.names()], ['old', ['file', 'input']]);
  });

  it('that is short shows nothing', { skip: terminal }, async () => {
    assert.equal((await onTerminal('--durability off')).shown, 'ended\r\n');
  });
});
