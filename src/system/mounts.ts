/**
 * Facts about mounted filesystems that do not follow from their types, but from lists of the kernel. What no list says
 * is not assumed.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

/** Whether an overlay may have been mounted with `volatile`: there each sync succeeds without doing anything. */
export function isVolatile(dev: bigint, list = '/proc/self/mountinfo'): boolean {
  return !(optionsOf(dev, list) ?? []).some((options) => !/,(fsync=)?volatile\b/.test(options));
}

/** Whether a filesystem may be mounted with quotas for projects: ext4 and XFS say so, where there is a /proc. */
export function hasProjects(dev: bigint, list = '/proc/self/mountinfo'): boolean {
  return optionsOf(dev, list)?.some((options) => /\b(prj|p)quota\b/.test(options)) !== false;
}

/** The options of the filesystem on a device, for each of its mounts; undefined where there is no /proc. */
function optionsOf(dev: bigint, list: string): string[] | undefined {
  try {
    const mounts = readFileSync(list, 'latin1')
      .split('\n')
      .map((line) => line.split(' '));
    return mounts.filter((fields) => fields[2] === numbers(dev)).map((fields) => `,${fields.at(-1) ?? ''}`);
  } catch {
    return undefined;
  }
}

/** One line of the list of mounts (proc_pid_mountinfo(5)). */
export interface Mount {
  /** Its number. */
  readonly id: string;
  /** The type, with the program behind FUSE: `'ext4'`, `'fuse.sshfs'`. */
  readonly type: string;
  /** The device, or what its type calls so. */
  readonly source: string;
  /** The directory, or file, of its filesystem that is mounted: not `'/'` for a bind mount, or for a subvolume of Btrfs. */
  readonly root: string;
  /** Where it is mounted, as this process sees it. */
  readonly point: string;
  /** Its own options, and those of its filesystem. */
  readonly options: readonly string[];
}

/** The number of the mount that an open file or directory was reached through; undefined where there is no /proc. */
export function mountIdOf(fd: number): string | undefined {
  try {
    return /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1];
  } catch {
    return undefined;
  }
}

/** That mount itself, likewise. */
export function mountOf(fd: number): Mount | undefined {
  const id = mountIdOf(fd);
  if (id === undefined) return undefined;
  try {
    const line = readFileSync('/proc/self/mountinfo', 'latin1')
      .split('\n')
      .find((one) => one.startsWith(`${id} `));
    return line === undefined ? undefined : mountIn(line);
  } catch {
    return undefined;
  }
}

function mountIn(line: string): Mount {
  const [mount = '', filesystem = ''] = line.split(' - ');
  const [id = '', , , root = '', point = '', own = ''] = mount.split(' ').map(unescaped);
  const [type = '', source = '', all = ''] = filesystem.split(' ').map(unescaped);
  return { id, type, source, root, point, options: [...new Set([...own.split(','), ...all.split(',')])] };
}

/** White space and backslashes are octal there. */
function unescaped(text: string): string {
  const plain = text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
  return Buffer.from(plain, 'latin1').toString();
}

/**
 * Whether an ext filesystem is known to have its journal on its own device, as ext4 and ext3 do unless configured
 * otherwise.
 */
export function hasJournal(dev: bigint): boolean {
  try {
    const device = basename(readlinkSync(`/sys/dev/block/${numbers(dev)}`));
    return readdirSync('/proc/fs/jbd2').some((journal) => journal.replace(/-\d+$/, '') === device);
  } catch {
    return false; // No /proc, no /sys, or no journal at all.
  }
}

/** The numbers of a device as the kernel writes them: see makedev(3). */
function numbers(dev: bigint): string {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn);
  return `${major}:${minor}`;
}
