import { describe, it, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { operations, type OperationName } from './operations.ts';
import { momentsOf, type Planted } from './planting.ts';
import { race } from './races.ts';
import { aliceOfDev, root, type Kind } from './scene.ts';
import { substitutes, type SubstituteName } from './substitutes.ts';
import { World } from './world.ts';

const ops = (process.env['OPS'] ?? 'sweep').split(',') as OperationName[];
const kinds = (process.env['KINDS'] ?? 'group').split(',') as Kind[];
const users = (process.env['USERS'] ?? 'root').split(',');
const plants = (process.env['PLANTS'] ?? '').split(',').filter((x) => x) as OperationName[];
const subs = (process.env['SUBS']?.split(',') ?? Object.keys(substitutes)) as SubstituteName[];
const some = Number(process.env['SOME'] ?? 50);

describe('x', () => {
  let world: World;
  before(() => { world = new World(); });
  after(() => world.end());
  for (const op of (ops[0] as string) === 'all' ? Object.keys(operations) as OperationName[] : ops) for (const kind of kinds) for (const user of users)
    it(`${op} ${kind} ${user}`, async () => {
      const planted: Planted[] = [];
      for (const p of plants) planted.push(...(await momentsOf(world, kind, p)));
      const tally = await race({ world, kind, user: user === 'root' ? root : aliceOfDev, operation: op, with: subs, ...(planted.length > 0 && { planted }) }, some);
      console.log(op, kind, user, tally.trials, tally.done, tally.harm.length);
      for (const h of tally.harm) console.log('   ', h);
      assert.equal(tally.harm.length, 0);
    });
});
