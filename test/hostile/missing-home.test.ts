/**
 * No neighbour is needed for this: a directory of an interrupted transaction is not where it was, since it is not
 * mounted or was moved.
 */
import { chmodSync, chownSync, mkdirSync, readFileSync, renameSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'node:test';
import type { User } from '../support/as-user.ts';
import { attacks, reasonNotToAttack, untorn, type Tally } from './hostile.ts';
import type { OperationName } from './operations.ts';
import { Planter } from './planting.ts';
import { sample } from './sample.ts';
import { aliceOfDev, root } from './scene.ts';
import type { World } from './world.ts';

const transaction = 'transaction in two directories';

class Pair {
  readonly folder: string;
  readonly #owner: User;

  constructor(folder: string, owner: User) {
    this.folder = folder;
    this.#owner = owner;
    this.#directory(folder);
    for (const name of ['home', 'other']) {
      this.#directory(this.at(name));
      writeFileSync(this.at(`${name}/state`), 'old');
      chownSync(this.at(`${name}/state`), owner.uid, owner.gid);
    }
  }

  #directory(path: string): void {
    mkdirSync(path);
    chownSync(path, this.#owner.uid, this.#owner.gid);
    chmodSync(path, 0o755);
  }

  at(name: string): string {
    return join(this.folder, name);
  }

  hide(name: string, how: How): void {
    renameSync(this.at(name), this.at('elsewhere'));
    if (how === 'is not mounted') this.#directory(this.at(name));
  }

  comeBack(name: string, how: How): void {
    if (how === 'is not mounted') rmdirSync(this.at(name));
    renameSync(this.at('elsewhere'), this.at(name));
  }

  get contents(): string {
    return ['home/state', 'other/state'].map((name) => readFileSync(this.at(name), 'utf8')).join(', ');
  }
}

const hows = ['is not mounted', 'was moved'] as const;
type How = (typeof hows)[number];

type Act = (world: World, user: User, folder: string) => unknown;

const perform =
  (operation: OperationName): Act =>
  async (world, user, folder) =>
    (await world.victim(user)).perform({ operation, folder });

const acts: Readonly<Record<string, Act>> = {
  'recover()': perform('recover'),
  'an update': perform('update that changes nothing'),
  'a transaction': perform('transaction that changes nothing'),
  'a transaction of another file': perform('transaction beside'),
  'sweep()': perform('sweep'),
  'untorn recover': (_, user, folder) => untorn(user, 'recover', folder),
};

class Pairs {
  readonly #world: World;
  readonly #user: User;
  #count = 0;

  constructor(world: World, user: User) {
    this.#world = world;
    this.#user = user;
  }

  next(): Pair {
    return new Pair(join(this.#world.folder, `pair-${this.#user.uid}-${this.#count++}`), this.#user);
  }

  /** A pair for each of these, in which a transaction was killed before that call. */
  async killedAt(moments: readonly number[]): Promise<Pair[]> {
    const planter = await Planter.start(this.#world, this.#user);
    const pairs = moments.map(() => this.next());
    for (const [index, at] of moments.entries())
      await planter.plant((pairs[index] as Pair).folder, { operation: transaction, at });
    await planter.die();
    return pairs;
  }

  /** The calls before which a transaction is committed and not done. */
  async committed(): Promise<number[]> {
    const planter = await Planter.start(this.#world, this.#user);
    const moments = await planter.moments(this.next().folder, transaction);
    await planter.die();
    const pairs = await this.killedAt(moments);
    const isCommitted: boolean[] = [];
    for (const pair of pairs) {
      const begun = pair.contents !== 'both, both';
      await perform('recover')(this.#world, this.#user, pair.at('home'));
      isCommitted.push(begun && pair.contents === 'both, both');
    }
    return moments.filter((_, index) => isCommitted[index]);
  }
}

async function tryAll(world: World, user: User, some: number): Promise<Tally> {
  const pairs = new Pairs(world, user);
  const moments = await pairs.committed();
  const combinations = hows.flatMap((how) =>
    ['home', 'other'].flatMap((hidden) =>
      Object.entries(acts).flatMap(([name, act]) => moments.map((at) => ({ how, hidden, name, act, at }))),
    ),
  );
  const trials = sample(combinations, ({ name, hidden, how }) => `${name} ${hidden} ${how}`, some);
  const all = await pairs.killedAt(trials.map(({ at }) => at));
  const harm: string[] = [];
  for (const [index, { how, hidden, name, act, at }] of trials.entries()) {
    const one = all[index] as Pair;
    one.hide(hidden, how);
    await act(world, user, one.at(hidden === 'home' ? 'other' : 'home'));
    one.comeBack(hidden, how);
    for (const folder of ['home', 'other']) await perform('recover')(world, user, one.at(folder));
    if (one.contents !== 'both, both')
      harm.push(`killed before call ${at}, "${hidden}" ${how}, ${name}: ${one.contents}`);
  }
  return { trials: trials.length, done: trials.length, harm };
}

describe(
  'a transaction of which a directory cannot be found for a while is all or nothing (G9)',
  { skip: reasonNotToAttack },
  () => {
    const { world, holds } = attacks('G9');
    for (const [name, user] of [
      ['the superuser', root],
      ['an ordinary user', aliceOfDev],
    ] as const) {
      holds(`of ${name}`, () => tryAll(world(), user, 40));
    }
  },
);
