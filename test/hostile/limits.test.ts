/** What others left costs time at most, and no more than in proportion to how much it is. */
import { linkSync, lstatSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'node:test';
import { bob, type User } from '../support/as-user.ts';
import { attacks, reasonNotToAttack, type Tally } from './hostile.ts';
import type { Deed } from './neighbour-program.ts';
import type { OperationName } from './operations.ts';
import { copyOf, isDecidedIn, leftIn, momentsOf, Planter, type Planted } from './planting.ts';
import { prepare } from './preparing.ts';
import { excesses } from './races.ts';
import { sample } from './sample.ts';
import { aliceOfDev, root, type Kind, type Scene } from './scene.ts';
import type { World } from './world.ts';

/** Where an ordinary user can do more than he would like to: the kernel itself protects him in a sticky directory. */
const users = [
  ['the superuser', root, 'sticky'],
  ['an ordinary user', aliceOfDev, 'group'],
] as const;

/** What the neighbour left of these operations, or of one of them. */
async function planted(world: World, kind: Kind, operations: readonly OperationName[]): Promise<Planted[]> {
  const all: Planted[] = [];
  for (const operation of operations) all.push(...(await momentsOf(world, kind, operation)));
  return all;
}

async function scenesWith(world: World, kind: Kind, user: User, plants: readonly Planted[]): Promise<Scene[]> {
  const planter = await Planter.start(world);
  const scenes = plants.map(() => world.scene(kind, user));
  for (const [index, scene] of scenes.entries()) await planter.plant(scene.folder, plants[index] as Planted);
  await planter.die();
  return scenes;
}

/** All files that he left are huge. */
async function huge(world: World, kind: Kind, user: User, some: number): Promise<Tally> {
  const plants = await planted(world, kind, ['updateFile', 'transaction', 'replaceDirectory']);
  const combinations = plants.flatMap((plant) =>
    (['sweep', 'recover', 'updateFile', 'transaction beside'] as const).map((name) => ({ plant, name })),
  );
  const trials = sample(combinations, ({ plant, name }) => `${plant.operation} ${name}`, some);
  const scenes = await scenesWith(
    world,
    kind,
    user,
    trials.map(({ plant }) => plant),
  );
  const harm: string[] = [];
  let done = 0;
  for (const [index, { plant, name }] of trials.entries()) {
    const scene = scenes[index] as Scene;
    let grown = false;
    for (const left of leftIn(scene))
      if (lstatSync(scene.at(left)).isFile())
        grown = (await world.neighbour.tries(['grow', scene.at(left), String(2 ** 30)])) === '' || grown;
    if (!grown) continue;
    done++;
    const outcome = await (await world.victim(user)).perform({ operation: name, folder: scene.folder });
    harm.push(
      ...excesses(outcome).map(
        (what) => `${name}() after ${plant.operation} that was killed before call ${plant.at}: ${what}`,
      ),
    );
  }
  return { trials: trials.length, done, harm };
}

/** What else he does to what he left: to its files; and to the directory that it says is the home. */
const more: Readonly<Record<string, (scene: Scene, files: readonly string[]) => readonly Deed[]>> = {
  'as it is': () => [],
  'its files damaged': (_, files) => files.map((name) => ['put', name, '{}\nno checksum\n']),
  'its files empty': (_, files) => files.map((name) => ['put', name, '']),
  'its home gone': (scene) => [['move', scene.at('own'), scene.at('gone')]],
  'a FIFO for its home': (scene) => [
    ['move', scene.at('own'), scene.at('gone')],
    ['fifo', scene.at('own')],
  ],
  'a link to itself for its home': (scene) => [
    ['move', scene.at('own'), scene.at('gone')],
    ['link', 'own', scene.at('own')],
  ],
  'FIFOs for its files': (_, files) =>
    files.flatMap((name): Deed[] => [
      ['remove', name],
      ['fifo', name],
    ]),
  'directories for its files': (_, files) =>
    files.flatMap((name): Deed[] => [
      ['remove', name],
      ['directory', name],
    ]),
  'links to nothing for its files': (_, files) =>
    files.flatMap((name): Deed[] => [
      ['remove', name],
      ['link', 'nothing', name],
    ]),
};

/** What he left of one file is nothing to a transaction of another. */
async function beside(world: World, kind: Kind, user: User, some: number): Promise<Tally> {
  const plants = await planted(world, kind, [
    'updateFile',
    'transaction',
    'transaction with a home of its own',
    'replaceDirectory',
  ]);
  const combinations = plants.flatMap((plant) => Object.entries(more).map(([what, deeds]) => ({ plant, what, deeds })));
  const trials = sample(
    combinations,
    ({ what, plant }) => `${what} ${plant.operation.startsWith('transaction')}`,
    some,
  );
  const scenes = await scenesWith(
    world,
    kind,
    user,
    trials.map(({ plant }) => plant),
  );
  const harm: string[] = [];
  for (const [index, { plant, what, deeds }] of trials.entries()) {
    const scene = scenes[index] as Scene;
    const files = leftIn(scene)
      .map((name) => scene.at(name))
      .filter((name) => lstatSync(name).isFile());
    await world.neighbour.does(...deeds(scene, files));
    const { error, stuck } = await (
      await world.victim(user)
    ).perform({ operation: 'transaction beside', folder: scene.folder });
    if (error !== undefined || stuck !== undefined)
      harm.push(
        `after ${plant.operation} that was killed before call ${plant.at}, ${what}: ${error?.message ?? stuck}`,
      );
  }
  return { trials: trials.length, done: trials.length, harm };
}

/** His own files with the names of numbered backups push none of ours out. */
async function backups(world: World, kind: Kind, user: User): Promise<Tally> {
  const harm: string[] = [];
  let trials = 0;
  let done = 0;
  for (const operation of ['writeFile with numbered backups', 'transaction with numbered backups'] as const) {
    for (const numbers of [[999_999_999], [3, 4, 5], [7], [5, 100]]) {
      trials++;
      const scene = world.scene(kind, user);
      await prepare(world, [scene], user, ['backups']);
      const before = ['state.~1~', 'state.~2~'].map((name) => lstatSync(scene.at(name)).ino);
      if (
        (await world.neighbour.tries(
          ...numbers.map((number): Deed => ['file', scene.at(`state.~${number}~`), 'bait']),
        )) !== ''
      )
        continue;
      done++;
      const { result } = await (await world.victim(user)).perform({ operation, folder: scene.folder });
      const names = readdirSync(scene.folder).filter((name) => name.startsWith('state.~'));
      const kept = names.map((name) => lstatSync(scene.at(name))).filter(({ uid }) => uid !== bob.uid);
      const lost = before.filter((ino) => !kept.some((status) => status.ino === ino));
      if (lost.length > 0 || (result !== undefined && kept.length !== 3))
        harm.push(`${operation} beside his ${numbers.join(', ')}: ${names.join(' ')}`);
    }
  }
  return { trials, done, harm };
}

type Fill = (scene: Scene, count: number) => Promise<void>;

/** What an operation costs: calls, and the names that it reads of its directory. */
async function costOf(world: World, user: User, operation: OperationName, count: number, fill: Fill): Promise<number> {
  const scene = world.scene('group', user);
  await fill(scene, count);
  const names = readdirSync(scene.folder);
  // Then all of them are read by one call, and nothing by the next.
  if (names.join('').length + 32 * names.length > 30_000)
    throw new Error('There are too many names to tell how often they are read');
  let cost = 0;
  const outcome = await (
    await world.victim(user)
  ).perform({ operation, folder: scene.folder }, (call) => {
    cost += call.name === 'getdents64' && call.held.includes(scene.folder) ? names.length / 2 : 1;
    return 'go';
  });
  const [excess] = excesses(outcome);
  if (excess !== undefined) throw new Error(excess);
  return cost;
}

const counts = [10, 20, 40] as const;

/** A directory that is read once more or less, as happens, is no growth. */
const slack = 15;

/** Twice as much costs twice as much, and not four times. */
async function linear(world: World, user: User, operations: readonly OperationName[], fill: Fill): Promise<Tally> {
  const harm: string[] = [];
  for (const operation of operations) {
    const costs: number[] = [];
    for (const count of counts) costs.push(await costOf(world, user, operation, count, fill));
    const [few, some, many] = costs as [number, number, number];
    if (many - some > 2.4 * (some - few) + slack)
      harm.push(`${operation}() of ${counts.join(', ')} costs ${costs.join(', ')}`);
  }
  return { trials: operations.length, done: operations.length, harm };
}

/** Names like those that the neighbour left, as often as is wanted, of what he was at when so much of it was done. */
async function junk(world: World, from: OperationName, part: number): Promise<Fill> {
  const moments = await momentsOf(world, 'group', from);
  return async (scene, count) => {
    const planter = await Planter.start(world);
    await planter.plant(scene.folder, moments[Math.floor(part * moments.length)] as Planted);
    await planter.die();
    for (const left of leftIn(scene).filter((name) => !name.includes('/'))) {
      const kind: (path: string) => Deed = lstatSync(scene.at(left)).isDirectory()
        ? (path) => ['directory', path]
        : (path) => ['file', path, ''];
      for (let copies = 0; copies < count; copies++)
        if (copyOf(left, copies) !== left) await world.neighbour.does(kind(scene.at(copyOf(left, copies))));
    }
  };
}

async function muchJunk(world: World, operations: readonly OperationName[]): Promise<Tally> {
  const all = [];
  for (const [from, part] of sample(
    [
      ['updateFile', 0.3],
      ['transaction', 0.3],
      ['transaction', 0.5],
      ['transaction', 0.7],
      ['replaceDirectory', 0.5],
    ] as const,
    ([from]) => from,
    3,
  ))
    all.push(await linear(world, root, operations, await junk(world, from, part)));
  return { trials: all.length, done: all.length, harm: all.flatMap(({ harm }) => harm) };
}

/** Temporary files of the user's own, of a dead program, each with another name beside it. */
function halfLinked(world: World, user: User): Fill {
  return async ({ folder }, count) => {
    const planter = await Planter.start(world, user);
    await planter.plantWhen(folder, 'writeFile to create', () => readdirSync(folder).includes('created'));
    await planter.die();
    const left = readdirSync(folder).find((name) => name.includes('untorn')) as string;
    for (let copies = 0; copies < count; copies++) {
      writeFileSync(join(folder, copyOf(left, copies)), 'new');
      linkSync(join(folder, copyOf(left, copies)), join(folder, `created-${copies}`));
    }
  };
}

describe('what a neighbour left, and how much it is (G9, G10)', { skip: reasonNotToAttack }, () => {
  const { world, holds } = attacks('G9', 'G10');
  for (const [name, user, kind] of users) {
    holds(`takes no memory of ${name}, however large it is`, () => huge(world(), kind, user, 16));
    holds(`hinders no transaction of other files of ${name}`, () => beside(world(), kind, user, 36));
    holds(`pushes out no backup of ${name}`, () => backups(world(), 'sticky', user));
  }
  holds('costs in proportion to how many names there are', () =>
    muchJunk(world(), ['sweep', 'recover', 'transaction beside']),
  );
});

describe("what was left of one's own (G9, G10)", { skip: reasonNotToAttack }, () => {
  const { world, holds } = attacks('G9', 'G10');
  holds('costs in proportion where it is half linked', () =>
    linear(world(), root, ['sweep', 'recover'], halfLinked(world(), root)),
  );
  holds('costs in proportion to the files of a transaction', () =>
    linear(world(), root, ['recover'], async ({ folder }, count) => {
      const planter = await Planter.start(world(), root);
      await planter.plantWhen(folder, `transaction of ${count as 10 | 20 | 40} files`, () => isDecidedIn(folder));
      await planter.die();
    }),
  );
});
