/** A program at its gate, and a tracer that spoils one call of one of its threads. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { marks, type Thread } from './gate.ts';
import type { Task, Told } from './subject.ts';

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const root = here('../../../');

/** The system calls that work on files and descriptors, whether or not a write makes them. */
const traced = '%file,%desc';

/** One call of a write: its name, the how manieth it is of that name in its thread, and what the tracer wrote about it. */
export interface Call {
  readonly thread: Thread;
  readonly name: string;
  readonly nth: number;
  readonly text: string;
}

/** Instead of a call: an error, or the end of the process. */
export type Fault = string;

export class Subject {
  readonly process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #orders: Writable;
  stderr = '';
  #threads!: Record<Thread, number>;
  readonly ended: Promise<{ status: number | null; signal: string | null }>;

  private constructor(args: readonly string[]) {
    const env = { ...process.env, NODE_OPTIONS: '', NODE_TEST_CONTEXT: undefined, UV_USE_IO_URING: '0', UV_THREADPOOL_SIZE: '1' };
    this.process = spawn(process.execPath, ['--no-warnings', ...args], { cwd: root, env, stdio: ['pipe', 'ignore', 'pipe', 'pipe', 'pipe'] });
    this.process.stdin?.on('error', () => undefined);
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.#lines = createInterface(this.process.stdio[3] as Readable)[Symbol.asyncIterator]();
    this.#orders = this.process.stdio[4] as Writable;
    this.#orders.on('error', () => undefined);
    this.ended = once(this.process, 'close').then(([status, signal]) => ({ status: status as number | null, signal: signal as string | null }));
  }

  /** A program that writes when it is told to. */
  static async library(): Promise<Subject> {
    return new Subject([here('subject.js')]).#ready();
  }

  /** The command, with all of its input. */
  static async command(args: readonly string[], input: string): Promise<Subject> {
    const subject = new Subject(['--import', here('preload.js'), here('../../../dist/cli/main.js'), ...args]);
    subject.process.stdin?.end(input);
    return subject.#ready();
  }

  async #ready(): Promise<this> {
    this.#threads = (await this.hear()) as Record<Thread, number>;
    return this;
  }

  /** What it says next; undefined if it is gone. */
  async hear(): Promise<unknown> {
    const { value, done } = await this.#lines.next();
    return done === true ? undefined : JSON.parse(value as string);
  }

  tell(task: Task | null): void {
    this.#orders.write(`${JSON.stringify(task)}\n`);
  }

  async write(task: Task): Promise<Told | undefined> {
    this.tell(task);
    return (await this.hear()) as Told | undefined;
  }

  /** What its open descriptors are. */
  descriptors(): string[] {
    const folder = `/proc/${this.process.pid}/fd`;
    return readdirSync(folder).flatMap((fd) => {
      try {
        return [readlinkSync(`${folder}/${fd}`)];
      } catch {
        return []; // Closed meanwhile.
      }
    });
  }

  /** How many are open when it has nothing more to do. */
  async quiet(): Promise<number> {
    let open = -1;
    for (let same = 0; same < 3; ) {
      this.tell(null);
      await this.hear();
      const now = this.descriptors().length;
      same = now === open ? same + 1 : 0;
      open = now;
    }
    return open;
  }

  /** Lets it go on until no more descriptors are open than before: some are closed by another thread, shortly after. */
  async settled(before: number): Promise<number> {
    let open = this.descriptors().length;
    for (let turns = 0; open > before && turns < 400; turns++) {
      this.tell(null);
      await this.hear();
      if (turns > 5) await setTimeout(5);
      open = this.descriptors().length;
    }
    return open - before;
  }

  /** Attaches a tracer, which is told what to spoil. Without a call it only looks, at all threads. */
  async trace(log: string, spoil?: { call: Call; fault: Fault }): Promise<Tracer> {
    const spoiling = spoil === undefined ? [] : ['-e', `inject=${spoil.call.name}:${spoil.fault}:when=${spoil.call.nth}`];
    const whom = spoil === undefined ? ['-f', '-p', String(this.#threads.main)] : ['-p', String(this.#threads[spoil.call.thread])];
    const what = spoil === undefined ? traced : spoil.call.name;
    const tracer = spawn('strace', ['-y', '-s', '64', '-o', log, '-e', `trace=${what}`, ...spoiling, ...whom], { stdio: ['ignore', 'ignore', 'pipe'] });
    const ended = once(tracer, 'close');
    let told = '';
    await new Promise<void>((resolve, reject) => {
      tracer.on('error', reject);
      tracer.stderr.setEncoding('utf8').on('data', (text: string) => {
        told += text;
        if (told.includes('attached')) resolve();
      });
      void ended.then(() => reject(new Error(`strace: ${told.trim()}`)));
    });
    const threads = this.#threads;
    return {
      async detach() {
        if (tracer.exitCode === null) tracer.kill('SIGTERM');
        await ended;
        return readFileSync(log, 'utf8');
      },
      calls: (text) => callsOf(text, threads),
    };
  }

  async end(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.ended;
  }
}

export interface Tracer {
  /** Ends it; returns what it saw. */
  detach(): Promise<string>;
  /** The calls of a write in what it saw. */
  calls(log: string): Call[];
}

/** What a write works on, beside the event loop's own descriptors and modules that are loaded. */
const files = /untorn-fault-|\/proc\/|\/etc\/machine-id/;
const elsewhere = /^(epoll_\w+|mmap|ioctl|fcntl|poll|access)$/;

function callsOf(log: string, threads: Record<Thread, number>): Call[] {
  const counts = new Map<string, number>();
  const calls: Call[] = [];
  let inside = false;
  for (const line of log.split('\n')) {
    const [, tid = '', rest = ''] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    if (rest.includes(marks.begin)) inside = true;
    if (rest.includes(marks.end)) inside = false;
    const name = /^(\w+)\(/.exec(rest)?.[1];
    if (name === undefined) continue;
    const nth = (counts.get(`${tid} ${name}`) ?? 0) + 1;
    counts.set(`${tid} ${name}`, nth);
    const thread = Number(tid) === threads.main ? 'main' : Number(tid) === threads.pool ? 'pool' : undefined;
    const text = rest.replace(/ <unfinished \.\.\.>$/, '');
    if (inside && thread !== undefined && !elsewhere.test(name) && files.test(text)) calls.push({ thread, name, nth, text });
  }
  return calls;
}
