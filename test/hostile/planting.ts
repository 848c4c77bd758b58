/**
 * What the neighbour plants: as far as can be, what the package itself leaves of a program of his that was killed, so that it is
 * right whatever the names and the contents are like. Only here is it known what they are like.
 */
import { existsSync, lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digest } from '#untorn/system/owner.js';
import { bobOfDev, type User } from '../support/as-user.ts';
import type { OperationName } from './operations.ts';
import type { Kind, Scene } from './scene.ts';
import { Victim } from './stopped.ts';
import type { World } from './world.ts';

/** An operation, and the call before which its program is killed. */
export interface Planted {
  readonly operation: OperationName;
  readonly at: number;
}

/** A name without what differs from process to process and from one to the next. */
export function shapeOf(name: string): string {
  return name.replaceAll(/([0-9a-z]+-[a-z])(?:-[0-9a-z]+){4,}/g, '$1*').replaceAll(/[0-9a-v]{20}/g, '*');
}

/** What the programs of one user leave that are killed. They are one program, whose calls fail from then on, and which is killed at the end. */
export class Planter {
  readonly #victim: Victim;

  private constructor(victim: Victim) {
    this.#victim = victim;
  }

  static async start(world: World, user: User = bobOfDev): Promise<Planter> {
    return new Planter(await Victim.start(user, world.folder));
  }

  /** Leaves what a program that was killed before that call leaves in a folder. */
  async plant(folder: string, { operation, at }: Planted): Promise<void> {
    await this.#victim.perform({ operation, folder }, (_, index) => (index === at ? 'freeze' : 'go'));
  }

  /** Does something to its end. */
  async perform(folder: string, operation: OperationName): Promise<void> {
    const { error, stuck } = await this.#victim.perform({ operation, folder });
    if (error !== undefined || stuck !== undefined) throw new Error(`${operation} fails: ${error?.message ?? stuck}`);
  }

  /** What there is to be seen before each call of an operation. */
  async looks<T>(folder: string, operation: OperationName, look: () => T): Promise<T[]> {
    const found: T[] = [];
    await this.#victim.perform({ operation, folder }, () => {
      found.push(look());
      return 'go';
    });
    return found;
  }

  /** All calls at which an operation, killed there, leaves other names than before: in its folder, or in all of a larger one. */
  async moments(folder: string, operation: OperationName, looked: string = folder): Promise<number[]> {
    const before = namesIn(looked);
    const names = await this.looks(folder, operation, () => namesIn(looked));
    return names.flatMap((now, at) => (now === (names[at - 1] ?? before) ? [] : [at]));
  }

  /** From here on what was planted is a dead process's. */
  async die(): Promise<void> {
    await this.#victim.end();
  }
}

function namesIn(folder: string): string {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map(shapeOf).toSorted().join('\n');
}

const known = new Map<string, Promise<readonly Planted[]>>();

/** The moments of an operation of the neighbour's; they are looked for once. */
export function momentsOf(world: World, kind: Kind, operation: OperationName): Promise<readonly Planted[]> {
  const key = `${kind} ${operation}`;
  let moments = known.get(key);
  if (moments === undefined) known.set(key, (moments = findMoments(world, kind, operation)));
  return moments;
}

async function findMoments(world: World, kind: Kind, operation: OperationName): Promise<readonly Planted[]> {
  const scene = world.scene(kind, bobOfDev);
  const planter = await Planter.start(world);
  try {
    return (await planter.moments(scene.folder, operation)).map((at) => ({ operation, at }));
  } finally {
    await planter.die();
    scene.remove();
  }
}

/** The names that the package made, and not the scene, here and in directories below; always in the same order. */
export function leftIn(scene: Scene): string[] {
  return scene.names().filter((name) => name.includes('untorn')).toSorted((one, other) => (shapeOf(one) < shapeOf(other) ? -1 : 1));
}

const id = /(?:[0-9a-z]+-){5}[0-9a-v]{20}/;

/** The ids of transactions that names in a directory tell. */
export function transactionsIn(folder: string): string[] {
  return [...new Set(readdirSync(folder).flatMap((name) => new RegExp(`untorn-[xj]-(${id.source})`).exec(name)?.[1] ?? []))];
}

/** What tells files of the package from each other, of all that names in a directory say. */
export function randomsIn(folder: string): string[] {
  return [...new Set(readdirSync(folder, { recursive: true, encoding: 'utf8' }).flatMap((name) => name.match(/[0-9a-v]{20}/g) ?? []))];
}

/** Text whose checksum is right again. */
export function sealed(text: string): string {
  const [line = '', ...rest] = text.split('\n');
  return rest.length === 2 && rest[1] === '' ? `${line}\n${digest(line)}\n` : text;
}

/**
 * What stands in the neighbour's files and names, changed: each of some texts is another. It is done here, with no more than the neighbour could do
 * himself: to files that he owns, in directories that he may write.
 */
export function rewrite(folder: string, uid: number, texts: ReadonlyMap<string, string>): [string, string][] {
  const moves: [string, string][] = [];
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const status = lstatSync(path);
    if (status.uid !== uid) continue;
    if (status.isDirectory()) moves.push(...rewrite(path, uid, texts));
    else if (status.isFile()) writeFileSync(path, sealed(changed(readFileSync(path, 'utf8'), texts)));
    const other = changed(name, texts);
    if (other !== name && !existsSync(join(folder, other))) moves.push([path, join(folder, other)]);
  }
  return moves;
}

function changed(text: string, texts: ReadonlyMap<string, string>): string {
  let result = text;
  for (const [from, to] of texts) result = result.replaceAll(from, to);
  return result;
}


/** What decides a transaction if its name is changed: the name before, and after. */
export function decisionIn(folder: string): [string, string] | undefined {
  const pending = readdirSync(folder).find((name) => name.endsWith('.pending'));
  return pending === undefined ? undefined : [join(folder, pending), join(folder, pending.replace(/pending$/, 'committed'))];
}
