/**
 * A neighbour whose own files, of programs of his that are dead, say that they are of somebody else's transaction,
 * write or update.
 */
import { readFileSync } from 'node:fs';
import { describe } from 'node:test';
import type { User } from '../support/as-user.ts';
import { attacks, reasonNotToAttack, type Tally } from './hostile.ts';
import type { OperationName } from './operations.ts';
import { idsIn, isDecidedIn, momentsOf, Planter, randomsIn, rewriting, type Planted } from './planting.ts';
import { sample } from './sample.ts';
import { aliceOfDev, root, type Kind, type Scene } from './scene.ts';
import { Victim, type Answer } from './stopped.ts';
import type { World } from './world.ts';

/** What somebody does that finds what he left. */
const finding: readonly OperationName[] = [
  'sweep',
  'recover',
  'updateFile',
  'update of theirs',
  'transaction',
  'transaction of theirs',
];

type Texts = readonly (readonly [string, string])[];

interface Known {
  readonly ids: readonly string[];
  readonly randoms: readonly string[];
}

const knownIn = (scene: Scene): Known => ({ ids: idsIn(scene.folder), randoms: randomsIn(scene.folder) });

function others(scene: Scene, look: (folder: string) => string[], mine: readonly string[]): string[] {
  return [...look(scene.folder), ...look(scene.hidden)].filter((one) => !mine.includes(one));
}

/** What a neighbour makes his files say who had a transaction of his own, whose home is "own". */
const ofTransactions: Readonly<Record<string, { readonly names: boolean; texts(scene: Scene, known: Known): Texts }>> =
  {
    'the id of another': { names: true, texts: idOfAnother },
    'the id of another, and where that is at home': {
      names: true,
      texts: (scene, known) => [...idOfAnother(scene, known), [scene.at('own'), scene.hidden]],
    },
    'the same in contents only': {
      names: false,
      texts: (scene, known) => [...idOfAnother(scene, known), [scene.at('own'), scene.hidden]],
    },
    'the id of another in contents only': { names: false, texts: idOfAnother },
  };

function idOfAnother(scene: Scene, { ids }: Known): Texts {
  return ids.flatMap((mine) =>
    others(scene, idsIn, ids)
      .slice(0, 1)
      .map((id) => [mine, id] as const),
  );
}

/** The random part of one of the other's names for one of his. */
function ofLocks(scene: Scene, { randoms }: Known, which: number): Texts {
  const theirs = others(scene, randomsIn, randoms);
  const [mine, one] = [
    randoms[which % Math.max(1, randoms.length)],
    theirs[Math.floor(which / Math.max(1, randoms.length)) % Math.max(1, theirs.length)],
  ];
  return mine === undefined || one === undefined ? [] : [[mine, one]];
}

interface Setting {
  readonly world: World;
  readonly kind: Kind;
  readonly user: User;
  /** What is impersonated. */
  readonly work: OperationName;
}

/** Scenes in which the neighbour was killed, each in one of some ways. */
async function planted({ world, kind, user }: Setting, plants: readonly Planted[]): Promise<Scene[]> {
  const scenes = plants.map(() => world.scene(kind, user));
  const planter = await Planter.start(world);
  for (const [index, scene] of scenes.entries()) await planter.plant(scene.folder, plants[index] as Planted);
  await planter.die();
  return scenes;
}

/** What he left, and what he makes it say. */
interface Lie {
  readonly plant: Planted;
  readonly what: string;
  readonly names: boolean;
  texts(scene: Scene, known: Known): Texts;
}

async function liesOfTransactions(world: World, kind: Kind): Promise<Lie[]> {
  const plants = (await momentsOf(world, kind, 'transaction with a home of its own')).filter(({ telling }) =>
    telling.some((name) => !name.startsWith('own/')),
  );
  return Object.entries(ofTransactions).flatMap(([what, lie]) => plants.map((plant) => ({ plant, what, ...lie })));
}

async function liesOfLocks(world: World, kind: Kind): Promise<Lie[]> {
  const plants = [...(await momentsOf(world, kind, 'updateFile')), ...(await momentsOf(world, kind, 'transaction'))];
  return plants.flatMap((plant) =>
    [0, 1, 2, 3].map((which) => ({
      plant,
      what: `the random part ${which}`,
      names: true,
      texts: (scene, known) => ofLocks(scene, known, which),
    })),
  );
}

/** Whether the lie could be told, or some of it: another's file may be in the way of a name. */
async function tell({ texts, names }: Lie, world: World, scene: Scene, known: Known): Promise<boolean> {
  let told = false;
  for (const deed of rewriting(scene.folder, texts(scene, known), names))
    told = (await world.neighbour.tries(deed)) === '' || told;
  return told;
}

/**
 * While a program of the user is at its work, another program of the same user comes upon the lie: the work succeeds.
 */
