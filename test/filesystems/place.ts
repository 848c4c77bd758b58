/**
 * Where one filesystem is made: a scratch folder, and everything that was started or mounted there and has to go
 * again.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Where mkfs and mount are; and messages in English. */
export const environment: NodeJS.ProcessEnv = {
  ...process.env,
  PATH: `${process.env['PATH']}:/usr/sbin:/sbin`,
  LC_ALL: 'C',
};

export const sleep = async (milliseconds: number): Promise<void> => {
  await new Promise((resolve) => void setTimeout(resolve, milliseconds));
};

export class Place {
  readonly base: string;
  /** The disks that were made here, first to last. */
  readonly disks: string[] = [];
  /** Those that are used here instead of new ones, as they were when the power was cut. */
  readonly #kept: string[];
  /** Where something of the kernel is mounted here, the upper before the lower. */
  readonly #points: string[] = [];
  readonly #devices: string[] = [];
  readonly #servers: ChildProcess[] = [];
  readonly #undo: (() => Promise<unknown>)[] = [];

  private constructor(base: string, kept: string[]) {
    this.base = base;
    this.#kept = kept;
  }

  static async make(kept: string[] = []): Promise<Place> {
    const target = new Place(await mkdtemp(join(tmpdir(), 'place-')), kept);
    await chmod(target.base, 0o755);
    target.afterwards(() => rm(target.base, { recursive: true }));
    return target;
  }

  /**
   * A place whose disks hold what was sent to the disks of this one, and nothing that is in the memory of the system
   * only.
   */
  async afterPowerCut(): Promise<Place> {
    const copies = this.disks.map((disk, index) => `${disk}.cut-${index}`);
    for (const [index, disk] of this.disks.entries()) await Place.run('cp', '--sparse=always', disk, copies[index]!);
    const target = await Place.make(copies);
    target.#undo.splice(1, 0, async () => Promise.all(copies.map((copy) => rm(copy))));
    return target;
  }

  /** Whether what is mounted here was in use before. */
  get isUsed(): boolean {
    return this.#kept.length > 0 || this.disks.some((disk) => /cut-\d+$/.test(disk));
  }

  /** Done at the end, the last first. */
  afterwards(undo: () => Promise<unknown>): void {
    this.#undo.push(undo);
  }

  at(...names: string[]): string {
    return join(this.base, ...names);
  }

  async folder(name: string): Promise<string> {
    await mkdir(this.at(name), { recursive: true });
    return this.at(name);
  }

  /** Runs a program that is expected to succeed; returns what it printed. */
  static async run(program: string, ...args: string[]): Promise<string> {
    const { stdout } = await execute(program, args, { env: environment, timeout: 60_000 });
    return stdout;
  }

  run(program: string, ...args: string[]): Promise<string> {
    return Place.run(program, ...args);
  }

  /** A disk in a file, on which a program has made a filesystem. */
  async disk(megabytes: number, ...mkfs: string[]): Promise<string> {
    const kept = this.#kept.shift();
    const path = kept ?? this.at(`disk-${this.disks.length}`);
    this.disks.push(path);
    if (kept === undefined) await makeImage(path, megabytes, mkfs);
    return path;
  }

  /** The same as a file on another filesystem, for programs that serve it themselves. */
  async image(megabytes: number, ...mkfs: string[]): Promise<string> {
    const path = join(await this.lower(), 'image');
    if (!this.isUsed) await makeImage(path, megabytes, mkfs);
    return path;
  }

  /** Everything that was written here is on the disks. */
  async sync(): Promise<void> {
    for (const point of this.#points) {
      // A filesystem that was full says so once more.
      await Place.run('sync', '-f', point).catch(() => Place.run('sync', '-f', point));
    }
  }

  /** Mounts what the kernel mounts. */
  async mount(point: string, ...args: string[]): Promise<string> {
    await mkdir(point, { recursive: true });
    await this.run('mount', ...args, point);
    this.#points.unshift(point);
    this.afterwards(() => unmount(point));
    return point;
  }

