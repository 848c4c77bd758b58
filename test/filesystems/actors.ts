/** The other end of an actor: starts the process, tells it what to do, kills it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { environment } from './place.ts';
import type { Commands } from './actor.ts';
import type { Failure } from './failure.ts';

const program = fileURLToPath(new URL('actor.js', import.meta.url));

/** An error of the package, or of the system, in another process. */
export class ActorError extends Error {
  readonly code: string;
  readonly outcome: string | undefined;
  readonly step: string | undefined;
  readonly syscall: string | undefined;

  constructor({ name, code, message, outcome, step, syscall }: Failure) {
    super(message);
    this.name = name;
    this.code = code;
    this.outcome = outcome;
    this.step = step;
    this.syscall = syscall;
  }
}

/** How the process is started: what stands before its command, and what is different in its environment. */
export interface How {
  readonly under?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

type Waiting = { readonly resolve: (value: never) => void; readonly reject: (error: Error) => void };

export class Actor {
  readonly process: ChildProcess;
  readonly ended: Promise<{ status: number | null; signal: NodeJS.Signals | null }>;
  readonly #calls = new Map<number, Waiting>();
  readonly #events: string[] = [];
  #wake: () => void = () => undefined;
  #next = 0;
  #said = '';
  isOver = false;

  constructor({ under = [], env }: How) {
    const command = [...under, process.execPath, '--no-warnings', program];
    this.process = spawn(command[0]!, command.slice(1), {
      env: { ...environment, NODE_OPTIONS: '', UV_USE_IO_URING: '0', ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      serialization: 'advanced',
    });
    this.process.stderr
      ?.setEncoding('utf8')
      .on('data', (text: string) => (this.#said = (this.#said + text).slice(-4000)));
    this.process.stdout?.setEncoding('utf8').on('data', (text: string) => this.#happened(text.trim()));
    this.process.on('message', (message) =>
      this.#told(message as { id?: number; event?: string; result?: never; error?: Failure }),
    );
    this.ended = new Promise((resolve, reject) => {
      this.process.on('error', reject);
      this.process.on('close', (status, signal) => {
        this.isOver = true;
        this.#happened('ended');
        const error = new Error(`The process ended with ${signal ?? status}: ${this.#said}`);
        for (const { reject } of this.#calls.values()) reject(error);
        resolve({ status, signal });
      });
    });
    this.ended.catch(() => undefined);
  }

  #happened(event: string): void {
    this.#events.push(event);
    this.#wake();
  }

  #told({ id, event, result, error }: { id?: number; event?: string; result?: never; error?: Failure }): void {
    if (event !== undefined) this.#happened(event);
    const waiting = this.#calls.get(id ?? -1);
    if (waiting === undefined) return;
    this.#calls.delete(id ?? -1);
    if (error === undefined) waiting.resolve(result as never);
    else waiting.reject(new ActorError(error));
  }

  /**
   * Resolves when something has happened in the process, now or before: `'ready'`, `'held'`, `'stopped'`; rejects if
   * it ends first.
   */
  async event(name: string): Promise<void> {
    for (;;) {
      const index = this.#events.indexOf(name);
      if (index >= 0) {
        this.#events.splice(index, 1);
        return;
      }
      if (this.#events.includes('ended')) throw new Error(`The process ended before "${name}": ${this.#said}`);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Lets it do something. */
  do<Name extends keyof Commands>(name: Name, ...args: Parameters<Commands[Name]>): ReturnType<Commands[Name]> {
    const id = this.#next++;
    const done = new Promise<never>((resolve, reject) => {
      if (this.isOver) reject(new Error(`The process has ended: ${this.#said}`));
      this.#calls.set(id, { resolve, reject });
    });
    this.process.send({ id, name, args });
    return done as ReturnType<Commands[Name]>;
  }

  /** Ends a loop of reads. */
  stop(): void {
    this.process.send({ name: 'stop' });
  }

  /** A function of the package. */
  call<Result = unknown>(name: string, ...args: unknown[]): Promise<Result> {
    return this.do('call', name, ...args) as Promise<Result>;
  }

  /** The process itself, where others stand before it. */
  async #pid(): Promise<number> {
    let pid = this.process.pid!;
    for (;;) {
      const [child] = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ');
      if ((await readFile(`/proc/${pid}/comm`, 'utf8')).startsWith('node') || child === undefined || child === '')
        return pid;
      pid = Number(child);
    }
  }

  /** Whether it is the first process of its namespace, to which signals that it does not handle do nothing. */
  async isFirst(): Promise<boolean> {
    const numbers = /^NSpid:\s+(.*)$/m.exec(await readFile(`/proc/${await this.#pid()}/status`, 'utf8'))?.[1];
    return numbers?.split(/\s+/).at(-1) === '1';
  }

  async signal(signal: NodeJS.Signals): Promise<void> {
    process.kill(await this.#pid(), signal);
  }

  async kill(): Promise<void> {
    if (!this.isOver) this.process.kill('SIGKILL');
    await this.ended;
  }

  /** Ends it as a program ends. */
  async end(): Promise<void> {
    if (this.isOver) return;
    this.process.send({ name: 'leave' });
    const timer = setTimeout(() => this.process.kill('SIGKILL'), 5000);
    await this.ended;
    clearTimeout(timer);
  }
}
