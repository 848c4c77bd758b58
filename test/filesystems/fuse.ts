/** Filesystems that programs serve, by FUSE. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Filesystem } from './filesystem.ts';
import { repaired, type Place } from './place.ts';
import type { Mounted } from './stage.ts';

const everybody = ['-o', 'allow_other'];

/** What is mounted by a program on top of folders of another filesystem. */
function onTop(
  name: string,
  packages: readonly string[],
  command: (target: Place, lower: string, point: string) => Promise<readonly string[]> | readonly string[],
  quick: readonly string[] = [],
): Filesystem {
  return {
    name,
    packages,
    quick,
    async mount(target) {
      const point = target.at('mounted');
      const [program, ...args] = (await command(target, await target.lower(), point)) as [string, ...string[]];
      return served(target, point, program, ...args);
    },
  };
}

/** What is mounted by a program from an image in a file. */
function ofImage(
  name: string,
  packages: readonly string[],
  megabytes: number,
  mkfs: readonly string[],
  command: (image: string, point: string, target: Place) => readonly string[] | Promise<readonly string[]>,
  quick: readonly string[] = [],
): Filesystem {
  return {
    name,
    packages,
    quick,
    async mount(target) {
      const point = target.at('mounted');
      const [program, ...args] = (await command(await target.image(megabytes, ...mkfs), point, target)) as [
        string,
        ...string[],
      ];
      return served(target, point, program, ...args);
    },
  };
}

async function served(target: Place, point: string, program: string, ...args: string[]): Promise<Mounted> {
  const { child } = await target.serve(point, program, ...args);
  return { folder: point, server: { pid: child.pid! } };
}

/** Folders in another one. */
async function branches(lower: string, ...names: string[]): Promise<string[]> {
  for (const name of names) await mkdir(join(lower, name), { recursive: true });
  return names.map((name) => join(lower, name));
}

const bindfs =
  (...options: string[]) =>
  (_: Place, lower: string, point: string) => ['bindfs', '-f', ...options, lower, point];

const mergerfs = (policy: string) => async (_: Place, lower: string, point: string) => [
  'mergerfs',
  '-f',
  '-o',
  `allow_other,category.create=${policy},minfreespace=0`,
  (await branches(lower, 'one', 'two')).join(':'),
  point,
];

async function gocryptfs(target: Place, lower: string, point: string): Promise<string[]> {
  const password = target.at('password');
  await writeFile(password, 'secret\n');
  const [cipher] = (await branches(lower, 'cipher')) as [string];
  if (!target.isUsed) await target.run('gocryptfs', '-q', '-init', '-scryptn', '10', '-passfile', password, cipher);
  return ['gocryptfs', '-q', '-fg', '-allow_other', '-passfile', password, cipher, point];
}

async function encfs(_: Place, lower: string, point: string): Promise<string[]> {
  const [cipher] = (await branches(lower, 'cipher')) as [string];
  return ['encfs', '-f', '--standard', '--extpass=echo secret', cipher, point, '--', ...everybody];
}

/** Over the server's own program, by a pipe instead of a connection: nothing listens, and it ends with its client. */
const sshfs =
  (denied: string, ...options: string[]) =>
  async (target: Place, lower: string, point: string): Promise<string[]> => {
    const server = target.at('server');
    await writeFile(server, `#!/bin/sh\nexec /usr/lib/openssh/sftp-server${denied === '' ? '' : ` -P ${denied}`}\n`, {
      mode: 0o755,
    });
    return [
      'sshfs',
      '-f',
      '-o',
      ['allow_other', `ssh_command=${server}`, ...options].join(','),
      `server:${lower}`,
      point,
    ];
  };

const rclone = (mode: string) => (target: Place, lower: string, point: string) => [
  'rclone',
  'mount',
  '--config',
  target.at('rclone.conf'),
  '--cache-dir',
  target.at('rclone-cache'),
  '--allow-other',
  '--vfs-cache-mode',
  mode,
  lower,
  point,
];

async function fuseOverlay(_: Place, disk: string, point: string): Promise<string[]> {
  const [lower, upper, work] = await branches(disk, 'below', 'above', 'work');
  return ['fuse-overlayfs', '-f', '-o', `allow_other,lowerdir=${lower},upperdir=${upper},workdir=${work}`, point];
}

async function unionfs(_: Place, lower: string, point: string): Promise<string[]> {
  const [above, below] = await branches(lower, 'above', 'below');
  return ['unionfs-fuse', '-f', '-o', 'cow,allow_other', `${above}=RW:${below}=RO`, point];
}

async function securefs(target: Place, lower: string, point: string): Promise<string[]> {
  const [cipher] = (await branches(lower, 'cipher')) as [string];
  if (!target.isUsed) await target.run('securefs', 'create', '--pass', 'secret', '--rounds', '1', cipher);
  return ['securefs', 'mount', '--pass', 'secret', '--log', target.at('log'), ...everybody, cipher, point];
}