async function disturbed(setting: Setting, lies: readonly Lie[], some: number): Promise<Tally> {
  const { world, user, work } = setting;
  const combinations = lies.flatMap((lie) => finding.map((name) => ({ lie, name })));
  const trials = sample(combinations, ({ lie, name }) => `${lie.what} ${name}`, some);
  const scenes = await planted(
    setting,
    trials.map(({ lie }) => lie.plant),
  );
  const worker = await Victim.start(user, world.folder);
  const harm: string[] = [];
  let done = 0;
  for (const [index, { lie, name }] of trials.entries()) {
    const scene = scenes[index] as Scene;
    const known = knownIn(scene);
    let told = false;
    let begun = false;
    const outcome = await worker.perform(
      { operation: work, folder: scene.folder },
      async ({ name: call, names }): Promise<Answer> => {
        // Right before it is put in place, or committed.
        if (begun || !call.startsWith('rename') || !decides(names)) return 'go';
        begun = true;
        told = await tell(lie, world, scene, known);
        if (told) await (await world.victim(user)).perform({ operation: name, folder: scene.folder });
        return 'go';
      },
    );
    const contents = readFileSync(scene.at('mine'), 'utf8');
    if (told) done++;
    if (told && (outcome.error !== undefined || contents !== 'both'))
      harm.push(
        `${name}() after ${lie.plant.operation} that was killed before call ${lie.plant.at} and tells ${lie.what}: ${outcome.error?.message ?? contents}`,
      );
  }
  await worker.end();
  return { trials: trials.length, done, harm };
}

/** The call that puts content in place, or commits. */
function decides(names: readonly string[]): boolean {
  return names.some((name) => name.endsWith('/mine') || name.endsWith('.committed'));
}

/**
 * A program of the user was killed after its commit, so many calls later: what the neighbour says of it does not undo
 * half of that.
 */
async function torn(setting: Setting, some: number): Promise<Tally> {
  const { world, kind, user, work } = setting;
  const lies = await liesOfTransactions(world, kind);
  const combinations = lies.flatMap((lie) =>
    finding.flatMap((name) => [0, 1, 2, 3, 5, 8].map((later) => ({ lie, name, later }))),
  );
  const trials = sample(combinations, ({ lie, name }) => `${lie.what} ${name}`, some);
  const scenes = await planted(
    setting,
    trials.map(({ lie }) => lie.plant),
  );
  const known = scenes.map(knownIn);
  const victims = await Planter.start(world, user);
  for (const [index, { later }] of trials.entries()) {
    const { folder, hidden } = scenes[index] as Scene;
    let since = 0;
    await victims.plantWhen(folder, work, () => isDecidedIn(hidden) && since++ === later);
  }
  await victims.die();
  const harm: string[] = [];
  let done = 0;
  for (const [index, { lie, name, later }] of trials.entries()) {
    const scene = scenes[index] as Scene;
    if (!(await tell(lie, world, scene, known[index] as Known))) continue;
    done++;
    const victim = await world.victim(user);
    await victim.perform({ operation: name, folder: scene.folder });
    for (const folder of [scene.hidden, scene.folder, scene.hidden])
      await victim.perform({ operation: 'recover', folder });
    const contents = `${readFileSync(scene.at('mine'), 'utf8')}, ${scene.hiddenContents}`;
    // What could not be completed is there for later.
    const lost = (['shared', 'hidden'] as const).filter((where) => !scene.holds('both', where));
    if (lost.length > 0)
      harm.push(
        `${name}() after ${lie.plant.operation} that was killed before call ${lie.plant.at} and tells ${lie.what} that was killed ${later} calls after its commit: ${contents}, and what the ${lost.join(' and the ')} one was to hold is gone`,
      );
  }
  return { trials: trials.length, done, harm };
}

describe("a neighbour whose files say that they are another's (G8, G9, G10)", { skip: reasonNotToAttack }, () => {
  const { world, holds } = attacks('G8', 'G9', 'G10');
  const sticky = (work: OperationName, user: User): Setting => ({ world: world(), kind: 'sticky', user, work });
  for (const work of ['write mine', 'update mine'] as const) {
    holds(`disturbs no live work of the superuser: ${work}`, async () =>
      disturbed(sticky(work, root), await liesOfLocks(world(), 'sticky'), 40),
    );
  }
  for (const [name, user, kind] of [
    ['the superuser', root, 'sticky'],
    ['an ordinary user', aliceOfDev, 'group'],
  ] as const) {
    holds(`disturbs no live transaction of ${name}`, async () =>
      disturbed(
        { ...sticky('transaction from hidden files', user), kind },
        await liesOfTransactions(world(), kind),
        36,
      ),
    );
    holds(`undoes no half of what ${name} had committed`, () =>
      torn({ world: world(), kind: 'group', user, work: 'transaction from hidden files' }, 48),
    );
  }
});
