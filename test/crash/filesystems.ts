/** The filesystems that are cut off, each as mkfs makes it, on a disk as small as it takes. */
import { execFileSync } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import type { DiskWrite } from './recording-log.ts';

export interface Filesystem {
  readonly type: 'ext4' | 'xfs' | 'btrfs';
  readonly mountOptions: string;
  readonly megabytes: number;
  /**
   * Bytes under one checksum that lie on several sectors, and of which mount(2) reads no other copy: where they are
   * torn, the filesystem cannot be mounted, whatever the programs on it do. Only fsck.ext4 or `btrfs rescue` then looks
   * for a copy.
   */
  readonly superblock?: readonly [from: number, end: number];
  readonly make: readonly [command: string, ...options: string[]];
}

// Blocks of 4 KiB as on every larger disk. The tables at once: a thread that writes them later would fill the log.
const makeExt4 = ['mkfs.ext4', '-q', '-b', '4096', '-E', 'lazy_itable_init=0,lazy_journal_init=0'] as const;

export const filesystems: Record<string, Filesystem> = {
  'ext4': { type: 'ext4', mountOptions: '', megabytes: 48, superblock: [1024, 2048], make: makeExt4 },
  'ext4 noauto_da_alloc': {
    type: 'ext4',
    mountOptions: 'noauto_da_alloc',
    megabytes: 48,
    superblock: [1024, 2048],
    make: makeExt4,
  },
  'ext4 data=writeback': {
    type: 'ext4',
    mountOptions: 'data=writeback',
    megabytes: 48,
    superblock: [1024, 2048],
    make: makeExt4,
  },
  'xfs': { type: 'xfs', mountOptions: '', megabytes: 300, make: ['mkfs.xfs', '-q', '-f'] },
  'btrfs': {
    type: 'btrfs',
    mountOptions: '',
    megabytes: 160,
    superblock: [65_536, 69_632],
    make: ['mkfs.btrfs', '-q', '-f'],
  },
};

/** Whether some but not all of the superblock is written. */
export function tearsSuperblock({ superblock }: Filesystem, parts: readonly DiskWrite[]): boolean {
  if (superblock === undefined) return false;
  const [from, end] = superblock;
  return parts.some(({ to, size }) => to < end && to + size > from && (to > from || to + size < end));
}

export function makeImage({ make: [command, ...options], megabytes }: Filesystem, path: string): void {
  writeFileSync(path, '');
  truncateSync(path, megabytes * 2 ** 20);
  execFileSync(command, [...options, path], { stdio: ['ignore', 'ignore', 'pipe'] });
  execFileSync('fallocate', ['--dig-holes', path]);
}
