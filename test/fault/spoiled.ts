/** A program under the spoiler: what it called, and which of its calls was spoiled. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync, rmSync, truncateSync, writeFileSync as plainWrite } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { spoiler, workshop } from './spoiler.ts';
import type { Task, Told } from './subject.ts';

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const root = here('../../../');
const settings = { NODE_OPTIONS: '', NODE_TEST_CONTEXT: undefined, UV_USE_IO_URING: '0', UV_THREADPOOL_SIZE: '1' };

/** One call of a write: its name and what it works on, and the how manieth it is of those. */
export interface Call {
  readonly nth: number;
  readonly text: string;
}

/** What happens instead of a call: `error=EIO`, `keep=1` byte, or `kill`. */
export type Fault = string;

export interface Trial {
  readonly call: Call;
  readonly fault: Fault;
}

/** What the spoiler is told. */
export function orderOf(trial: Trial | undefined): string {
  if (trial === undefined) return 'look';
  const { call, fault } = trial;
  return `${fault.replace(/E[A-Z]+/, (code) => String((constants.errno as Record<string, number>)[code]))}/${call.nth}/${call.text}`;
}

/** What the spoiler wrote down since it was asked last. */
class Log {
  readonly path: string;
  static #count = 0;

  constructor() {
    this.path = join(workshop, `log-${Log.#count++}`);
    plainWrite(this.path, '');
  }

  take(): { calls: Call[]; spoiled: boolean } {
    const lines = readFileSync(this.path, 'utf8').split('\n');
    truncateSync(this.path);
    const calls = lines.flatMap((line) => {
      const [, nth, text] = /^!?(\d+) (.*)$/.exec(line) ?? [];
      return text === undefined ? [] : [{ nth: Number(nth), text }];
    });
    return { calls, spoiled: lines.some((line) => line.startsWith('!')) };
  }

  remove(): void {
    rmSync(this.path);
  }
}

/**
 * What is worked on, beside the folder: what tells one process or thread from another; and where names become random.
 */
export const ours: readonly string[] = [
  '/proc/self/',
  '/proc/sys/kernel/random/',
  '/etc/machine-id',
  'self/task/',
  ...['t', 'r', 'l', 'x', 'j', 'd', 'v'].map((kind) => `untorn-${kind}-`),
  // A file without a name is shown by its inode number.
  '#',
];

interface Spoiled {
  readonly process: ChildProcess;
  readonly log: Log;
  readonly ended: Promise<{ status: number | null; signal: string | null }>;
}

function start(watched: readonly string[], args: readonly string[], more: NodeJS.ProcessEnv = {}): Spoiled {
  const log = new Log();
  const node = [process.execPath, '--no-warnings', ...args];
  const [command, ...rest] = watched.length === 0 ? node : [spoiler, log.path, ...watched, '--', ...node];
  const started = spawn(command as string, rest, {
    cwd: root,
    env: { ...process.env, ...settings, ...more },
    stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
  });
  // It may be gone already.
  for (const stream of [started.stdin, started.stdio[4] as Writable]) stream?.on('error', () => undefined);
  const ended = once(started, 'close').then(([status, signal]) => ({
    status: status as number | null,
    signal: signal as string | null,
  }));
  return { process: started, log, ended };
}

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly calls: readonly Call[];
  readonly spoiled: boolean;
}

/** A script with all of its input, from its start to its end; it is ended after a minute. `watched`: see spoil.c. */
export async function runScript(
  watched: readonly string[],
  args: readonly string[],
  input: string,
  trial?: Trial,
): Promise<Ended> {
  const {
    process: started,
    log,
    ended,
  } = start(watched, ['--import', here('preload.js'), ...args], { UNTORN_SPOIL: orderOf(trial) });
  const patience = globalThis.setTimeout(() => started.kill('SIGKILL'), 60_000);
  started.stdin?.end(input);
  let [stdout, stderr] = ['', ''];
  started.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  started.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const { status } = await ended;
  clearTimeout(patience);
  const seen = log.take();
  log.remove();
  return { status, stdout, stderr, ...seen };
}

/** A program that writes when it is told to. */
export class Subject {
  readonly #spoiled: Spoiled;
  readonly #lines: AsyncIterator<string>;
  /** Of the program itself, not of the spoiler that runs it. */
  pid = 0;

  private constructor(folder: string | undefined) {
    this.#spoiled = start(folder === undefined ? [] : [folder, ...ours], [here('subject.js')]);
    this.#spoiled.process.stdout?.resume();
    this.#spoiled.process.stderr?.pipe(process.stderr);
    this.#lines = createInterface(this.#spoiled.process.stdio[3] as Readable)[Symbol.asyncIterator]();
  }

  /** Its calls on the files of a folder are looked at; without one it runs alone. */
  static async start(folder?: string): Promise<Subject> {
    const subject = new Subject(folder);
    subject.pid = (await subject.#hear()) as number;
    return subject;
  }

  /** What it says next; undefined if it is gone. */
  async #hear(): Promise<unknown> {
    const { value, done } = await this.#lines.next();
    return done === true ? undefined : JSON.parse(value as string);
  }

  /** Undefined if it ended over it. */
  async perform(task: Task): Promise<Told | undefined> {
    const told = (await this.#tell(task)) as Told | undefined;
    if (told === undefined) await this.#spoiled.ended;
    return told;
  }

  #tell(task: Task | null): Promise<unknown> {
    (this.#spoiled.process.stdio[4] as Writable).write(`${JSON.stringify(task)}\n`);
    return this.#hear();
  }

  /** What was called since it was asked last. */
  seen(): { calls: Call[]; spoiled: boolean } {
    return this.#spoiled.log.take();
  }

  /** What its open descriptors are. */
  descriptors(): string[] {
    const folder = `/proc/${this.pid}/fd`;
    return readdirSync(folder).flatMap((fd) => {
      try {
        return [readlinkSync(`${folder}/${fd}`)];
      } catch {
        return []; // Closed meanwhile.
      }
    });
  }

  /** Lets it go on until no more descriptors are open than these; returns how many more are. */
  async settled(before: number): Promise<number> {
    let open = this.descriptors().length;
    for (let turns = 0; open > before && turns < 400; turns++) {
      await this.#tell(null);
      if (turns > 5) await setTimeout(5);
      open = this.descriptors().length;
    }
    return open - before;
  }

  /** How it ended. */
  ended(): Promise<{ status: number | null; signal: string | null }> {
    return this.#spoiled.ended;
  }

  async end(): Promise<void> {
    this.#spoiled.process.kill('SIGKILL');
    await this.#spoiled.ended;
    this.#spoiled.log.remove();
  }
}
