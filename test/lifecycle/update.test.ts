import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sweep, updateFileSync } from 'untorn';
import { ask, start, type Program } from '../support/child.ts';
import { scratch } from '../support/scratch.ts';

const counting = `
  import { updateFile, updateFileSync } from 'untorn';
  const [path, times, form] = process.argv.slice(1);
  const increment = (old = '0') => String(Number(old) + 1);
  const options = { encoding: 'utf8', durability: 'off' };
  const updating = form === 'sync' ? async () => updateFileSync(path, increment, options) : () => updateFile(path, increment, options);
  for (let done = 0; done < Number(times); done++) await updating();
  console.log(JSON.stringify('done'));
`;

const acknowledging = `
  import { updateFile } from 'untorn';
  for (;;) {
    await updateFile(process.argv[1], (old = '0') => String(Number(old) + 1), { encoding: 'utf8', durability: 'off' });
    console.log('done');
  }
`;

describe('updates by several processes (G8)', () => {
  const here = scratch();

  it('two that add 1 a thousand times each, one synchronous and one not, end at 2000', async () => {
    await Promise.all(['sync', 'async'].map((form) => ask(counting, [here.at('count'), '1000', form])));
    assert.deepEqual([here.text('count'), here.names()], ['2000', ['count']]);
  });

  it('eight that add 1 each get through', async () => {
    await Promise.all(Array.from({ length: 8 }, (_, index) => ask(counting, [here.at('count'), '50', index % 2 === 0 ? 'sync' : 'async'])));
    assert.deepEqual([here.text('count'), here.names()], ['400', ['count']]);
  });

  it('that are killed at random lose no acknowledged one, and none is there twice (G8, G10)', { skip: process.platform === 'linux' ? false : 'processes cannot be seen here' }, async () => {
    const begin = (): Program => start(acknowledging, [here.at('count')]);
    const programs = Array.from({ length: 3 }, begin);
    const kills = 8;
    for (let kill = 0; kill < kills; kill++) {
      const program = programs.at(-3) as Program;
      for (let acknowledged = 0; acknowledged < 5 + kill; acknowledged++) await program.line();
      program.process.kill('SIGKILL');
      programs.splice(-3, 1);
      programs.unshift(program);
      programs.push(begin());
    }
    for (const { process } of programs) process.kill('SIGKILL');
    const ended = await Promise.all(programs.map(({ ended }) => ended));
    const acknowledged = ended.reduce((sum, { stdout }) => sum + stdout.split('\n').filter((line) => line === 'done').length, 0);
    updateFileSync(here.at('count'), (old) => old as string, 'utf8');
    const count = Number(here.text('count'));
    assert.ok(count >= acknowledged && count <= acknowledged + programs.length, `${count} for ${acknowledged} acknowledged`);
    await sweep(here.folder);
    assert.deepEqual(here.names(), ['count']);
  });
});
