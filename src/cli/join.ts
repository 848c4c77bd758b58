/**
 * `untorn doctor DIR --join CODE`, run on two machines at once: what each sees of the other's files, and whether the lock
 * excludes them both. One machine cannot tell that.
 *
 * They meet in a directory that is named by the code, and wait for each other before each trial. Everything is tried,
 * also where the package refuses locks; the directory is removed in the end.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { WriteError } from '../contract/index.ts';
import { updateFile } from '../update/index.ts';
import { writeFile } from '../write/index.ts';
import { Failure, UsageError } from './failures.ts';

/** How long to wait for the other machine, in milliseconds: clients of NFS remember for a minute what is not there. */
const patience = 180_000;
const pause = 20;
/** How many files both try to create, and how often each counts. */
const [files, counts] = [40, 60];

/** What two machines found. */
export interface Joined {
  readonly hosts: readonly [own: string, other: string];
  /** Milliseconds until one has seen that the other has seen its file, at least and at most. */
  readonly roundTrip: readonly [least: number, most: number];
  /** Milliseconds by which the other machine's clock is ahead, measured by the times of files. */
  readonly clocks: number;
  /** Files that both, or neither, were told to have created. */
  readonly createdTwice: number;
  readonly createdByNobody: number;
  readonly acknowledged: number;
  /** Updates that were acknowledged and are not in the file. */
  readonly lost: number;
  /** Errors of this machine, by code. */
  readonly errors: Readonly<Record<string, number>>;
  readonly holds: boolean;
}

