import assert from 'node:assert/strict';
import { writeFileSync as plainWrite } from 'node:fs';
import { describe, it } from 'node:test';
import { sweep, sweepSync } from 'untorn';
import { run, start } from '../support/child.ts';
import { scratch } from '../support/scratch.ts';
import { onWindows } from './on-windows.ts';

const middles = `
  import { atomicWrite, createWriteStream, openPending, openPendingSync } from 'untorn';
  const path = process.argv[1];
  atomicWrite(path, async (file) => { await file.write('half'); await new Promise(() => {}); }).catch(() => {});
  await (await openPending(path)).write('half');
  openPendingSync(path).write('half');
  await new Promise((resolve) => createWriteStream(path).write('half', resolve));
  setInterval(() => {}, 1000);
`;

describe('the end of a process on Windows (G10)', onWindows, () => {
  const here = scratch();

  for (const [name, end, status] of [
    ['process.exit()', 'process.exit(7)', 7],
    ['an uncaught exception', "setImmediate(() => { throw new Error('uncaught'); })", 1],
  ] as const) {
    it(`by ${name} leaves the old file and no temporary one`, async () => {
      plainWrite(here.at('file'), 'old');
      const ended = await run(middles + end, [here.at('file')]);
      assert.deepEqual([ended.status, here.names(), here.text('file')], [status, ['file'], 'old'], ended.stderr);
    });
  }

  it('by TerminateProcess leaves what sweep() removes, and not before the process is dead', async () => {
    plainWrite(here.at('file'), 'old');
    const program = start(`${middles} console.log('ready');`, [here.at('file')]);
    assert.equal(await program.line(), 'ready');
    const left = here.names().length - 1;
    assert.ok(left >= 3, here.names().join(' '));
    const early = await sweep(here.folder);
    assert.deepEqual([early.removed, early.kept.map(({ reason }) => reason)], [[], Array(left).fill('alive')]);
    program.process.kill('SIGKILL');
    await program.ended;
    const { removed, kept } = sweepSync(here.folder);
    assert.deepEqual([removed.length, kept, here.names(), here.text('file')], [left, [], ['file'], 'old']);
  });
});
