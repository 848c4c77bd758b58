/**
 * A neighbour who renames or takes away what a transaction has in a directory that he can write, too: its other files
 * are none of his.
 */
import { readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe } from 'node:test';
import type { User } from '../support/as-user.ts';
import { attacks, reasonNotToAttack, type Tally } from './hostile.ts';
import type { Deed } from './neighbour-program.ts';
import type { OperationName } from './operations.ts';
import { decisionIn, Planter, shapeOf } from './planting.ts';
import { sample } from './sample.ts';
import { aliceOfDev, root, type Scene } from './scene.ts';
import type { Answer } from './stopped.ts';
import type { World } from './world.ts';

const atHome: OperationName = 'transaction with hidden files';

/** What the hidden files hold when everything has been recovered. */
async function recovered(world: World, user: User, scene: Scene): Promise<string> {
  const victim = await world.victim(user);
  for (const folder of [scene.folder, scene.hidden, scene.folder])
    await victim.perform({ operation: 'recover', folder });
  return scene.hiddenContents;
}

/** Scenes in which the transaction of a user was killed at each moment. */
async function killed(
  world: World,
  user: User,
  operation: OperationName,
  moments: readonly number[],
): Promise<Scene[]> {
  const planter = await Planter.start(world, user);
  const scenes = moments.map(() => world.scene('group', user));
  for (const [index, at] of moments.entries()) await planter.plant((scenes[index] as Scene).folder, { operation, at });
  await planter.die();
  return scenes;
}

async function momentsFor(world: World, user: User, operation: OperationName): Promise<number[]> {
  const planter = await Planter.start(world, user);
  const scene = world.scene('group', user);
  const moments = await planter.moments(scene.folder, operation, dirname(scene.folder));
  await planter.die();
  return moments;
}

/** The calls of a transaction before which the neighbour could decide it. */
async function undecided(world: World, user: User): Promise<number[]> {
  const planter = await Planter.start(world, user);
  const scene = world.scene('group', user);
  const looks = await planter.looks(scene.folder, atHome, () => decisionIn(scene.folder));
  await planter.die();
  return looks.flatMap((names, at) => (names === undefined ? [] : [at]));
}

/** The neighbour decides: by the name of what decides, before the owner did. */
async function decided(world: World, user: User): Promise<Tally> {
  const moments = await undecided(world, user);
  const scenes = await killed(world, user, atHome, moments);
  const harm: string[] = [];
  let done = 0;
  for (const [index, scene] of scenes.entries()) {
    const names = decisionIn(scene.folder);
    if (names === undefined) continue;
    done++;
    await world.neighbour.tries(['move', ...names]);
    const contents = await recovered(world, user, scene);
    if (contents !== 'old, old') harm.push(`killed before call ${moments[index]}: ${contents}`);
  }
  return { trials: scenes.length, done, harm };
}

/** The same while the owner lives, and goes on. */
async function decidedMeanwhile(world: World, user: User): Promise<Tally> {
  const moments = await undecided(world, user);
  const harm: string[] = [];
  let done = 0;
  for (const at of moments) {
    const scene = world.scene('group', user);
    let tried = false;
    const { error, result } = await (
      await world.victim(user)
    ).perform({ operation: atHome, folder: scene.folder }, async (_, index): Promise<Answer> => {
      const names = index === at ? decisionIn(scene.folder) : undefined;
      if (names !== undefined) await world.neighbour.tries(['move', ...names]);
      tried ||= names !== undefined;
      return 'go';
    });
    if (!tried) continue;
    done++;
    const contents = await recovered(world, user, scene);
    const expected =
      result !== undefined || error?.outcome === 'new'
        ? ['both, both']
        : error?.outcome === 'old'
          ? ['old, old']
          : ['old, old', 'both, both'];
    if (!expected.includes(contents))
      harm.push(`at call ${at}: it says ${JSON.stringify(error ?? 'done')}, and the files hold ${contents}`);
  }
  return { trials: moments.length, done, harm };
}

/**
 * The neighbour takes one thing away, or puts it under another name, when the owner is dead: what was committed is not
 * lost, and what was not is not made.
 */
async function takenAway(world: World, user: User, operation: OperationName, some: number): Promise<Tally> {
  const moments = await momentsFor(world, user, operation);
  const models = await killed(world, user, operation, moments);
  const combinations: { at: number; name: string; expected: string }[] = [];
  for (const [index, scene] of models.entries()) {
    const names = readdirSync(scene.folder)
      .filter((name) => name.includes('untorn'))
      .map(shapeOf);
    const expected = await recovered(world, user, scene);
    for (const name of new Set(names)) combinations.push({ at: moments[index] as number, name, expected });
  }
  const trials = sample(combinations, ({ name, expected }) => `${name} ${expected}`, some);
  const scenes = await killed(
    world,
    user,
    operation,
    trials.map(({ at }) => at),
  );
  const harm: string[] = [];
  let done = 0;
  for (const [index, { at, name, expected }] of trials.entries()) {
    const scene = scenes[index] as Scene;
    const path = readdirSync(scene.folder).find((one) => shapeOf(one) === name);
    const deeds: Deed[] = path === undefined ? [] : [['move', scene.at(path), scene.at('taken')]];
    if (path === undefined || (await world.neighbour.tries(...deeds)) !== '') continue;
    done++;
    const contents = await recovered(world, user, scene);
    // What it was to hold may be there for later, as long as it is.
    const kept = contents === expected || (expected.includes('both') && scene.holds('both', 'hidden'));
    if (!kept)
      harm.push(
        `${name} taken away after a kill before call ${at}: ${contents} instead of ${expected}; there are ${readdirSync(scene.hidden).map(shapeOf).join(' ')}`,
      );
  }
  return { trials: trials.length, done, harm };
}

describe("a neighbour who meddles with a transaction's records (G9)", { skip: reasonNotToAttack }, () => {
  const { world, holds } = attacks('G9');
  for (const [name, user] of [
    ['the superuser', root],
    ['an ordinary user', aliceOfDev],
  ] as const) {
    holds(`does not commit what ${name} did not commit`, () => decided(world(), user));
    holds(`does not commit it while ${name} is at it`, () => decidedMeanwhile(world(), user));
    holds(`loses nothing that ${name} had committed, and makes nothing that was not`, () =>
      takenAway(world(), user, atHome, 40),
    );
  }
  holds('loses nothing where the journal is elsewhere', () =>
    takenAway(world(), root, 'transaction from hidden files', 30),
  );
});