export async function joinOther(directory: string, code: string): Promise<Joined> {
  if (!/^[\w-]{1,32}$/.test(code)) throw new UsageError('--join takes up to 32 letters, digits, "-" and "_"');
  const folder = join(directory, `.untorn-doctor-${code}`);
  mkdirSync(folder, { recursive: true });
  try {
    return await new Meeting(folder).hold();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Greeting {
  readonly host: string;
  /** By how much its clock is ahead of the times of files. */
  readonly ahead: number;
}

class Meeting {
  readonly #folder: string;
  readonly #own = `${process.pid.toString(36)}${Math.random().toString(36).slice(2, 10)}`;
  #other = '';
  readonly #told: Record<string, unknown> = {};
  readonly #errors: Record<string, number> = {};

  constructor(folder: string) {
    this.#folder = folder;
  }

  #at(name: string): string {
    return join(this.#folder, name);
  }

  /**
   * Tells the other machine something, and waits for what it tells at the same point. All is told in one file, since an
   * NFS client remembers for long which names are not there, and looks anew at what it opens.
   */
  async #exchange<T>(point: string, told: T): Promise<T> {
    this.#told[point] = told;
    await writeFile(this.#at(`here-${this.#own}`), JSON.stringify(this.#told), { filesystem: 'any' });
    return until(() => {
      if (point === 'end' && !existsSync(this.#folder)) return told;
      const others = JSON.parse(readFileSync(this.#at(`here-${this.#other}`), 'utf8')) as Record<string, T>;
      if (!(point in others)) throw new Error('It is not there yet');
      return others[point] as T;
    });
  }

  async hold(): Promise<Joined> {
    const greeting = await this.#greeting();
    writeFileSync(this.#at(`here-${this.#own}`), '{}');
    this.#other = await until(() => this.#find());
    const other = await this.#exchange('greeting', greeting);
    const roundTrip = await this.#roundTrips();
    const created = await this.#create();
    const counted = await this.#count();
    const { length } = created.filter((one) => one === 2);
    const nobody = created.filter((one) => one === 0).length;
    return {
      hosts: [greeting.host, other.host],
      roundTrip,
      clocks: Math.round(other.ahead - greeting.ahead),
      createdTwice: length,
      createdByNobody: nobody,
      ...counted,
      errors: this.#errors,
      holds: length === 0 && counted.lost === 0,
    };
  }

  async #greeting(): Promise<Greeting> {
    const path = this.#at(`clock-${this.#own}`);
    writeFileSync(path, '');
    return { host: hostname(), ahead: Date.now() - statSync(path).mtimeMs };
  }

  #find(): string {
    const names = readdirSync(this.#folder).filter((name) => name.startsWith('here-'));
    if (names.length > 2) throw new Failure('More than two use this code: choose another one for each pair');
    const other = names.find((name) => name !== `here-${this.#own}`);
    if (other === undefined) throw new Error('Nobody is there');
    return other.slice('here-'.length);
  }

  async #roundTrips(): Promise<[number, number]> {
    const times: number[] = [];
    for (let round = 0; round < 3; round++) {
      const began = performance.now();
      await this.#exchange(`round-${round}`, round);
      times.push(performance.now() - began);
    }
    return [Math.round(Math.min(...times)), Math.round(Math.max(...times))];
  }

  /** How many were told that they created each of some files. */
  async #create(): Promise<number[]> {
    await this.#exchange('create', 0);
    const won: number[] = [];
    for (let number = 0; number < files; number++) {
      const path = this.#at(`file-${number}`);
      const isMade = await this.#tried(() => writeFile(path, this.#own, { overwrite: false, filesystem: 'any' }));
      if (isMade) won.push(number);
    }
    const others = await this.#exchange('created', won);
    return Array.from({ length: files }, (_, number) => Number(won.includes(number)) + Number(others.includes(number)));
  }

  async #count(): Promise<{ acknowledged: number; lost: number }> {
    const path = this.#at('count');
    await this.#exchange('count', 0);
    let own = 0;
    const add = (old: string | undefined): string => String(Number(old ?? '0') + 1);
    const options = { encoding: 'utf8', filesystem: 'any', lock: { timeout: patience } } as const;
    for (let number = 0; number < counts; number++) if (await this.#tried(() => updateFile(path, add, options))) own++;
    const acknowledged = own + (await this.#exchange('counted', own));
    const final = await until(() => Number(readFileSync(path, 'utf8')));
    // Nobody removes the directory before both have read it. Then it may be gone at once.
    await this.#exchange('end', 0);
    return { acknowledged, lost: Math.max(0, acknowledged - final) };
  }

  /** Whether a call succeeded. */
  async #tried(call: () => Promise<unknown>): Promise<boolean> {
    try {
      await call();
      return true;
    } catch (error) {
      const code = WriteError.isWriteError(error) ? error.code : String(error);
      if (code !== 'EEXIST') this.#errors[code] = (this.#errors[code] ?? 0) + 1;
      return false;
    }
  }
}

/** The value, once it can be had. */
async function until<T>(look: () => T): Promise<T> {
  for (const end = Date.now() + patience; ; await sleep(pause)) {
    try {
      return look();
    } catch (error) {
      if (error instanceof Failure) throw error;
      if (Date.now() > end) throw new Failure('The other machine was not heard of in three minutes', { cause: error });
    }
  }
}

/** The verdict in words. */
export function* told({
  hosts,
  roundTrip,
  clocks,
  createdTwice,
  acknowledged,
  lost,
  errors,
  holds,
}: Joined): Iterable<string> {
  const [own, other] = hosts;
  yield `met ${other === own ? 'another process of this machine' : `"${other}"`}`;
  yield `what one writes the other has seen, and answered, after ${roundTrip[0]} to ${roundTrip[1]} ms`;
  const [amount, side] = [Math.abs(clocks), clocks > 0 ? 'ahead' : 'behind'];
  yield amount < 1000 ? 'the clocks agree to a second' : `the other clock is ${(amount / 1000).toFixed(1)} s ${side}`;
  yield createdTwice === 0
    ? `of ${files} files that both tried to create, each had one creator at most`
    : `${createdTwice} of ${files} files were created by both: overwrite: false excludes nobody here`;
  yield lost === 0
    ? `${acknowledged} updates of both are all in the file`
    : `${lost} of ${acknowledged} acknowledged updates are LOST: the lock excludes nobody here`;
  for (const [code, count] of Object.entries(errors)) yield `${count} calls of this machine failed: ${code}`;
  yield holds
    ? 'the lock held between these two; a holder that dies is replaced after its lease, 10 s'
    : 'keep no file here that several machines change';
}
