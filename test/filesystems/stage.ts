/** What a behaviour is tried on: a new folder of a filesystem, and processes that can be told what to do there. */
import { chown, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Actor, type How } from './actors.ts';
import type { Verdict } from './verdict.ts';

/** How much is tried. */
export interface Amount {
  /** How long two processes race. */
  readonly milliseconds: number;
  /** Changes that each of two processes makes. */
  readonly times: number;
  /** At how many of its calls a process is killed. */
  readonly kills: number;
  /** How long each waits for a lock, in milliseconds. */
  readonly lockTimeout: number;
}

/** A filesystem that is mounted, or a situation in which processes run. */
export interface Mounted {
  readonly folder: string;
  /** How processes are started that work there; the second may be started differently from the first. */
  readonly how?: readonly [first: How, second?: How];
  /** Who works there, if not the superuser. */
  readonly owner?: number;
  /** The process that serves it, and what its syncs have to reach. */
  readonly server?: { readonly pid: number };
  /** Files that were there before it was mounted, with two names each, in this folder. */
  readonly linked?: string;
}

export class Stage {
  readonly folder: string;
  readonly mounted: Mounted;
  readonly amount: Amount;
  readonly #actors = new Map<number, Promise<Actor>>();
  readonly #extra = new Set<Actor>();

  constructor(folder: string, mounted: Mounted, amount: Amount) {
    this.folder = folder;
    this.mounted = mounted;
    this.amount = amount;
  }

  at(...names: string[]): string {
    return join(this.folder, ...names);
  }

  /** A new folder, which those who work there own. */
  async newFolder(name = '.'): Promise<string> {
    await mkdir(this.at(name));
    const { owner } = this.mounted;
    if (owner !== undefined) await chown(this.at(name), owner, owner);
    return this.at(name);
  }

  how(number: number): How {
    const [first, second] = this.mounted.how ?? [{}];
    return number === 0 ? first : (second ?? first);
  }

  /** One of the two processes that stay; started anew if it was killed. */
  async actor(number: 0 | 1): Promise<Actor> {
    const known = await this.#actors.get(number);
    if (known !== undefined && !known.isOver) return known;
    const started = this.start(this.how(number));
    this.#actors.set(number, started);
    return started;
  }

  /** A process of its own, for what it is killed at. */
  async start(how: How = this.how(0)): Promise<Actor> {
    const actor = new Actor(how);
    this.#extra.add(actor);
    await actor.event('ready');
    return actor;
  }

  async names(folder = this.folder): Promise<string[]> {
    return (await readdir(folder)).toSorted();
  }

  /** All that the package left in the folder and below. */
  async litter(folder = this.folder): Promise<string[]> {
    return (await readdir(folder, { recursive: true }))
      .filter((name) => /(^|\/)\.[^/]*untorn|(^|\/)[^/]*untorn-/.test(name))
      .toSorted();
  }

  async end(): Promise<void> {
    for (const actor of this.#extra) await (actor.isOver ? undefined : actor.end());
  }
}

/** A promise of the package, tried on a filesystem. */
export interface Behaviour {
  /** The head of its column. */
  readonly name: string;
  /** What it does, in a sentence. */
  readonly about: string;
  run(stage: Stage): Promise<Verdict>;
}
