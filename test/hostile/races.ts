/**
 * A neighbour who comes between two calls: right before one of them he puts something else in the place of what it is about. That is
 * tried before every call, with every name that it is given, and with all that he might put there.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { User } from '../support/as-user.ts';
import type { Neighbour } from './neighbour.ts';
import { operation, type OperationName } from './operations.ts';
import { full } from './package.ts';
import { Planter, shapeOf, type Planted } from './planting.ts';
import { baits, ownerOf, type Kind, type Scene, type World } from './scene.ts';
import { prepare } from './preparing.ts';
import { memoryLimit, Victim, type Answer, type Call, type Decide, type Outcome } from './stopped.ts';
import { exchange, substitutes, type Substitute, type SubstituteName } from './substitutes.ts';

export interface Race {
  readonly world: World;
  readonly neighbour: Neighbour;
  readonly kind: Kind;
  readonly user: User | undefined;
  readonly operation: OperationName;
  /** What the neighbour planted before. */
  readonly planted?: Planted;
}

/** One thing that he does. */
interface Trial {
  /** Before which call. */
  readonly index: number;
  /** Which of its names, and how much of it below the shared directory. */
  readonly name: number;
  readonly depth: number;
  readonly substitute: SubstituteName;
  /** To say what it was. */
  readonly call: string;
}

/** What came of all trials. */
export interface Tally {
  readonly trials: number;
  /** How often the neighbour could do it. */
  readonly done: number;
  readonly harm: readonly string[];
}

/** Scenes in which everything is planted by programs that are dead. */
async function scenes({ world, neighbour, kind, user, operation: name, planted }: Race, count: number): Promise<Scene[]> {
  const all = Array.from({ length: count }, () => world.scene(kind, ownerOf(user)));
  await prepare(world, all, user, operation(name).needs ?? []);
  if (planted === undefined) return all;
  const planter = await Planter.start(world);
  try {
    for (const scene of all) {
      await planter.plant(scene, planted);
      await neighbour.does(['stuff', scene.folder, ...baits]);
    }
  } finally {
    await planter.die();
  }
  return all;
}

/** The parts of a path below the shared directory. */
function partsOf(scene: Scene, path: string): string[] {
  return path.startsWith(`${scene.folder}/`) ? path.slice(scene.folder.length + 1).split('/') : [];
}

/** Everything that could be tried with one operation, as its calls without a neighbour show it. */
async function allTrials(race: Race, only: readonly SubstituteName[]): Promise<Trial[]> {
  const [scene] = (await scenes(race, 1)) as [Scene];
  const calls: Call[] = [];
  const victim = await Victim.start(race.user, race.world.folder);
  await victim.perform({ operation: race.operation, folder: scene.folder }, (call) => {
    calls.push(call);
    return 'go';
  });
  await victim.end();
  const { given } = operation(race.operation);
  const found: Trial[] = [];
  for (const [index, call] of calls.entries()) {
    for (const [name, path] of call.names.entries()) {
      const parts = partsOf(scene, path);
      for (let depth = 1; depth <= parts.length; depth++) {
        const part = parts.slice(0, depth).join('/');
        if (part === '.' || /^(private|note)\b/.test(part)) continue;
        for (const substitute of only) {
          const { kinds, leads }: Substitute = substitutes[substitute];
          if (!kinds.includes(race.kind) || (leads && given.includes(part))) continue;
          found.push({ index, name, depth, substitute, call: `${call.name} ${shapeOf(part)}` });
        }
      }
    }
  }
  scene.remove();
  return found;
}

/** Not more than so many: others of each kind before a second of one. */
export function sample<T>(all: readonly T[], nameOf: (one: T) => string, some: number): T[] {
  if (full) return [...all];
  const times = new Map<string, number>();
  const ranked = all.map((one) => {
    const name = nameOf(one);
    const rank = times.get(name) ?? 0;
    times.set(name, rank + 1);
    return { one, rank, hash: createHash('sha256').update(`${name} ${rank}`).digest('hex') };
  });
  return ranked.toSorted((a, b) => a.rank - b.rank || (a.hash < b.hash ? -1 : 1)).slice(0, some).map(({ one }) => one);
}

/** Tries it with one operation, `some` times at most unless all is to be tried. */
export async function race(given: Race, only: readonly SubstituteName[], some: number): Promise<Tally> {
  const trials = sample(await allTrials(given, only), ({ call, substitute }) => `${call} ${substitute}`, some);
  const all = await scenes(given, trials.length);
  const harm: string[] = [];
  let done = 0;
  let victim: Victim | undefined;
  try {
    for (const [at, trial] of trials.entries()) {
      const scene = all[at] as Scene;
      if (victim === undefined || victim.gone) victim = await Victim.start(given.user, given.world.folder);
      const found = await tryOne(given, scene, victim, trial);
      if (found.done) done++;
      if (found.harm.length > 0) harm.push(`${trial.substitute} before call ${trial.index}, ${trial.call}: ${found.harm.join('; ')}`);
      // One that is stuck takes long to notice, and shows it all.
      if (found.stuck) break;
    }
  } finally {
    await victim?.end();
    for (const scene of all) scene.remove();
  }
  return { trials: trials.length, done, harm };
}

async function tryOne({ world, neighbour, operation: name }: Race, scene: Scene, victim: Victim, trial: Trial): Promise<{ done: boolean; stuck: boolean; harm: string[] }> {
  let path = '';
  const decide: Decide = async (call: Call, index: number): Promise<Answer> => {
    if (index === trial.index) {
      const parts = partsOf(scene, call.names[trial.name] ?? '');
      if (parts.length >= trial.depth) path = await put(neighbour, world, scene, join(scene.folder, ...parts.slice(0, trial.depth)), trial.substitute);
    }
    return 'go';
  };
  const outcome = await victim.perform({ operation: name, folder: scene.folder }, decide);
  const harm = [...world.harm(), ...scene.harm(path === '' ? [] : [path]), ...excesses(outcome)];
  if (world.harm().length > 0) world.remember(); // What was done once is not counted again.

  return { done: path !== '', stuck: outcome.stuck !== undefined, harm };
}

/** Puts something in the place of what is there, or where something will be; returns where, if that could be done. */
export async function put(neighbour: Neighbour, world: World, scene: Scene, path: string, substitute: SubstituteName): Promise<string> {
  const { away, there } = exchange(world, scene, path, substitute);
  const error = await neighbour.tries(...away);
  if (error !== '' && error !== 'move: ENOENT') return '';
  // He cannot guess what is random in a name that is not there yet.
  if (error !== '' && shapeOf(path) !== path) return '';
  return (await neighbour.tries(...there)) === '' ? path : '';
}

/** More than time and an error. */
export function excesses({ stuck, memory = 0 }: Outcome): string[] {
  if (stuck !== undefined) return [stuck];
  return memory > memoryLimit ? [`it took ${memory} KiB of memory`] : [];
}

