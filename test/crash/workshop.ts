/** What the test needs of the machine, a folder for all it makes, and the end of all of it. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  accessSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { peerVersions } from './subjects.ts';

/** Why it cannot be done here, if it cannot. */
export function reasonToSkip(): string | undefined {
  if (process.platform !== 'linux') return 'only Linux has loop devices';
  if (process.getuid?.() !== 0) return 'only root may mount';
  for (const device of ['/dev/fuse', '/dev/loop-control']) if (!existsSync(device)) return `there is no ${device}`;
  for (const command of ['unshare', 'fallocate', 'umount', 'sync', 'cc', 'mkfs.ext4', 'mkfs.xfs', 'mkfs.btrfs']) {
    if (!hasCommand(command)) return `there is no ${command}`;
  }
  try {
    execFileSync('unshare', ['--mount', 'true'], { stdio: 'ignore' });
  } catch {
    return 'there can be no mount namespaces';
  }
  const known = readFileSync('/proc/filesystems', 'utf8').split(/\s+/);
  for (const type of ['ext4', 'xfs', 'btrfs', 'fuse'])
    if (!known.includes(type) && !canLoad(type)) return `the kernel has no ${type}`;
  return undefined;
}

function hasCommand(command: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some((folder) => {
    try {
      accessSync(join(folder, command), 1);
      return true;
    } catch {
      return false;
    }
  });
}

function canLoad(type: string): boolean {
  try {
    execFileSync('modprobe', [type], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const prefix = 'untorn-crash-';

/** What a run left that was killed. */
function removeLeftOver(above: string): void {
  for (const name of readdirSync(above).filter((one) => one.startsWith(prefix))) {
    const pid = name.slice(prefix.length).split('-')[0];
    if (!existsSync(`/proc/${pid}`)) rmSync(join(above, name), { recursive: true, force: true });
  }
}

/**
 * Children have mounts of their own, that end with the last of them; loop devices clear themselves; disk.c and stand.c
 * end with the one that started them, and Node's children when their channel closes. So nothing is left, however this
 * process ends.
 */
export class Workshop {
  readonly folder: string;
  readonly #children = new Set<ChildProcess>();
  #isEnding = false;

  constructor() {
    // In memory where there is room: the disks under test are files there.
    const memory = '/dev/shm';
    const isLarge = existsSync(memory) && statfsSync(memory).bavail * statfsSync(memory).bsize > 2 ** 31;
    const above = isLarge ? memory : tmpdir();
    removeLeftOver(above);
    this.folder = mkdtempSync(join(above, `${prefix}${process.pid}-`));
    process.once('exit', () => rmSync(this.folder, { recursive: true, force: true }));
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => void this.#end().finally(() => process.exit(130)));
    }
  }

  /** The stand and the disk. */
  compile(): void {
    for (const name of ['disk', 'stand']) {
      const options = ['-O2', '-Wall', '-Wextra', '-o', join(this.folder, name), join('test/crash', `${name}.c`)];
      execFileSync('cc', options, { stdio: 'inherit' });
    }
  }

  /** Peers, outside of the project: none of them is ever a dependency. Returns their versions. */
  install(peers: readonly string[]): Record<string, string> {
    if (peers.length === 0) return {};
    const folder = join(this.folder, 'peers');
    const options = ['--prefix', folder, '--no-audit', '--no-fund', '--ignore-scripts'];
    const wanted = peers.map((name) => `${name}@${peerVersions[name] ?? 'latest'}`);
    execFileSync('npm', ['install', ...options, ...wanted], { stdio: ['ignore', 'ignore', 'inherit'] });
    writeFileSync(join(folder, 'load.mjs'), 'export const load = (name) => import(name);\n');
    const versionOf = (name: string): string =>
      JSON.parse(readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8')).version;
    return Object.fromEntries(peers.map((name) => [name, versionOf(name)]));
  }

  /** Runs one of the test's own programs with mounts of its own; resolves with what it writes. */
  async run(program: string, ...args: string[]): Promise<string> {
    const child = spawn(
      'unshare',
      ['--mount', process.execPath, new URL(program, import.meta.url).pathname, ...args, this.folder],
      { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] },
    );
    this.#children.add(child);
    let output = '';
    child.stdout?.on('data', (data) => (output += data));
    const [code] = (await once(child, 'close')) as [number | null];
    this.#children.delete(child);
    if (this.#isEnding) return new Promise(() => {}); // Nobody wants to know.
    if (code !== 0) throw new Error(`${program} ${args.join(' ')} failed`);
    return output;
  }

  async #end(): Promise<void> {
    this.#isEnding = true;
    await Promise.all([...this.#children].map((child) => (child.kill(), once(child, 'close'))));
  }
}
