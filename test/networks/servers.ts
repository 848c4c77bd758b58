/** The network filesystems that are tried: how a server shares a folder, and how a client mounts it. */
import { execFileSync } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Machine, Site } from './machines.ts';

/** Where clients have it. */
export const shared = '/mnt/shared';

export interface Network {
  readonly name: string;
  /** Packages of Debian. */
  readonly packages: readonly string[];
  /** Whether the package refuses there what needs a lock. */
  readonly unsafe: boolean;
  readonly quick?: boolean;
  serve(server: Machine): void;
  mount(client: Machine, server: Machine): void;
}

/** A server with a disk of its own. */
export async function startServer(site: Site, at: string, name: string): Promise<Machine> {
  const disk = join(at, `${name}.img`);
  writeFileSync(disk, '');
  truncateSync(disk, 256 << 20);
  execFileSync('mkfs.ext4', ['-q', '-F', disk]);
  const server = await site.start(name, disk);
  server.run('mount -t ext4 /dev/ubda /mnt/disk && chmod 777 /mnt/disk');
  return server;
}

function exports(server: Machine, how: 'sync' | 'async'): void {
  server.load('nfsd', 'nfs');
  server.run('mount -t nfsd nfsd /proc/fs/nfsd && mount -t rpc_pipefs pipes /var/lib/nfs/rpc_pipefs');
  server.run('rpcbind -w; touch /var/lib/nfs/etab /var/lib/nfs/rmtab');
  server.run(`exportfs -o rw,${how},no_root_squash,no_subtree_check,fsid=0,insecure '*:/mnt/disk'`);
  server.run('rpc.mountd 2>/dev/null; rpc.nfsd 8 2>/dev/null');
}

function mountNfs(client: Machine, { address }: Machine, version: '4.2' | '3'): void {
  client.load('nfs', version === '3' ? 'nfsv3' : 'nfsv4');
  const [path, more] = version === '3' ? ['/mnt/disk', ',nolock'] : ['/', ''];
  client.run(`mount -t nfs -o vers=${version}${more} ${address}:${path} ${shared}`);
}

/** Waits until the server answers at a port. */
function listens(server: Machine, port: number): void {
  server.run(`for try in $(seq 100); do ss -ltn | grep -q ':${port} ' && exit; sleep 0.1; done; exit 1`);
}

const nfs = ['nfs-kernel-server', 'nfs-common'];

export const networks: readonly Network[] = [
  {
    name: 'NFS 4.2',
    packages: nfs,
    unsafe: false,
    quick: true,
    serve: (server) => exports(server, 'sync'),
    mount: (client, server) => mountNfs(client, server, '4.2'),
  },
  {
    name: 'NFS 3',
    packages: nfs,
    unsafe: false,
    serve: (server) => exports(server, 'sync'),
    mount: (client, server) => mountNfs(client, server, '3'),
  },
  {
    name: 'NFS 4.2, exported async',
    packages: nfs,
    unsafe: false,
    serve: (server) => exports(server, 'async'),
    mount: (client, server) => mountNfs(client, server, '4.2'),
  },
  {
    name: 'SMB 3.1.1',
    packages: ['samba', 'cifs-utils'],
    unsafe: true,
    serve(server) {
      server.run(`mkdir -p /run/samba /var/lib/samba/private /var/log/samba && cat >/run/smb.conf <<'END'
[global]
map to guest = bad user
guest account = root
server min protocol = SMB3_11
pid directory = /run/samba
lock directory = /run/samba
state directory = /run/samba
cache directory = /run/samba
private dir = /run/samba
log file = /run/samba/log
[disk]
path = /mnt/disk
guest ok = yes
read only = no
END
smbd -D -s /run/smb.conf`);
      listens(server, 445);
    },
    mount(client, { address }) {
      client.load('cifs');
      client.run(`mount -t cifs -o guest,vers=3.1.1,noperm //${address}/disk ${shared}`);
    },
  },
  {
    name: 'sshfs',
    packages: ['sshfs', 'openssh-sftp-server'],
    unsafe: true,
    serve: () => undefined,
    mount(client, { address }) {
      client.load('fuse');
      const at = client.run(`tr ' ' '\\n' </proc/cmdline | sed -n 's/^at=//p'`).trim();
      client.run(
        `cp ${at}/key /run/key && chmod 600 /run/key && sshfs -o IdentityFile=/run/key,StrictHostKeyChecking=no,UserKnownHostsFile=/dev/null root@${address}:/mnt/disk ${shared}`,
      );
    },
  },
  {
    name: 'WebDAV (davfs2, served by rclone)',
    packages: ['davfs2', 'rclone'],
    unsafe: true,
    serve(server) {
      server.run('rclone serve webdav --addr :8080 /mnt/disk >/dev/null 2>&1 </dev/null &');
      listens(server, 8080);
    },
    mount(client, { address }) {
      client.load('fuse');
      client.run(
        `mkdir -p /var/lib/davfs /run/mount.davfs /var/cache/davfs2 2>/dev/null; printf 'cache_dir /run/davfs\\nask_auth 0\\nuse_locks 0\\n' >/run/davfs2.conf; mkdir -p /run/davfs; chmod 777 /run/davfs; mount.davfs -o conf=/run/davfs2.conf http://${address}:8080/ ${shared} </dev/null`,
      );
    },
  },
];
