import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sweep, updateFileSync } from 'untorn';
import { everything } from '../support/amount.ts';
import { addAndKill, addTogether, countIn, ways } from '../support/counting.ts';
import { filesystemOf, note } from '../support/evidence.ts';
import { scratch } from '../support/scratch.ts';

const times = everything ? 1000 : 60;
const kills = everything ? 16 : 3;

describe('updates by several processes (G8)', () => {
  const here = scratch();
  const seen = (of: string, guarantees: string[], count: number): void =>
    note({ of, guarantees, filesystem: filesystemOf(here.folder), durabilities: ['off'], count, violations: 0 });

  it(`two that add 1 ${times} times each, one synchronous and one not, end at ${2 * times}`, async () => {
    await addTogether(here.at('count'), ['updateFile', 'updateJsonSync'], times);
    assert.deepEqual([countIn(here.at('count')), here.names()], [2 * times, ['count']]);
    seen('updates in races', ['G8'], 2 * times);
  });

  it('many that add 1 each get through', async () => {
    const processes = everything ? [...ways, ...ways] : ways;
    await addTogether(here.at('count'), processes, times / 20);
    assert.deepEqual([countIn(here.at('count')), here.names()], [(processes.length * times) / 20, ['count']]);
  });

  it(
    'that are killed when they have the lock lose no acknowledged one, and none is there twice (G8, G10)',
    { skip: ['linux', 'win32'].includes(process.platform) ? false : 'processes cannot be seen here' },
    async (t) => {
      const { acknowledged, processes, reads } = await addAndKill(here.at('count'), kills);
      t.diagnostic(`${kills} processes killed; ${acknowledged} updates; ${reads} reads`);
      updateFileSync(here.at('count'), (old) => old as string, 'utf8');
      const count = countIn(here.at('count'));
      assert.ok(
        count >= acknowledged && count <= acknowledged + processes,
        `${count} for ${acknowledged} acknowledged by ${processes} processes`,
      );
      await sweep(here.folder);
      assert.deepEqual(here.names(), ['count']);
      seen('updates in races', ['G8'], acknowledged);
      seen('kills in races', ['G8', 'G10'], kills);
    },
  );
});
