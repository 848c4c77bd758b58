/**
 * A backup is found by its name: what a neighbour puts there is not read for somebody else, and does not become his
 * file.
 */
import { existsSync, readFileSync } from 'node:fs';
import { describe } from 'node:test';
import type { User } from '../support/as-user.ts';
import { attacks, reasonNotToAttack, type Tally } from './hostile.ts';
import type { Deed } from './neighbour-program.ts';
import { excesses } from './races.ts';
import { sample } from './sample.ts';
import { aliceOfDev, root, type Kind, type Scene } from './scene.ts';
import type { World } from './world.ts';

const damaged = '{ "half":';

/** What he puts at the name of a backup. */
const tricks: Readonly<Record<string, (world: World, scene: Scene, name: string) => readonly Deed[]>> = {
  'a link to what only the superuser can read': ({ vault }, scene, name) => [['link', vault, scene.at(name)]],
  'a link to what only Alice can read': (_, scene, name) => [['link', scene.note, scene.at(name)]],
  'a link to a link': ({ vault }, scene, name) => [
    ['link', vault, scene.at('own/link')],
    ['link', 'own/link', scene.at(name)],
  ],
  'a link through a directory': ({ folder }, scene, name) => [
    ['link', folder, scene.at('own/link')],
    ['link', 'own/link/vault', scene.at(name)],
  ],
  'a hard link': (_, scene, name) => [['hardLink', scene.note, scene.at(name)]],
  'a link to /dev/zero': (_, scene, name) => [['link', '/dev/zero', scene.at(name)]],
  'a FIFO': (_, scene, name) => [['fifo', scene.at(name)]],
  'a link to a FIFO': (_, scene, name) => [
    ['fifo', scene.at('own/fifo')],
    ['link', 'own/fifo', scene.at(name)],
  ],
  'a huge file': (_, scene, name) => [['sparse', scene.at(name), String(2 ** 30)]],
};

/** The file is his own: whoever repairs it for him shows him nothing that he cannot read. */
async function shown(world: World, kind: Kind, user: User): Promise<Tally> {
  const operations = ['updateJson', 'readJson'] as const;
  const combinations = operations.flatMap((operation) =>
    ['config.json~', 'config.json.~1~'].flatMap((name) =>
      Object.entries(tricks).map(([what, deeds]) => ({ operation, name, what, deeds })),
    ),
  );
  const trials = sample(combinations, ({ what }) => what, 20);
  const harm: string[] = [];
  let done = 0;
  for (const { operation, name, what, deeds } of trials) {
    const scene = world.scene(kind, user);
    const config = scene.at('config.json');
    // One that is young may just be being saved.
    if ((await world.neighbour.tries(['file', config, damaged], ['age', config], ...deeds(world, scene, name))) !== '')
      continue;
    done++;
    const outcome = await (await world.victim(user)).perform({ operation, folder: scene.folder });
    harm.push(
      ...[...world.harm(), ...scene.harm(), ...excesses(outcome)].map(
        (one) => `${operation}() with ${what} at ${name}: ${one}`,
      ),
    );
  }
  return { trials: trials.length, done, harm };
}

/** The file is another's, in a directory where the neighbour cannot replace it: what he calls its backup does not. */
async function replaced(world: World, user: User): Promise<Tally> {
  const harm: string[] = [];
  let trials = 0;
  let done = 0;
  for (const name of ['config.json~', 'config.json.~1~', 'config.json.~7~']) {
    trials++;
    const scene = world.scene('sticky', user);
    scene.put('config.json', damaged, user);
    if ((await world.neighbour.tries(['file', scene.at(name), '{ "evil": true }'])) !== '') continue;
    done++;
    await (await world.victim(user)).perform({ operation: 'updateJson', folder: scene.folder });
    const content = readFileSync(scene.at('config.json'), 'utf8');
    if (content.includes('evil')) harm.push(`${name} became the file: ${content}`);
    if (!existsSync(scene.at('config.json'))) harm.push(`${name}: the file is gone`);
  }
  return { trials, done, harm };
}

describe('backups that a neighbour made (G5)', { skip: reasonNotToAttack }, () => {
  const { world, holds } = attacks('G5');
  for (const [name, user] of [
    ['the superuser', root],
    ['an ordinary user', aliceOfDev],
  ] as const) {
    for (const kind of ['group', 'sticky'] as const)
      holds(`show nothing that ${name} can read and he cannot (${kind})`, () => shown(world(), kind, user));
    holds(`do not become a file of ${name} that he cannot replace`, () => replaced(world(), user));
  }
});
