/**
 * A neighbour who puts something else in the place of something: before anything is done, of what he planted; or
 * between two calls, of what the next one is about. That is tried before every call, with every name that it is given,
 * and with all that he might put there.
 */
import { lstatSync, readFileSync } from 'node:fs';
import { bobOfDev, type User } from '../support/as-user.ts';
import type { Tally } from './hostile.ts';
import { operation, type OperationName } from './operations.ts';
import { full } from './package.ts';
import { leftIn, Planter, shapeOf, type Planted } from './planting.ts';
import { prepare } from './preparing.ts';
import { sample } from './sample.ts';
import { baits, type Kind, type Scene } from './scene.ts';
import { memoryLimit, type Answer, type Call, type Decide, type Outcome } from './stopped.ts';
import { exchange, substitutes, type Substitute, type SubstituteName } from './substitutes.ts';
import type { World } from './world.ts';

export interface Race {
  readonly world: World;
  readonly kind: Kind;
  readonly user: User;
  readonly operation: OperationName;
  /** What was planted: one of these, by a program of the neighbour's that was killed, or of the user's own. */
  readonly planted?: readonly Planted[];
  readonly by?: User;
  /** What he puts there. */
  readonly with: readonly SubstituteName[];
}

/**
 * What something is put in the place of: what a call is about, the how manieth of its kind; or, before the first one,
 * something planted.
 */
type Where = { readonly place: string; readonly nth: number } | { readonly left: number };

interface Trial {
  readonly planted: Planted | undefined;
  readonly where: Where;
  readonly substitute: SubstituteName;
  /** What it is, also in other runs. */
  readonly text: string;
}

