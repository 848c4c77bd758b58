/** Talks to stand.c. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Filesystem } from './filesystems.ts';
import type { DiskWrite } from './recording-log.ts';

export class Stand {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  readonly directory: string;
  device = '';

  private constructor(child: ChildProcess, directory: string) {
    this.#child = child;
    this.directory = directory;
    if (child.stdout === null) throw new Error('no output of the stand');
    this.#answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  static async start(
    program: string,
    filesystem: Filesystem,
    directory: string,
    image: string,
    direct: boolean,
  ): Promise<Stand> {
    const { type, mountOptions } = filesystem;
    const child = spawn(program, [type, mountOptions, directory, image, ...(direct ? ['direct'] : [])], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const stand = new Stand(child, directory);
    stand.device = (await stand.#answer()).replace('ready ', '');
    return stand;
  }

  async #answer(): Promise<string> {
    const { value, done } = await this.#answers.next();
    if (done) throw new Error('the stand has ended');
    return value as string;
  }

  #say(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  useLog(path: string): void {
    this.#say(`l ${path}`);
    this.#say('s');
  }

  addToBase({ from, to, size }: DiskWrite): void {
    this.#say(`b ${from} ${to} ${size}`);
  }

  /** The base, and parts of later writes. */
  build(parts: readonly DiskWrite[]): void {
    this.#say('r');
    for (const { from, to, size } of parts) this.#say(`w ${from} ${to} ${size}`);
  }

  /** `'ok'`, or why not. */
  async mount(): Promise<string> {
    this.#say('m');
    return this.#answer();
  }

  /** Another thread may still close a file that a blocking call of this process had replaced. */
  async unmount(): Promise<void> {
    let answer = '';
    for (let tries = 0; answer !== 'ok' && tries < 1000; tries++) {
      this.#say('u');
      answer = await this.#answer();
      if (answer !== 'Device or resource busy') break;
    }
    if (answer !== 'ok') throw new Error(`Cannot unmount ${this.directory}: ${answer}`);
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    this.#child.stdin?.end();
    await once(this.#child, 'exit');
  }
}
