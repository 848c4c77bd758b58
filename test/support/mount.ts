/** Small filesystems of all kinds, made for one test and unmounted after it. */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { afterwards } from './afterwards.ts';
import { newFolder } from './folder.ts';
import { environment, needsRoot, needsTools } from './needs.ts';
import { run } from './run.ts';

interface Kind {
  readonly size: string;
  readonly make?: readonly string[];
}

const kinds = {
  tmpfs: { size: '2M' },
  ext4: { size: '16M', make: ['mkfs.ext4', '-q', '-m', '0'] },
  ext2: { size: '16M', make: ['mkfs.ext2', '-q', '-m', '0'] },
  xfs: { size: '320M', make: ['mkfs.xfs', '-q', '-f'] },
  btrfs: { size: '64M', make: ['mkfs.btrfs', '-q', '--mixed'] },
  vfat: { size: '4M', make: ['mkfs.vfat'] },
} satisfies Record<string, Kind>;

export type FilesystemKind = keyof typeof kinds;

/** Mounts a new filesystem; undefined, and the test skipped, where that cannot be. */
export function mountNew(t: TestContext, kind: FilesystemKind): string | undefined {
  const { size, make }: Kind = kinds[kind];
  if (!needsRoot(t) || !needsTools(t, 'mount', 'umount', ...(make === undefined ? [] : [make[0] as string])))
    return undefined;
  const base = newFolder(t);
  const point = join(base, kind);
  mkdirSync(point);
  if (make === undefined) return mounted(t, ['-t', kind, '-o', `size=${size}`, kind], point);
  const image = join(base, 'image');
  run('truncate', '-s', size, image);
  run(...make, image);
  return mounted(t, ['-t', kind, '-o', 'loop', image], point);
}

/** Mounts one file or directory over another. */
export function bindMount(t: TestContext, from: string, onto: string): string | undefined {
  if (!needsRoot(t) || !needsTools(t, 'mount', 'umount')) return undefined;
  return mounted(t, ['--bind', from], onto);
}

function mounted(t: TestContext, what: readonly string[], point: string): string | undefined {
  const { status, stderr } = spawnSync('mount', [...what, point], { encoding: 'utf8', env: environment });
  if (status === 0) {
    afterwards(t, () => run('umount', '-l', point));
    return point;
  }
  t.skip(`cannot mount: ${stderr.trim()}`);
  return undefined;
}
