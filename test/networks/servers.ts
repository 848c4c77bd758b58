/** The network filesystems that are tried: how a server shares a folder, and how a client mounts it. */
import { execFileSync } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { credentials, startCeph, startCephFilesystem, startGateway, type Ceph } from '../engines/ceph.ts';
import type { Server } from '../engines/server.ts';
import { host, type Machine, type Site } from './machines.ts';

/** Where clients have it. */
export const shared = '/mnt/shared';

export interface Network {
  readonly name: string;
  /** Packages of Debian. */
  readonly packages: readonly string[];
  /** Whether the package refuses there what needs a lock. */
  readonly unsafe: boolean;
  readonly quick?: boolean;
  /** Whether a change takes long, so that less is tried. */
  readonly isSlow?: boolean;
  /** Shares /mnt/disk of the server. `daemons` are those that run on this machine, beside the server. */
  serve(server: Machine, daemons: Server): void | Promise<void>;
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

/** The daemons of Ceph at fixed ports: the network is only for this. */
async function startCephHere(daemons: Server): Promise<Ceph> {
  return startCeph(daemons, host, 6789);
}

function mountCephFs(client: Machine, at: string): void {
  client.load('ceph');
  client.run(`mount -t ceph ${host}:6789:/ ${at} -o name=admin`);
}

/** A bucket as a folder. The server asks for each status anew. */
function mountS3fs(client: Machine, at: string, options = ''): void {
  client.load('fuse');
  const { accessKeyId, secretAccessKey } = credentials;
  client.run(`echo ${accessKeyId}:${secretAccessKey} >/run/s3 && chmod 600 /run/s3`);
  client.run(
    `s3fs bucket ${at} -o passwd_file=/run/s3,url=http://${host}:7480,use_path_request_style,endpoint=us-east-1,tmpdir=/run${options}`,
  );
}

/** For programs that write to /tmp: one of their own, since machines can only read this machine's files. */
function withOwnTmp(command: string): string {
  return `mount --make-shared /mnt && unshare --mount --propagation unchanged sh -c 'mount -t tmpfs tmpfs /tmp && ${command}'`;
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
  {
    name: 'CephFS',
    packages: ['ceph-mon', 'ceph-osd', 'ceph-mds', 'ceph-common'],
    unsafe: false,
    async serve(server, daemons) {
      await startCephFilesystem(daemons, await startCephHere(daemons));
      mountCephFs(server, '/mnt/disk');
    },
    mount: (client) => mountCephFs(client, shared),
  },
  {
    name: 'ceph-fuse',
    packages: ['ceph-mon', 'ceph-osd', 'ceph-mds', 'ceph-common', 'ceph-fuse'],
    unsafe: false,
    isSlow: true,
    async serve(server, daemons) {
      await startCephFilesystem(daemons, await startCephHere(daemons));
      mountCephFs(server, '/mnt/disk');
    },
    mount(client) {
      client.load('fuse');
      client.run(
        `printf '[global]\\nmon host = v1:${host}:6789\\nauth client required = none\\nlog file = /run/ceph-fuse.log\\n' >/run/ceph.conf; ceph-fuse -c /run/ceph.conf -n client.admin ${shared} >/dev/null 2>&1`,
      );
    },
  },
  {
    name: 'GlusterFS, two replicas',
    packages: ['glusterfs-server', 'glusterfs-client'],
    unsafe: true,
    serve(server) {
      server.load('fuse');
      server.run(
        'mkdir -p /mnt/bricks /var/lib/glusterd /var/log/glusterfs/bricks && mount --bind /mnt/disk /mnt/bricks',
      );
      server.run('mkdir /mnt/bricks/one /mnt/bricks/two');
      server.run(withOwnTmp('glusterd'));
      listens(server, 24007);
      const bricks = ['one', 'two'].map((name) => `${server.address}:/mnt/bricks/${name}`).join(' ');
      server.run(`gluster --mode=script volume create disk replica 2 ${bricks} force`);
      server.run('gluster --mode=script volume start disk && mount --bind /mnt/bricks/one /mnt/disk');
    },
    mount(client, { address }) {
      client.load('fuse');
      client.run(`mkdir -p /var/log/glusterfs; ${withOwnTmp(`mount -t glusterfs ${address}:/disk ${shared}`)}`);
    },
  },
  {
    name: "s3fs (a bucket of Ceph's gateway)",
    packages: ['ceph-mon', 'ceph-osd', 'ceph-common', 'radosgw', 's3fs'],
    unsafe: true,
    async serve(server, daemons) {
      await startGateway(daemons, await startCephHere(daemons), 7480, 'bucket');
      mountS3fs(server, '/mnt/disk', ',max_stat_cache_size=0,nonempty');
    },
    mount: (client) => mountS3fs(client, shared),
  },
];
