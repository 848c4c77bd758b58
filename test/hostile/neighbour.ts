/** Who does what the neighbour may do: see neighbour-program.ts. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { as, bobOfDev } from '../support/as-user.ts';
import type { Deed } from './neighbour-program.ts';

export class Neighbour {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  /** How often he succeeded. */
  done = 0;

  constructor() {
    const [command, ...args] = [
      ...as(bobOfDev),
      process.execPath,
      fileURLToPath(new URL('neighbour-program.js', import.meta.url)),
    ];
    this.#process = spawn(command, args, {
      cwd: '/',
      env: { ...process.env, NODE_OPTIONS: '', NODE_TEST_CONTEXT: undefined },
    });
    this.#process.stderr.pipe(process.stderr);
    this.#process.stdin.on('error', () => undefined); // It may be gone already.
    this.#lines = createInterface(this.#process.stdout)[Symbol.asyncIterator]();
  }

  /** Does one thing after the other, until one fails; says with which error, or nothing. */
  async tries(...deeds: readonly Deed[]): Promise<string> {
    this.#process.stdin.write(`${JSON.stringify(deeds)}\n`);
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error('The neighbour is gone');
    const error = JSON.parse(value as string) as string;
    if (error === '' && deeds.length > 0) this.done++;
    return error;
  }

  /** Does what he must be able to do. */
  async does(...deeds: readonly Deed[]): Promise<void> {
    const error = await this.tries(...deeds);
    if (error !== '') throw new Error(`The neighbour cannot do it: ${error} of ${JSON.stringify(deeds)}`);
  }

  async end(): Promise<void> {
    this.#process.kill('SIGKILL');
    await once(this.#process, 'close');
  }
}
