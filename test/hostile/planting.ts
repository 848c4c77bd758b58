/**
 * What the neighbour plants: as far as can be, what the package itself leaves of a program of his that was killed, so
 * that it is right whatever the names and the contents are like. Only here is it known what they are like.
 */
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { digest } from '#untorn/system/owner.js';
import { bobOfDev, type User } from '../support/as-user.ts';
import type { Deed } from './neighbour-program.ts';
import type { OperationName } from './operations.ts';
import type { Kind, Scene } from './scene.ts';
import { Victim } from './stopped.ts';
import type { World } from './world.ts';

/** An operation, and the call before which its program is killed. */
export interface Planted {
  readonly operation: OperationName;
  readonly at: number;
}

/** One after which other names are left than before. */
export interface Moment extends Planted {
  /** Files whose contents tell of a transaction. */
  readonly telling: readonly string[];
}

/** A name without what differs from process to process and from one to the next. */
export function shapeOf(name: string): string {
  return name.replaceAll(/([0-9a-z]+-[a-z])(?:-[0-9a-z]+){4,}/g, '$1*').replaceAll(/[0-9a-v]{20}/g, '*');
}

/**
 * What the programs of one user leave that are killed. They are one program, whose calls fail from then on, and which
 * is killed at the end.
 */
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
    await this.plantWhen(folder, operation, (index) => index === at);
  }

  /** The same, of one that is killed as soon as something is so. */
  async plantWhen(folder: string, operation: OperationName, isTime: (index: number) => boolean): Promise<void> {
    await this.#victim.perform({ operation, folder }, (_, index) => (isTime(index) ? 'freeze' : 'go'));
  }

  /** Does something to its end. */
  async perform(folder: string, operation: OperationName): Promise<void> {
    const { error, stuck, ended } = await this.#victim.perform({ operation, folder });
    const why = error?.message ?? stuck ?? ended;
    if (why !== undefined) throw new Error(`${operation} fails: ${why}`);
  }

  /** What there is to be seen before each call of an operation. */
  async looks<T>(folder: string, operation: OperationName, look: () => T): Promise<T[]> {
    const found: T[] = [];
    const { stuck, ended } = await this.#victim.perform({ operation, folder }, () => {
      found.push(look());
      return 'go';
    });
    if (stuck !== undefined || ended !== undefined) throw new Error(`${operation} does not end: ${stuck ?? ended}`);
    return found;
  }

  /**
   * All calls at which an operation, killed there, leaves other names than before: in its folder, or in all of a larger
   * one.
   */
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

const known = new Map<string, Promise<readonly Moment[]>>();

/** The moments of an operation, of the neighbour's if nobody else is named; they are looked for once. */
export function momentsOf(
  world: World,
  kind: Kind,
  operation: OperationName,
  user: User = bobOfDev,
): Promise<readonly Moment[]> {
  const key = `${kind} ${operation} ${user.uid}`;
  let moments = known.get(key);
  if (moments === undefined) known.set(key, (moments = findMoments(world, kind, operation, user)));
  return moments;
}

async function findMoments(world: World, kind: Kind, operation: OperationName, user: User): Promise<readonly Moment[]> {
  const scene = world.scene(kind, user);
  const planter = await Planter.start(world, user);
  try {
    let last = namesIn(scene.folder);
    const looks = await planter.looks(scene.folder, operation, () => {
      const now = namesIn(scene.folder);
      const isNew = now !== last;
      last = now;
      return { isNew, telling: isNew ? tellingIn(scene.folder) : [] };
    });
    return looks.flatMap(({ isNew, ...look }, at) => (isNew ? [{ operation, at, ...look }] : []));
  } finally {
    await planter.die();
  }
}

/** The names that the package made, and not the scene, here and in directories below; always in the same order. */
export function leftIn(scene: Scene): string[] {
  return scene
    .names()
    .filter((name) => name.includes('untorn'))
    .toSorted((one, other) => (shapeOf(one) < shapeOf(other) ? -1 : 1));
}

const id = /(?:[0-9a-z]+-){5,}[0-9a-v]{20}/;
const random = /[0-9a-v]{20}/;

function inNames(folder: string, pattern: RegExp): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return [...new Set(names.flatMap((name) => name.match(new RegExp(pattern, 'g')) ?? []))];
}

function tellingIn(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names.filter(
    (name) => lstatSync(join(folder, name)).isFile() && id.test(readFileSync(join(folder, name), 'utf8')),
  );
}

/**
 * The ids of transactions, as names in a directory tell them: all that is known of an owner, and what tells one of its
 * files from the others.
 */
export function idsIn(folder: string): string[] {
  return inNames(folder, new RegExp(`(?<=untorn-[xj]-)${id.source}`));
}

/** What tells the package's files from each other, as names in a directory tell it. */
export function randomsIn(folder: string): string[] {
  return inNames(folder, random);
}

/** Text with a checksum, which is right again after a change. */
function sealed(text: string): string {
  const [line = '', ...rest] = text.split('\n');
  return rest.length === 2 && rest[1] === '' ? `${line}\n${digest(line)}\n` : text;
}

function changed(text: string, texts: readonly (readonly [string, string])[]): string {
  return texts.reduce((result, [from, to]) => result.replaceAll(from, to), text);
}

/**
 * What the neighbour does to say something else in the contents of his own files, and in their names: each of some
 * texts is another.
 */
export function rewriting(folder: string, texts: readonly (readonly [string, string])[], names: boolean): Deed[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap(({ name }): Deed[] => {
    const path = join(folder, name);
    const status = lstatSync(path);
    if (status.uid !== bobOfDev.uid) return [];
    const deeds: Deed[] = status.isDirectory() ? rewriting(path, texts, names) : [];
    const content = status.isFile() ? readFileSync(path, 'utf8') : '';
    const other = changed(content, texts);
    if (other !== content) deeds.push(['put', path, sealed(other)]);
    const renamed = names ? changed(name, texts) : name;
    if (renamed !== name) deeds.push(['move', path, join(folder, renamed)]);
    return deeds;
  });
}

/** What decides a transaction if its name is changed: the name before, and after. */
export function decisionIn(folder: string): [string, string] | undefined {
  const pending = readdirSync(folder, { recursive: true, encoding: 'utf8' }).find((name) => name.endsWith('.pending'));
  return pending === undefined
    ? undefined
    : [join(folder, pending), join(folder, pending.replace(/pending$/, 'committed'))];
}

/** Whether the transaction is committed whose home is there. */
export function isDecidedIn(folder: string): boolean {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).some((name) => name.endsWith('.committed'));
}

/** A name like one that is there, of something else. */
export function copyOf(name: string, number: number): string {
  return name.replace(/[0-9a-v]{20}/, (text) => text.slice(0, 12) + number.toString(32).padStart(8, '0'));
}
