/** The other end of an actor on another machine: starts the process, tells it what to do, kills it. */
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { deserialize, serialize } from 'node:v8';
import type { Commands } from '../filesystems/actor.ts';
import { ActorError } from '../filesystems/actors.ts';
import type { Failure } from '../filesystems/failure.ts';
import type { Machine, Said } from './machines.ts';

const program = fileURLToPath(new URL('../filesystems/actor.js', import.meta.url));

interface Told {
  readonly id?: number;
  readonly event?: string;
  readonly pid?: number;
  readonly result?: never;
  readonly error?: Failure;
}

type Waiting = { readonly resolve: (value: never) => void; readonly reject: (error: Error) => void };

export class Remote {
  readonly machine: Machine;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  readonly #calls = new Map<number, Waiting>();
  readonly #events: string[] = [];
  #wake: () => void = () => undefined;
  #next = 0;
  #pid = 0;
  #isOver = false;

  private constructor(machine: Machine, environment: string) {
    this.machine = machine;
    const { child, ended } = machine.start(
      `exec env UV_USE_IO_URING=0 ${environment} ${process.execPath} --no-warnings ${program}`,
    );
    this.#child = child;
    createInterface(child.stdout!).on('line', (line) => this.#heard(line));
    this.#ended = this.#waitForEnd(ended);
  }

  async #waitForEnd(ended: Promise<Said>): Promise<void> {
    const { stderr } = await ended;
    this.#isOver = true;
    const error = new Error(`The process on ${this.machine.name} ended: ${stderr.slice(-2000)}`);
    for (const { reject } of this.#calls.values()) reject(error);
    this.#happened('ended');
  }

  /** Starts one; `counts` lets its calls be counted, and it can be stopped before one of them. */
  static async on(machine: Machine, { counts = false } = {}): Promise<Remote> {
    const remote = new Remote(machine, counts ? 'UNTORN_COUNTS=1' : '');
    await remote.event('ready');
    return remote;
  }

  #heard(line: string): void {
    if (!line.startsWith('> ')) {
      this.#happened(line.trim());
      return;
    }
    const { id = -1, event, pid, result, error } = deserialize(Buffer.from(line.slice(2), 'base64')) as Told;
    if (pid !== undefined) this.#pid = pid;
    if (event !== undefined) this.#happened(event);
    const waiting = this.#calls.get(id);
    if (waiting === undefined) return;
    this.#calls.delete(id);
    if (error === undefined) waiting.resolve(result as never);
    else waiting.reject(new ActorError(error));
  }

  #happened(event: string): void {
    this.#events.push(event);
    this.#wake();
  }

  /** Resolves when something has happened in the process, now or before; rejects if it ends first. */
  async event(name: string): Promise<void> {
    for (;;) {
      const index = this.#events.indexOf(name);
      if (index >= 0) {
        this.#events.splice(index, 1);
        return;
      }
      if (this.#events.includes('ended')) throw new Error(`The process on ${this.machine.name} ended before "${name}"`);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #tell(message: object): void {
    this.#child.stdin?.write(`${serialize(message).toString('base64')}\n`);
  }

  do<Name extends keyof Commands>(name: Name, ...args: Parameters<Commands[Name]>): ReturnType<Commands[Name]> {
    const id = this.#next++;
    const done = new Promise<never>((resolve, reject) => {
      if (this.#isOver) reject(new Error(`The process on ${this.machine.name} has ended`));
      this.#calls.set(id, { resolve, reject });
    });
    this.#tell({ id, name, args });
    return done as ReturnType<Commands[Name]>;
  }

  /** A function of the package. */
  call<Result = unknown>(name: string, ...args: unknown[]): Promise<Result> {
    return this.do('call', name, ...args) as Promise<Result>;
  }

  /** A function of `node:fs/promises`. */
  plain<Result = unknown>(name: string, ...args: unknown[]): Promise<Result> {
    return this.do('plain', name, ...args) as Promise<Result>;
  }

  /** Ends a loop of reads. */
  stop(): void {
    this.#tell({ name: 'stop' });
  }

  signal(signal: 'KILL' | 'STOP' | 'CONT'): void {
    this.machine.run(`kill -${signal} ${this.#pid}`);
  }

  async kill(): Promise<void> {
    if (!this.#isOver) this.signal('KILL');
    await this.#ended;
  }
}
