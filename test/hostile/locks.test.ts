/**
 * A neighbour, or somebody who tidies up, takes a lock away while it is held: whoever comes next has it too, and
 * neither undoes what the other did.
 */
import { readFileSync } from 'node:fs';
import { describe } from 'node:test';
import type { User } from '../support/as-user.ts';
import { attacks, reasonNotToAttack, type Tally } from './hostile.ts';
import type { OperationName } from './operations.ts';
import { leftIn, shapeOf } from './planting.ts';
import { excesses } from './races.ts';
import { sample } from './sample.ts';
import { aliceOfDev, root } from './scene.ts';
import { Victim, type Answer, type Outcome } from './stopped.ts';
import type { World } from './world.ts';

/** Of what the holder has made at that moment: all, or one thing of it. */
type Taken = 'all' | number;

async function shared(
  world: World,
  user: User,
  holder: OperationName,
  next: OperationName,
  some: number,
): Promise<Tally> {
  const second = await Victim.start(user, world.folder);
  const calls: string[] = [];
  const model = world.scene('group', user);
  await (
    await world.victim(user)
  ).perform({ operation: holder, folder: model.folder }, (call) => {
    calls.push(`${call.name} ${call.names.map((name) => shapeOf(name.slice(model.folder.length))).join(' ')}`);
    return 'go';
  });
  const combinations = calls.flatMap((call, at) =>
    (['all', 0, 1] as const).map((taken: Taken) => ({ call, at, taken })),
  );
  const trials = sample(
    combinations.filter(({ call }) => call.includes('/')),
    ({ call, taken }) => `${call} ${taken}`,
    some,
  );
  const harm: string[] = [];
  let done = 0;
  for (const { call, at, taken } of trials) {
    const scene = world.scene('group', user);
    let moved = 0;
    let between: Outcome | undefined;
    const outcome = await (
      await world.victim(user)
    ).perform({ operation: holder, folder: scene.folder }, async (_, index): Promise<Answer> => {
      if (index !== at) return 'go';
      const left = leftIn(scene).filter((name) => !name.includes('/'));
      for (const name of taken === 'all' ? left : left.slice(taken, taken + 1))
        if ((await world.neighbour.tries(['move', scene.at(name), scene.at(`taken-${moved}`)])) === '') moved++;
      if (moved > 0) between = await second.perform({ operation: next, folder: scene.folder });
      return 'go';
    });
    if (between === undefined) continue;
    done++;
    const content = readFileSync(scene.at('state'), 'utf8');
    const said = [...(outcome.result === undefined ? [] : ['a']), ...(between.result === undefined ? [] : ['b'])];
    const lost = said.filter((mark) => !content.includes(` ${mark}`));
    if (lost.length > 0)
      harm.push(
        `${taken === 'all' ? 'all' : `thing ${taken}`} taken at call ${at}, ${call}: "${content}", though ${said.join(' and ')} said to be done`,
      );
    harm.push(...[...excesses(outcome), ...excesses(between)].map((what) => `taken at ${call}: ${what}`));
  }
  await second.end();
  return { trials: trials.length, done, harm };
}

describe('a lock that somebody takes away (G8)', { skip: reasonNotToAttack }, () => {
  const { world, holds } = attacks('G8');
  for (const next of ['append b', 'append b if it is that version', 'append b in a transaction'] as const) {
    holds(`loses no update of the superuser: ${next}`, () => shared(world(), root, 'append a', next, 40));
  }
  holds('loses no update of an ordinary user', () => shared(world(), aliceOfDev, 'append a', 'append b', 40));
});
