/** A server of this machine: a folder, and processes that end with this one. */
import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { environment } from '../support/needs.ts';

/** What is not there, so that an engine is not tested. */
export class Missing extends Error {}

export function needs(program: string, debian: string): void {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`], { env: environment, stdio: 'ignore' });
  } catch {
    throw new Missing(`${program} is not installed (Debian: ${debian})`);
  }
}

/** Processes of one server, and its folder. */
export class Server {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'untorn-engine-'));
  readonly #children: ChildProcess[] = [];

  at(name: string): string {
    return join(this.folder, name);
  }

  /** Starts a process that serves; what it says goes to a file. */
  start(program: string, ...args: string[]): ChildProcess {
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args], {
      env: environment,
      cwd: this.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const log = createWriteStream(this.at(`${this.#children.length}.log`));
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    this.#children.push(child);
    return child;
  }

  /** Runs a program to its end. */
  async run(program: string, ...args: string[]): Promise<string> {
    const options = { env: environment, cwd: this.folder, timeout: 60_000 };
    return (await promisify(execFile)(program, args, options)).stdout;
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#children
        .filter((child) => child.exitCode === null && child.signalCode === null)
        .map(async (child) => {
          const ended = once(child, 'exit');
          child.kill('SIGKILL');
          await ended;
        }),
    );
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Ports that nobody listens at. */
export async function freePorts(count: number): Promise<number[]> {
  const listeners = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  const ports = await Promise.all(
    listeners.map(async (listener) => {
      await once(listener, 'listening');
      return (listener.address() as AddressInfo).port;
    }),
  );
  for (const listener of listeners) listener.close();
  return ports;
}

/** Waits until something holds, for at most a minute. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (performance.now() < deadline) {
    if (await holds().catch(() => false)) return;
    await new Promise((wake) => setTimeout(wake, 100));
  }
  throw new Error(`${what}: not within a minute`);
}

/** Waits until somebody listens. */
export async function untilListening(port: number, host = '127.0.0.1'): Promise<void> {
  await until(`a server at port ${port}`, async () => {
    const socket = connect({ host, port });
    await once(socket, 'connect').finally(() => socket.destroy());
    return true;
  });
}
