/** Filesystems of the kernel. */
import { link, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { everything, type Filesystem } from './filesystem.ts';
import { repaired, type Place } from './place.ts';

function ofDisk(
  name: string,
  packages: readonly string[],
  megabytes: number,
  mkfs: readonly string[],
  { options = 'loop', repair }: { options?: string; repair?: readonly [string, ...string[]] } = {},
): Filesystem {
  return {
    name,
    packages,
    async mount(target) {
      const disk = await target.disk(megabytes, ...mkfs);
      if (target.isUsed && repair !== undefined) await repaired(repair, disk);
      return { folder: await target.mount(target.at('mounted'), '-t', name.split(' ')[0]!, '-o', options, disk) };
    },
  };
}

const ext = (type: string, ...options: string[]): string[] => [`mkfs.${type}`, '-q', '-m', '0', ...options];
const now = ['-E', 'lazy_itable_init=0,lazy_journal_init=0'];

/** Files with two names, and a folder for each behaviour, are there before it is mounted. */
async function overlay(target: Place, options: string): Promise<{ folder: string; linked: string }> {
  const disk = await target.lower();
  const [lower, upper, work] = [join(disk, 'below'), join(disk, 'above'), join(disk, 'work')];
  for (const folder of [join(lower, 'linked'), upper, work]) await mkdir(folder, { recursive: true });
  if (!target.isUsed) {
    for (const name of ['one', 'two', 'three', 'four']) {
      await writeFile(join(lower, 'linked', name), 'old');
      await link(join(lower, 'linked', name), join(lower, 'linked', `other-${name}`));
    }
  }
  // After a power cut this says that what is above may not be whole; here it is looked at all the same.
  await rm(join(work, 'work', 'incompat'), { recursive: true, force: true });
  const folder = await target.mount(
    target.at('mounted'),
    '-t',
    'overlay',
    '-o',
    `lowerdir=${lower},upperdir=${upper},workdir=${work},${options}`,
    'overlay',
  );
  return { folder, linked: join(folder, 'linked') };
}

export const ofKernel: readonly Filesystem[] = [
  { ...ofDisk('ext4', ['e2fsprogs'], 128, ext('ext4', ...now)), quick: everything },
  ofDisk('ext4 without a journal', ['e2fsprogs'], 128, ext('ext4', '-O', '^has_journal', '-E', 'lazy_itable_init=0'), {
    repair: ['e2fsck', '-fy'],
  }),
  ofDisk('ext3', ['e2fsprogs'], 128, ext('ext3', ...now)),
  { ...ofDisk('ext2', ['e2fsprogs'], 128, ext('ext2'), { repair: ['e2fsck', '-fy'] }), quick: ['durable'] },
  ofDisk('xfs', ['xfsprogs'], 320, ['mkfs.xfs', '-q', '-f'], { options: 'loop,nouuid' }),
  ofDisk('btrfs', ['btrfs-progs'], 160, ['mkfs.btrfs', '-q', '-f']),
  {
    name: 'tmpfs',
    packages: [],
    quick: ['keep', 'updates', 'replaceDirectory'],
    mount: async (target) => ({
      folder: await target.mount(target.at('mounted'), '-t', 'tmpfs', '-o', 'size=64M', 'tmpfs'),
    }),
  },
  {
    name: 'vfat',
    packages: ['dosfstools'],
    mount: async (target) => ({
      folder: await target.mount(target.at('mounted'), '-t', 'vfat', '-o', 'loop', await target.disk(64, 'mkfs.vfat')),
    }),
  },
  {
    name: 'overlay, index=off',
    packages: [],
    quick: ['hard links', 'updates', 'durable'],
    mount: (target) => overlay(target, 'index=off'),
  },
  { name: 'overlay, index=on', packages: [], mount: (target) => overlay(target, 'index=on') },
  { name: 'overlay, metacopy=on', packages: [], mount: (target) => overlay(target, 'metacopy=on,redirect_dir=on') },
  // Only /proc/self/mountinfo tells that it drops syncs.
  { name: 'overlay, volatile', packages: [], quick: ['durable'], mount: (target) => overlay(target, 'volatile') },
];
