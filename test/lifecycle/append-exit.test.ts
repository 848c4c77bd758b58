/** The end of a process that keeps the torn end of a log: no part of it counts as what somebody may want back. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { sweepSync } from 'untorn';
import { start } from '../support/child.ts';
import { scratch } from '../support/scratch.ts';

/** Ends the process while the end is being copied. */
const program = `
  import { readdirSync } from 'node:fs';
  import { appendFile } from 'untorn';
  const [, folder, how] = process.argv;
  void appendFile(folder + '/log', 'new\\n');
  const end = () => (how === 'exit' ? process.exit(7) : process.kill(process.pid, 'SIGTERM'));
  const look = () => (readdirSync(folder).some((name) => name.endsWith('.tmp')) ? end() : setImmediate(look));
  look();`;

describe('appendFile() to a log with a large torn end', () => {
  const here = scratch();

  for (const how of ['exit', 'SIGTERM']) {
    it(`leaves nothing of the copy when the process ends: ${how} (G10)`, async () => {
      const content = `one\n${'t'.repeat(64 << 20)}`;
      writeFileSync(here.at('log'), content);
      const { status, signal } = await start(program, [here.folder, how]).ended;
      assert.ok(how === 'exit' ? status === 7 : signal === 'SIGTERM');
      assert.ok(readFileSync(here.at('log'), 'utf8') === content);
      assert.deepEqual([sweepSync(here.folder, { olderThan: 0 }).recoverable, here.names()], [[], ['log']]);
    });
  }

  it('leaves nothing that a sweep does not remove when the process is killed (G10)', async () => {
    const content = `one\n${'t'.repeat(64 << 20)}`;
    writeFileSync(here.at('log'), content);
    const killed = program.replace("process.kill(process.pid, 'SIGTERM')", "process.kill(process.pid, 'SIGKILL')");
    assert.equal((await start(killed, [here.folder, 'SIGKILL']).ended).signal, 'SIGKILL');
    assert.ok(readFileSync(here.at('log'), 'utf8') === content);
    assert.deepEqual(sweepSync(here.folder, { olderThan: 0 }).recoverable, []);
    assert.deepEqual(here.names(), ['log']);
  });
});
