/**
 * A program of some user that stands still before each of its calls on the files of a folder, until it is told to go
 * on. Nothing is left to luck: whoever wants to come between two of its calls does so there.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Duplex, Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { spoiler } from '../fault/spoiler.ts';
import { as, type User } from '../support/as-user.ts';
import type { Task, Told } from './victim.ts';

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

export interface Call {
  readonly name: string;
  /** What it is given by name, wherever links lead from there. */
  readonly names: readonly string[];
  /** And by a descriptor. */
  readonly held: readonly string[];
}

/**
 * Lets it go on; or fails it and all later ones, which leaves the files as if the program had been killed before it.
 */
export type Answer = 'go' | 'freeze' | 'kill';

export type Decide = (call: Call, index: number) => Answer | Promise<Answer>;

/** How it ended what it was told to do; or that it ended itself, or why it was killed. */
export type Outcome = Told & { readonly ended?: string; readonly stuck?: string };

/** More than it takes to do anything here, and less than what is to be refused would take. */
export const memoryLimit: number = 400 << 10;

export class Stopped {
  readonly process: ChildProcess;
  readonly ended: Promise<{ status: number | null; signal: string | null }>;
  decide: Decide = () => 'go';
  #calls = 0;
  #failure: unknown;
  stdout = '';
  stderr = '';

  constructor(user: User, folder: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    const program = [...as(user), process.execPath, '--no-warnings', ...args];
    const settings = { NODE_OPTIONS: '', NODE_TEST_CONTEXT: undefined, UV_USE_IO_URING: '0', UV_THREADPOOL_SIZE: '1' };
    this.process = spawn(spoiler, ['/dev/null', folder, '--', ...program], {
      cwd: '/',
      env: { ...process.env, ...settings, ...env },
      stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
    });
    this.process.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    const channel = (this.process.stdio as readonly unknown[])[5] as Duplex;
    for (const stream of [this.process.stdin, this.process.stdio[4] as Writable, channel])
      stream?.on('error', () => undefined); // It may be gone already.
    createInterface(channel).on('line', (line) => void this.#answer(channel, line));
    this.ended = once(this.process, 'close').then(([status, signal]) => ({
      status: status as number | null,
      signal: signal as string | null,
    }));
  }

  async #answer(channel: Duplex, line: string): Promise<void> {
    const [name = '', ...paths] = line.split('\t');
    let answer: Answer = 'kill';
    try {
      const given = (how: string): string[] =>
        paths.filter((path) => path.startsWith(how)).map((path) => path.slice(1));
      answer = await this.decide({ name, names: given('p'), held: given('f') }, this.#calls++);
    } catch (error) {
      this.#failure ??= error;
    }
    channel.write(answer[0] as string);
  }

  /** From here on calls are counted from 0. */
  beginWith(decide: Decide): void {
    this.decide = decide;
    this.#calls = 0;
  }

  /** Fails if who decided did. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  kill(): void {
    this.process.kill('SIGKILL');
  }

  /** Lets it come to its end; says why, if it was killed instead. */
  async toEnd(): Promise<string | undefined> {
    const watched = watch(this.process.pid as number);
    const stuck = await Promise.race([this.ended.then(() => undefined), watched.stuck]);
    watched.stop();
    if (stuck !== undefined) this.kill();
    await this.ended;
    this.check();
    return stuck;
  }
}

/** One that works in shared directories, as often as it is told. */
export class Victim {
  readonly #program: Stopped;
  readonly #lines: AsyncIterator<string>;
  #pid = 0;
  gone = false;

  private constructor(user: User, folder: string) {
    this.#program = new Stopped(user, folder, [here('victim.js')]);
    this.#lines = createInterface(this.#program.process.stdio[3] as Readable)[Symbol.asyncIterator]();
  }

  static async start(user: User, folder: string): Promise<Victim> {
    const victim = new Victim(user, folder);
    victim.#pid = Number(await victim.#hear());
    if (!(victim.#pid > 0)) throw new Error(`The victim does not start: ${victim.#program.stderr}`);
    return victim;
  }

  async #hear(): Promise<string | undefined> {
    const { value, done } = await this.#lines.next();
    return done === true ? undefined : (value as string);
  }

  /** Does something; if it can be seen that it never ends, it is killed. */
  async perform(task: Omit<Task, 'ask'>, decide?: Decide): Promise<Outcome> {
    this.#program.beginWith(decide ?? ((): Answer => 'go'));
    const watched = watch(this.#pid);
    (this.#program.process.stdio[4] as Writable).write(
      `${JSON.stringify({ ...task, ask: decide !== undefined } satisfies Task)}\n`,
    );
    const told = this.#hear();
    const stuck = await Promise.race([told.then(() => undefined), watched.stuck]);
    watched.stop();
    if (stuck !== undefined) await this.end();
    const line = await told;
    this.#program.check();
    if (line === undefined && stuck === undefined) {
      this.gone = true;
      await this.#program.ended;
      return { ended: this.#program.stderr };
    }
    return line === undefined ? { stuck: stuck as string } : (JSON.parse(line) as Told);
  }

  async end(): Promise<void> {
    this.gone = true;
    this.#program.kill();
    await this.#program.ended;
  }
}

/**
 * Tells when a process, or one that it started, is stuck: it waits in open(2), as for the other end of a FIFO; or it
 * takes memory without end.
 */
function watch(pid: number): { readonly stuck: Promise<string>; stop(): void } {
  let looks = 0;
  let opening = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;
  const stuck = new Promise<string>((resolve) => {
    timer = setInterval(() => {
      const all = withChildren(pid);
      opening = new Map(all.flatMap(openingIn).map((thread) => [thread, (opening.get(thread) ?? 0) + 1]));
      const memory = Math.max(...all.map(memoryOf));
      if ([...opening.values()].some((times) => times > 8)) resolve('it waits in open(2)');
      else if (memory > memoryLimit) resolve(`it has ${memory} KiB of memory`);
      else if (++looks > 900) resolve('it does not end');
    }, 100);
  });
  return { stuck, stop: () => clearInterval(timer) };
}

function withChildren(pid: number): number[] {
  const children = orNothing(() => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'))
    .split(' ')
    .filter((text) => text !== '');
  return [pid, ...children.flatMap((child) => withChildren(Number(child)))];
}

const opens: readonly string[] = process.arch === 'x64' ? ['2', '257', '437'] : ['56', '437'];

/** Threads that sleep in open(2) (proc(5)). */
function openingIn(pid: number): string[] {
  const at = (thread: string, name: string): string =>
    orNothing(() => readFileSync(`/proc/${pid}/task/${thread}/${name}`, 'utf8'));
  const threads = orNothing(() => readdirSync(`/proc/${pid}/task`).join(' ')).split(' ');
  return threads.filter(
    (thread) =>
      at(thread, 'stat')
        .replace(/^.*\) /, '')
        .startsWith('S') && opens.includes(at(thread, 'syscall').split(' ')[0] ?? ''),
  );
}

function memoryOf(pid: number): number {
  return Number(/^VmRSS:\s*(\d+)/m.exec(orNothing(() => readFileSync(`/proc/${pid}/status`, 'utf8')))?.[1] ?? 0);
}

/** It may have ended meanwhile. */
function orNothing(look: () => string): string {
  try {
    return look();
  } catch {
    return '';
  }
}