  /** A folder on a filesystem of its own, for what lies on top of another one. */
  async lower(name = 'lower'): Promise<string> {
    const disk = await this.disk(128, 'mkfs.ext4', '-q', '-m', '0', '-E', 'lazy_itable_init=0,lazy_journal_init=0');
    return this.mount(this.at(name), '-t', 'ext4', '-o', 'loop', disk);
  }

  /** A device of the kernel for such a file, for programs that take nothing else; it is gone when nobody uses it. */
  async device(image: string): Promise<string> {
    const device = (await this.run('losetup', '--find', '--show', image)).trim();
    this.#devices.push(device);
    return device;
  }

  /** Starts a program that serves a mount point as long as it runs, and waits until it does. */
  async serve(point: string, program: string, ...args: string[]): Promise<Served> {
    await mkdir(point, { recursive: true });
    let said = '';
    const child = spawn(program, args, { env: environment, stdio: ['pipe', 'pipe', 'pipe'] });
    const ended = new Promise<void>((resolve) => {
      child.on('error', (error) => {
        said += error.message;
        resolve();
      });
      child.on('close', () => resolve());
    });
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4000)));
    child.stdin.on('error', () => undefined);
    this.#servers.push(child);
    this.afterwards(() => stop(child, ended, point));
    for (let waited = 0; !(await isMountPoint(point)); waited += 20) {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined || waited > 20_000)
        throw new Error(`${program} does not mount: ${said.trim()}`);
      await sleep(20);
    }
    for (let device; (device = this.#devices.pop()) !== undefined;) await this.run('losetup', '--detach', device);
    return { child, point, said: () => said };
  }

  /** Ends the programs that serve something here, which may hang: whoever waits for them gets an error. */
  async stop(): Promise<void> {
    for (const child of this.#servers) child.kill('SIGKILL');
  }

  /** Undoes everything, whatever fails of it; the first failure is thrown at the end. */
  async end(): Promise<void> {
    const failures: unknown[] = [];
    for (let undo; (undo = this.#undo.pop()) !== undefined;)
      await undo().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }
}

/** What has no journal is repaired after a power cut, as a system does it when it starts. */
export async function repaired([program, ...args]: readonly [string, ...string[]], disk: string): Promise<void> {
  // 1 says that something was repaired.
  await Place.run(program, ...args, disk).catch((error: { code?: number }) =>
    error.code === 1 ? undefined : Promise.reject(error as Error),
  );
}

async function makeImage(path: string, megabytes: number, [mkfs, ...options]: readonly string[]): Promise<void> {
  await writeFile(path, '');
  await truncate(path, megabytes * 2 ** 20);
  if (mkfs !== undefined) await Place.run(mkfs, ...options, path);
}

export interface Served {
  readonly child: ChildProcess;
  readonly point: string;
  said(): string;
}

export async function mountInfo(): Promise<string[][]> {
  return (await readFile('/proc/self/mountinfo', 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' '));
}

async function isMountPoint(point: string): Promise<boolean> {
  return (await mountInfo()).some((fields) => fields[4] === point);
}

async function unmount(point: string): Promise<void> {
  for (let attempt = 0; await isMountPoint(point); attempt++) {
    const lazily = attempt > 100 ? ['-l'] : [];
    try {
      await execute('umount', [...lazily, point], { env: environment, timeout: 20_000 });
    } catch (error) {
      // Files are closed a moment after the processes have ended that had them open.
      if (attempt > 110) throw error;
      await sleep(20);
    }
  }
}

/** By unmounting, else by signals: what is left of the mount is then detached. */
async function stop(child: ChildProcess, ended: Promise<void>, point: string): Promise<void> {
  const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
  try {
    await unmount(point);
    child.stdin?.end();
    const patience = setTimeout(() => child.kill('SIGTERM'), 5000);
    await ended;
    clearTimeout(patience);
  } finally {
    clearTimeout(timer);
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  }
}