/** A scene for each of these, in which everything is planted by programs that are dead. */
async function scenes(
  { world, kind, user, operation: name, by = bobOfDev }: Race,
  plants: readonly (Planted | undefined)[],
): Promise<Scene[]> {
  const { needs = [], plantIn } = operation(name);
  const all = plants.map(() => world.scene(kind, user));
  await prepare(world, all, user, needs);
  if (plants.every((one) => one === undefined)) return all;
  const planter = await Planter.start(world, by);
  try {
    for (const [at, scene] of all.entries()) {
      const planted = plants[at];
      if (planted === undefined) continue;
      await planter.plant(scene.at(plantIn ?? '.'), planted);
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
  return path.startsWith(`${scene.folder}/`)
    ? path
        .slice(scene.folder.length + 1)
        .split('/')
        .filter((part) => part !== '.')
    : [];
}

/** Everything that could be tried, as the calls without a neighbour show it. */
async function allTrials(race: Race): Promise<Trial[]> {
  const plants = race.planted ?? [undefined];
  const all = await scenes(race, plants);
  // Those whose programs end with it meet only new ones.
  if (operation(race.operation).ends === true) await (await race.world.victim(race.user)).end();
  const victim = await race.world.victim(race.user);
  const found: Trial[] = [];
  for (const [at, scene] of all.entries()) {
    const planted = plants[at];
    const left = planted === undefined ? [] : leftIn(scene);
    const places: { where: Where; part: string; text: string }[] = left.map((part, index) => ({
      where: { left: index },
      part,
      text: `planted ${shapeOf(part)}`,
    }));
    const count = new Counter();
    await victim.perform({ operation: race.operation, folder: scene.folder }, (call) => {
      for (const { part, text } of placesOf(scene, call))
        places.push({ where: { place: text, nth: count.next(text) }, part, text });
      return 'go';
    });
    // Unless all is to be tried, only what was planted has its place taken: what is made has races of its own.
    const shapes = left.map(shapeOf);
    const isPlanted = (part: string): boolean =>
      planted === undefined ||
      full ||
      shapes.some((shape) => shape === shapeOf(part) || shapeOf(part).startsWith(`${shape}/`));
    for (const { where, part, text } of places.filter((place) => isPlanted(place.part))) {
      for (const substitute of race.with)
        if (mayTry(race, part, substitute)) found.push({ planted, where, substitute, text });
    }
  }
  return found;
}

/** How often something was met. */
class Counter {
  readonly #times = new Map<string, number>();

  next(text: string): number {
    const times = (this.#times.get(text) ?? 0) + 1;
    this.#times.set(text, times);
    return times;
  }
}

/** Every name that a call is given, and the directories above it. */
function placesOf(scene: Scene, call: Call): { part: string; text: string }[] {
  return call.names.flatMap((path, name) => {
    const parts = partsOf(scene, path);
    return parts.map((_, at) => {
      const part = parts.slice(0, at + 1).join('/');
      return {
        part,
        text: `${call.name}${name === 0 ? '' : ' to'} ${shapeOf(part)}${at + 1 < parts.length ? '/…' : ''}`,
      };
    });
  });
}

function mayTry({ kind, operation: name }: Race, part: string, substitute: SubstituteName): boolean {
  const { kinds, asked }: Substitute = substitutes[substitute];
  const { given, refusesLinks } = operation(name);
  const led = asked !== undefined && given.includes(part) && !(asked === 'a link' && refusesLinks === true);
  return kinds.includes(kind) && !/^(private|note)\b/.test(part) && !led;
}

/** Tries it, `some` times at most unless all is to be tried. */
export async function race(given: Race, some: number): Promise<Tally> {
  const trials = sample(await allTrials(given), ({ text, substitute }) => `${text} ${substitute}`, some);
  const harm: string[] = [];
  let done = 0;
  // Not too many at once.
  for (let from = 0; from < trials.length; from += 200) {
    const some = trials.slice(from, from + 200);
    const all = await scenes(
      given,
      some.map(({ planted }) => planted),
    );
    for (const [at, trial] of some.entries()) {
      const scene = all[at] as Scene;
      const found = await tryOne(given, scene, trial);
      if (found.done) done++;
      if (found.harm.length > 0) harm.push(`${describe(trial)}: ${found.harm.join('; ')}`);
    }
  }
  return { trials: trials.length, done, harm };
}

function describe({ planted, where, substitute, text }: Trial): string {
  const after = planted === undefined ? '' : `, after ${planted.operation} that was killed before call ${planted.at}`;
  return `${substitute} in the place of what is at ${text}${'nth' in where && where.nth > 1 ? ` (${where.nth})` : ''}${after}`;
}

async function tryOne(
  { world, user, operation: name }: Race,
  scene: Scene,
  { where, substitute }: Trial,
): Promise<{ done: boolean; harm: string[] }> {
  let path = '';
  if ('left' in where) {
    const left = leftIn(scene)[where.left];
    if (left !== undefined) path = await put(world, scene, scene.at(left), substitute);
  }
  const count = new Counter();
  const decide: Decide = async (call: Call): Promise<Answer> => {
    if ('left' in where) return 'go';
    for (const { part, text } of placesOf(scene, call)) {
      if (text === where.place && count.next(text) === where.nth)
        path = await put(world, scene, scene.at(part), substitute);
    }
    return 'go';
  };
  const outcome = await (await world.victim(user)).perform({ operation: name, folder: scene.folder }, decide);
  return {
    done: path !== '',
    harm: [
      ...world.harm(),
      ...scene.harm(),
      ...excesses(outcome, operation(name).ends),
      ...lies(scene, name, outcome, path),
    ],
  };
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
export function excesses({ stuck, ended, memory = 0 }: Outcome, mayEnd = false): string[] {
  if (stuck !== undefined) return [stuck];
  if (ended !== undefined && !mayEnd) return [`it has ended: ${ended}`];
  return memory > memoryLimit ? [`it took ${memory} KiB of memory`] : [];
}

/** Whether it says that it succeeded, and has put in place what it did not make. */
function lies(scene: Scene, name: OperationName, { result }: Outcome, path: string): string[] {
  const { target } = operation(name);
  if (target === undefined || result === undefined || path === scene.at(target) || path === '') return [];
  const { files = [] } = result as { files?: { superseded: boolean }[] };
  if (files.some(({ superseded }) => superseded)) return [];
  const published = scene.published(target, path);
  // A directory may be exchanged after it was put in place.
  if (published.length > 0 || !['state', 'created'].includes(target))
    return published.map((what) => `it says that it succeeded, and ${what}`);
  const status = lstatSync(scene.at(target), { throwIfNoEntry: false });
  const content = status?.isFile() === true && status.size < 100 ? readFileSync(scene.at(target), 'utf8') : '';
  return content === 'new' ? [] : [`it says that it succeeded, and ${target} is something else`];
}
