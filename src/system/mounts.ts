/**
 * Properties of syncs that do not follow from the type of a filesystem, but from a list of the kernel. What no list
 * says is not assumed.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

/** Whether an overlay may have been mounted with `volatile`: there each sync succeeds without doing anything. */
export function isVolatile(dev: bigint, list = '/proc/self/mountinfo'): boolean {
  return !(optionsOf(dev, list) ?? []).some((options) => !/,(fsync=)?volatile\b/.test(options));
}

/** Whether a filesystem may be mounted with quotas for projects: ext4 and XFS say so. */
export function hasProjects(dev: bigint): boolean {
  return optionsOf(dev, '/proc/self/mountinfo')?.some((options) => /\b(prj|p)quota\b/.test(options)) === true;
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
