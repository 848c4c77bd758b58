import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Folder, script, start } from './untorn.ts';

const skip = process.platform === 'win32' ? 'Windows has no signals' : false;

describe('signals', { skip }, () => {
  let folder: Folder;
  beforeEach(() => {
    folder = new Folder();
    writeFileSync(folder.at('file'), 'old');
  });
  afterEach(() => folder.remove());

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    it(`untorn write ends by ${signal}, and the file is untouched (G10)`, async () => {
      const running = start(['write', '--tee', folder.at('file')]);
      running.child.stdin?.write('new');
      await running.said('new');
      assert.equal(folder.names().length, 2, 'the temporary file is there');
      running.child.kill(signal);
      assert.equal((await running.ended).signal, signal);
      assert.equal(folder.read('file'), 'old');
      assert.deepEqual(folder.names(), ['file']);
    });

    it(`untorn run passes ${signal} on, lets the command end, and ends by it too`, async () => {
      const command = script(
        `process.on('${signal}', () => { console.error('command got it'); process.exit(0); }); console.log('new'); console.error('ready'); setInterval(() => {}, 1000)`,
      );
      const running = start(['run', folder.at('file'), '--', ...command]);
      await running.said('ready');
      running.child.kill(signal);
      const ended = await running.ended;
      assert.equal(ended.signal, signal);
      assert.equal(ended.stderr, 'ready\ncommand got it\n');
      assert.equal(folder.read('file'), 'old');
      assert.deepEqual(folder.names(), ['file']);
    });
  }

  it('untorn run ends by a signal also when only a process that the command left behind still writes', async () => {
    const orphan = 'while kill -0 $$ 2>/dev/null; do :; done; echo orphan; exec cat <&3';
    const running = start(['run', '--tee', folder.at('file'), '--', 'sh', '-c', `exec 3<&0; (${orphan}) &`]);
    await running.said('orphan');
    running.child.kill('SIGTERM');
    running.child.stdin?.end();
    assert.equal((await running.ended).signal, 'SIGTERM');
    assert.equal(folder.read('file'), 'old');
    assert.deepEqual(folder.names(), ['file']);
  });
});
