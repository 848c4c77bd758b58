import assert from 'node:assert/strict';
import { it } from 'node:test';
import { bobOfDev } from '../support/as-user.ts';
import { Neighbour } from './neighbour.ts';
import { momentsOf } from './planting.ts';
import { race } from './races.ts';
import { World, aliceOfDev } from './scene.ts';
import { substitutes, type SubstituteName } from './substitutes.ts';

it('first', async (t) => {
  void bobOfDev, aliceOfDev;
  const world = new World(t);
  const neighbour = new Neighbour();
  console.time('moments');
  for (const op of ['updateFile', 'transaction', 'writeFile with a backup'] as const) console.log(op, await momentsOf(world, 'group', op));
  console.timeEnd('moments');
  const [, m2 = 0] = await momentsOf(world, 'group', 'updateFile');
  console.time('race');
  const tally = await race({ world, neighbour, kind: 'group', user: undefined, operation: 'sweep', planted: { operation: 'updateFile', at: m2 } }, Object.keys(substitutes) as SubstituteName[], 50);
  console.timeEnd('race');
  console.log(tally);
  await neighbour.end();
  assert.deepEqual(tally.harm, []);
});
