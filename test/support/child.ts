/** Programs of their own: processes that import the built package. */
import {
  spawn,
  spawnSync,
  type ChildProcessWithoutNullStreams,
  type SpawnOptionsWithoutStdio,
} from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A program run from here finds the package by its name. */
const root = fileURLToPath(new URL('../../../', import.meta.url));

/** How a program ended. */
export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  /** Flags of Node. */
  readonly flags?: readonly string[];
  /** A command that runs Node, as strace. */
  readonly under?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** Wine now and then refuses to start a program, with an error that is none of those of Windows. */
function spawnAnyhow(
  command: string,
  args: readonly string[],
  options: SpawnOptionsWithoutStdio,
): ChildProcessWithoutNullStreams {
  for (let attempts = 1; ; attempts++) {
    try {
      return spawn(command, args, options);
    } catch (error) {
      if (process.platform !== 'win32' || (error as NodeJS.ErrnoException).code !== 'UNKNOWN' || attempts === 3)
        throw error;
      console.error(`Started again: ${String(error)}`);
    }
  }
}

/** A program that runs beside the test, and talks with it line by line. */
export class Program {
  readonly process: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Ended>;
  readonly #lines: string[] = [];
  readonly #waiting: { resolve(line: string): void; reject(error: Error): void }[] = [];
  #end: Ended | undefined;

  constructor(code: string, args: readonly string[], { flags = [], under = [], env }: ProgramOptions) {
    const [command, ...rest] = [
      ...under,
      process.execPath,
      ...flags,
      '--input-type=module',
      '--eval',
      code,
      '--',
      ...args,
    ] as [string, ...string[]];
    this.process = spawnAnyhow(command, rest, {
      cwd: root,
      env: { ...process.env, NODE_OPTIONS: '', NODE_TEST_CONTEXT: undefined, UV_USE_IO_URING: '0', ...env },
    });
    let stderr = '';
    const all: string[] = [];
    this.process.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    this.process.stdin.on('error', () => undefined); // It may be gone already.
    createInterface(this.process.stdout).on('line', (line) => {
      all.push(line);
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#lines.push(line);
      else waiting.resolve(line);
    });
    this.ended = new Promise((resolve, reject) => {
      this.process.on('error', reject);
      this.process.on('close', (status, signal) => {
        this.#end = { status, signal, stdout: all.join('\n'), stderr };
        for (const { reject: fail } of this.#waiting) fail(this.#gone());
        resolve(this.#end);
      });
    });
  }

  /** The next line that the program says. */
  line(): Promise<string> {
    const line = this.#lines.shift();
    if (line !== undefined) return Promise.resolve(line);
    if (this.#end !== undefined) return Promise.reject(this.#gone());
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #gone(): Error {
    return new Error(`The program has ended: ${JSON.stringify(this.#end)}`);
  }
}

/** Starts a program; `process.argv` has the arguments from its second place on. */
export function start(code: string, args: readonly string[] = [], options: ProgramOptions = {}): Program {
  return new Program(code, args, options);
}

/** Runs a program to its end. */
export function run(code: string, args: readonly string[] = [], options: ProgramOptions = {}): Promise<Ended> {
  return start(code, args, options).ended;
}

/** Runs a program that must end well, and reads the JSON that it says. */
export async function ask<T>(code: string, args: readonly string[] = [], options: ProgramOptions = {}): Promise<T> {
  const ended = await run(code, args, options);
  if (ended.status !== 0) throw new Error(`The program failed: ${JSON.stringify(ended)}`);
  return JSON.parse(ended.stdout) as T;
}

/** Why a command cannot be used here, or false. */
export function missing(command: string, ...args: string[]): string | false {
  const { status, error } = spawnSync(command, args, { stdio: 'ignore' });
  if (status === 0) return false;
  return `${[command, ...args].join(' ')} does not work here: ${error?.message ?? `exit status ${status}`}`;
}