export const ofFuse: readonly Filesystem[] = [
  onTop('fuse-overlayfs', ['fuse-overlayfs'], fuseOverlay, ['updates', 'durable']),
  ofImage(
    'ntfs-3g',
    ['ntfs-3g'],
    64,
    ['mkntfs', '-F', '-Q', '-q'],
    (image, point) => ['ntfs-3g', '-o', 'no_detach,allow_other', image, point],
    ['names', 'mode and owner given', 'keep', 'reads by the package', 'updates'],
  ),
  ofImage('ntfs-3g, permissions', ['ntfs-3g'], 64, ['mkntfs', '-F', '-Q', '-q'], (image, point) => [
    'ntfs-3g',
    '-o',
    'no_detach,allow_other,permissions,acl',
    image,
    point,
  ]),
  ofImage(
    'exfat-fuse',
    ['exfat-fuse', 'exfatprogs'],
    64,
    ['mkfs.exfat'],
    async (image, point, target) => ['mount.exfat-fuse', '-d', '-o', 'allow_other', await target.device(image), point],
    ['create only', 'names', 'updates', 'replaceDirectory'],
  ),
  ofImage('fusefat', ['fusefat', 'dosfstools'], 64, ['mkfs.vfat'], (image, point) => [
    'fusefat',
    '-f',
    '-o',
    'rw+,allow_other',
    image,
    point,
  ]),
  onTop('bindfs', ['bindfs'], bindfs(), ['reads by the package', 'durable']),
  onTop('bindfs --chmod-ignore --chown-ignore', ['bindfs'], bindfs('--chmod-ignore', '--chown-ignore'), [
    'mode and owner given',
    'keep',
  ]),
  onTop(
    'bindfs --chmod-deny --chown-deny --xattr-none',
    ['bindfs'],
    bindfs('--chmod-deny', '--chown-deny', '--xattr-none'),
  ),
  onTop('bindfs --force-user --perms', ['bindfs'], bindfs('--force-user=64001', '--perms=a=rwX')),
  onTop('mergerfs, category.create=rand', ['mergerfs'], mergerfs('rand'), ['updates', 'takeover', 'transaction']),
  onTop('mergerfs, category.create=ff', ['mergerfs'], mergerfs('ff')),
  onTop('mergerfs, category.create=epmfs', ['mergerfs'], mergerfs('epmfs')),
  onTop('gocryptfs', ['gocryptfs'], gocryptfs),
  onTop('encfs', ['encfs'], encfs),
  onTop('sshfs', ['sshfs', 'openssh-sftp-server'], sshfs('')),
  onTop(
    'sshfs, dir_cache=no, direct_io, no_check_root',
    ['sshfs', 'openssh-sftp-server'],
    sshfs('', 'dir_cache=no', 'direct_io', 'no_check_root'),
  ),
  onTop('sshfs, server without posix-rename', ['sshfs', 'openssh-sftp-server'], sshfs('posix-rename')),
  onTop(
    'sshfs, server without posix-rename, workaround=rename',
    ['sshfs', 'openssh-sftp-server'],
    sshfs('posix-rename', 'workaround=rename'),
  ),
  onTop('sshfs, server without fsync and hardlink', ['sshfs', 'openssh-sftp-server'], sshfs('fsync,hardlink')),
  onTop('rclone, vfs-cache-mode=off', ['rclone'], rclone('off')),
  onTop('rclone, vfs-cache-mode=full', ['rclone'], rclone('full')),
  onTop('securefs', ['securefs'], securefs),
  onTop('disorderfs', ['disorderfs'], (_, lower, point) => [
    'disorderfs',
    '--quiet',
    '--multi-user=yes',
    '--shuffle-dirents=yes',
    '-f',
    lower,
    point,
  ]),
  onTop('mhddfs', ['mhddfs'], async (_, lower, point) => [
    'mhddfs',
    '-f',
    '-o',
    'allow_other',
    (await branches(lower, 'one', 'two')).join(','),
    point,
  ]),
  onTop('posixovl', ['fuse-posixovl'], (_, lower, point) => [
    'mount.posixovl',
    '-S',
    lower,
    point,
    '--',
    '-f',
    ...everybody,
  ]),
  onTop('convmvfs', ['fuse-convmvfs'], (_, lower, point) => [
    'convmvfs',
    '-f',
    '-o',
    `allow_other,srcdir=${lower},icharset=UTF-8,ocharset=UTF-8`,
    point,
  ]),
  onTop('unionfs-fuse', ['unionfs-fuse'], unionfs),
  ofImage(
    'fuse2fs',
    ['fuse2fs', 'e2fsprogs'],
    64,
    ['mkfs.ext4', '-q', '-F', '-O', '^has_journal', '-m', '0'],
    async (image, point, target) => {
      if (target.isUsed) await repaired(['e2fsck', '-fy'], image);
      return ['fuse2fs', '-f', '-o', 'allow_other', image, point];
    },
    ['reads by the package', 'durable'],
  ),
];
