/**
 * A neighbour who puts something else in the place of something: before anything is done, of what he planted; or between two calls, of
 * what the next one is about. That is tried before every call, with every name that it is given, and with all that he might put there.
 */
import { createHash } from 'node:crypto';
import { lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { User } from '../support/as-user.ts';
import { operation, type OperationName } from './operations.ts';
import { full } from './package.ts';
import { leftIn, Planter, shapeOf, type Planted } from './planting.ts';
import { prepare } from './preparing.ts';
import { baits, type Kind, type Scene } from './scene.ts';
import { memoryLimit, type Answer, type Call, type Decide, type Outcome } from './stopped.ts';
import { exchange, substitutes, type Substitute, type SubstituteName } from './substitutes.ts';
import type { World } from './world.ts';

export interface Race {
  readonly world: World;
  readonly kind: Kind;
  readonly user: User | undefined;
  readonly operation: OperationName;
  /** What the neighbour has planted: one of these. */
  readonly planted?: readonly Planted[];
  /** What he puts there. */
  readonly with: readonly SubstituteName[];
}

/** One thing that he does: to a name that a call is given, or so much of it; or, before the first one, to the name of something planted. */
type Where = { readonly index: number; readonly name: number; readonly depth: number } | { readonly left: number };

interface Trial {
  readonly planted: Planted | undefined;
  readonly where: Where;
  readonly substitute: SubstituteName;
  /** To say what it was. */
  readonly text: string;
}

/** What came of all trials. */
export interface Tally {
  readonly trials: number;
  /** How often the neighbour could do it. */
  readonly done: number;
  readonly harm: readonly string[];
}

/** A scene for each of these, in which everything is planted by programs that are dead. */
async function scenes({ world, kind, user, operation: name }: Race, plants: readonly (Planted | undefined)[]): Promise<Scene[]> {
  const { needs = [], plantIn } = operation(name);
  const all = plants.map(() => world.scene(kind, user));
  await prepare(world, all, user, needs);
  if (plants.every((one) => one === undefined)) return all;
  const planter = await Planter.start(world);
  try {
    for (const [at, scene] of all.entries()) {
      const planted = plants[at];
      if (planted === undefined) continue;
      await planter.plant(scene, planted, plantIn);
      // What is led elsewhere by the names in these finds such names there.
      await world.neighbour.does(['stuff', scene.at(plantIn ?? '.'), ...baits]);
    }
  } finally {
    await planter.die();
  }
  return all;
}

/** The parts of a path below the shared directory. */
function partsOf(scene: Scene, path: string): string[] {
  return path.startsWith(`${scene.folder}/`) ? path.slice(scene.folder.length + 1).split('/').filter((part) => part !== '.') : [];
}

/** Everything that could be tried, as the calls without a neighbour show it. */
async function allTrials(race: Race): Promise<Trial[]> {
  const plants = race.planted ?? [undefined];
  const all = await scenes(race, plants);
  const victim = await race.world.victim(race.user);
  const found: Trial[] = [];
  for (const [at, scene] of all.entries()) {
    const planted = plants[at];
    const left = planted === undefined ? [] : leftIn(scene);
    const calls: Call[] = [];
    await victim.perform({ operation: race.operation, folder: scene.folder }, (call) => {
      calls.push(call);
      return 'go';
    });
    const places = [...left.map((name, index) => ({ where: { left: index }, part: name, text: 'planted' })), ...calls.flatMap((call, index) => placesOf(scene, call, index))];
    for (const { where, part, text } of places) {
      for (const substitute of race.with) {
        if (mayTry(race, part, substitute)) found.push({ planted, where, substitute, text: `${text} ${shapeOf(part)}` });
      }
    }
    scene.remove();
  }
  return found;
}

function placesOf(scene: Scene, call: Call, index: number): { where: Where; part: string; text: string }[] {
  return call.names.flatMap((path, name) => {
    const parts = partsOf(scene, path);
    return parts.map((_, at) => ({ where: { index, name, depth: at + 1 }, part: parts.slice(0, at + 1).join('/'), text: call.name }));
  });
}

function mayTry({ kind, operation: name }: Race, part: string, substitute: SubstituteName): boolean {
  const { kinds, leads }: Substitute = substitutes[substitute];
  return kinds.includes(kind) && !/^(private|note)\b/.test(part) && !(leads && operation(name).given.includes(part));
}

/** Not more than so many: others of each kind before a second of one. Always the same ones. */
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

/** Tries it, `some` times at most unless all is to be tried. */
export async function race(given: Race, some: number): Promise<Tally> {
  const trials = sample(await allTrials(given), ({ text, substitute }) => `${text} ${substitute}`, some);
  const harm: string[] = [];
  let done = 0;
  // Not too many at once.
  for (let from = 0; from < trials.length; from += 200) {
    const some = trials.slice(from, from + 200);
    const all = await scenes(given, some.map(({ planted }) => planted));
    for (const [at, trial] of some.entries()) {
      const scene = all[at] as Scene;
      const found = await tryOne(given, scene, trial);
      if (found.done) done++;
      if (found.harm.length > 0) harm.push(`${describe(trial)}: ${found.harm.join('; ')}`);
      scene.remove();
    }
  }
  return { trials: trials.length, done, harm };
}

function describe({ planted, where, substitute, text }: Trial): string {
  const after = planted === undefined ? '' : `, after ${planted.operation} that was killed before call ${planted.at}`;
  return `${substitute} in the place of what is at ${text}${'index' in where ? `, call ${where.index}` : ''}${after}`;
}

async function tryOne({ world, user, operation: name }: Race, scene: Scene, { where, substitute }: Trial): Promise<{ done: boolean; harm: string[] }> {
  let path = '';
  if ('left' in where) {
    const left = leftIn(scene)[where.left];
    if (left !== undefined) path = await put(world, scene, scene.at(left), substitute);
  }
  const decide: Decide = async (call: Call, index: number): Promise<Answer> => {
    if ('index' in where && index === where.index) {
      const parts = partsOf(scene, call.names[where.name] ?? '');
      if (parts.length >= where.depth) path = await put(world, scene, join(scene.folder, ...parts.slice(0, where.depth)), substitute);
    }
    return 'go';
  };
  const outcome = await (await world.victim(user)).perform({ operation: name, folder: scene.folder }, decide);
  return { done: path !== '', harm: [...world.harm(), ...scene.harm(path === '' ? [] : [path]), ...excesses(outcome), ...lies(scene, name, outcome, path)] };
}

/** Puts something in the place of what is there, or where something will be; returns where, if that could be done. */
export async function put(world: World, scene: Scene, path: string, substitute: SubstituteName): Promise<string> {
  const { away, there } = exchange(world, scene, path, substitute);
  const error = await world.neighbour.tries(...away);
  if (error !== '' && error !== 'move: ENOENT') return '';
  // He cannot guess what is random in a name that is not there yet.
  if (error !== '' && shapeOf(path) !== path) return '';
  return (await world.neighbour.tries(...there)) === '' ? path : '';
}

/** More than time and an error. */
export function excesses({ stuck, memory = 0 }: Outcome): string[] {
  if (stuck !== undefined) return [stuck];
  return memory > memoryLimit ? [`it took ${memory} KiB of memory`] : [];
}

/** Whether it says that it succeeded, and the new content is not where the neighbour did nothing. */
function lies(scene: Scene, name: OperationName, { result }: Outcome, path: string): string[] {
  const { target } = operation(name);
  if (target === undefined || result === undefined || path === scene.at(target) || path === '') return [];
  const { files = [] } = result as { files?: { superseded: boolean }[] };
  if (files.some(({ superseded }) => superseded)) return [];
  // A directory may be exchanged after it was put in place.
  if (target === 'site') return [];
  const status = lstatSync(scene.at(target), { throwIfNoEntry: false });
  const content = status?.isFile() === true && status.size < 100 ? readFileSync(scene.at(target), 'utf8') : '';
  return content === 'new' ? [] : [`it says that it succeeded, and ${target} is something else`];
}
