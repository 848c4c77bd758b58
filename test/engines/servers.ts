/** How each server is started: from Debian's packages, in a folder of its own, and gone with this process. */
import type { ChildProcess } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { signed } from '#untorn/store/s3-signature.js';
import { isRoot } from '../support/needs.ts';
import { freePorts, Missing, needs, Server, until, untilListening } from './server.ts';

const host = '127.0.0.1';

/** A server that has started. */
export interface Running {
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts something, and leaves nothing behind if that fails. */
async function started<T>(start: (server: Server) => Promise<T>): Promise<T & { stop(): Promise<void> }> {
  const server = new Server();
  try {
    return { ...(await start(server)), stop: async () => server.stop() };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** Members of one cluster of etcd. */
export interface EtcdCluster extends Running {
  readonly endpoints: readonly string[];
  /** Kills the leader. */
  killLeader(): Promise<void>;
}

export async function startEtcd(members: number): Promise<EtcdCluster> {
  needs('etcd', 'etcd-server');
  return started(async (server) => {
    const ports = await freePorts(members);
    const peers = await freePorts(members);
    const url = (port: number | undefined): string => `http://${host}:${port}`;
    const cluster = peers.map((port, member) => `m${member}=${url(port)}`).join(',');
    const children: ChildProcess[] = [];
    for (const [member, port] of ports.entries()) {
      const own = [
        ['name', `m${member}`],
        ['data-dir', server.at(`m${member}`)],
        ['listen-client-urls', url(port)],
        ['advertise-client-urls', url(port)],
        ['listen-peer-urls', url(peers[member])],
        ['initial-advertise-peer-urls', url(peers[member])],
        ['initial-cluster', cluster],
        ['initial-cluster-token', 'untorn'],
      ];
      children.push(server.start('etcd', ...own.flatMap(([name, value]) => [`--${name}`, value!])));
    }
    const ask = async (port: number | undefined, path: string): Promise<Record<string, unknown>> => {
      const answer = await fetch(`${url(port)}${path}`, {
        method: 'POST',
        body: '{}',
        signal: AbortSignal.timeout(2000),
      });
      return (await answer.json()) as Record<string, unknown>;
    };
    const hasLeader = async (): Promise<boolean> =>
      Number((await ask(ports[0], '/v3/maintenance/status'))['leader']) > 0;
    await until('a leader of etcd', hasLeader);
    return {
      port: ports[0]!,
      endpoints: ports.map(url),
      async killLeader() {
        for (const [member, port] of ports.entries()) {
          const status = (await ask(port, '/v3/maintenance/status')) as {
            header: { member_id: string };
            leader: string;
          };
          if (status.leader !== status.header.member_id) continue;
          children[member]!.kill('SIGKILL');
          return;
        }
        throw new Error('There is no leader to kill');
      },
    };
  });
}

/** A server of PostgreSQL, which can be killed and started again with the same data. */
export interface PostgresServer extends Running {
  readonly connection: {
    readonly host: string;
    readonly port: number;
    readonly user: string;
    readonly database: string;
  };
  /** Kills all of its processes, as a crash of the machine would, and starts it again. */
  crash(): Promise<void>;
}

export async function startPostgres(): Promise<PostgresServer> {
  const root = '/usr/lib/postgresql';
  const version = existsSync(root) ? readdirSync(root).toSorted().at(-1) : undefined;
  if (version === undefined) throw new Missing('PostgreSQL is not installed (Debian: postgresql)');
  return started(async (server) => {
    // It refuses to run as root.
    const user: string[] = [];
    if (isRoot) {
      const id = async (flag: string): Promise<number> => Number(await server.run('id', flag, 'postgres'));
      chownSync(server.folder, await id('-u'), await id('-g'));
      user.push('setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups', '--');
    }
    const [port] = await freePorts(1);
    const data = server.at('data');
    const command = (name: string, ...args: string[]): [string, ...string[]] =>
      [...user, `${root}/${version}/bin/${name}`, ...args] as [string, ...string[]];
    await server.run(...command('initdb', '-D', data, '-A', 'trust', '-U', 'postgres', '--no-sync'));
    const settings = [`port=${port}`, `listen_addresses=${host}`, `unix_socket_directories=${server.folder}`];
    const serve = async (): Promise<ChildProcess> => {
      const child = server.start(...command('postgres', '-D', data, ...settings.flatMap((one) => ['-c', one])));
      await untilListening(port!);
      await until('PostgreSQL', async () => {
        await server.run('psql', '-h', host, '-p', String(port), '-U', 'postgres', '-c', 'SELECT 1');
        return true;
      });
      return child;
    };
    let child = await serve();
    return {
      port: port!,
      connection: { host, port: port!, user: 'postgres', database: 'postgres' },
      async crash() {
        const ended = new Promise((done) => child.once('exit', done));
        // At once, without a word to anybody: SIGQUIT is PostgreSQL's immediate shutdown, which recovers at the start.
        child.kill('SIGQUIT');
        await ended;
        child = await serve();
      },
    };
  });
}

/** A server that speaks S3. */
export interface S3Server extends Running {
  readonly endpoint: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly bucket: string;
}

/** Ceph's gateway before one monitor and one storage daemon that keeps its objects in memory. */
export async function startCephGateway(): Promise<S3Server> {
  for (const [program, debian] of [
    ['ceph-mon', 'ceph-mon'],
    ['ceph-osd', 'ceph-osd'],
    ['radosgw', 'radosgw'],
    ['ceph', 'ceph-common'],
  ] as const)
    needs(program, debian);
  return started(async (server) => {
    const [monitor, port] = await freePorts(2);
    const cluster = randomUUID();
    for (const name of ['mon', 'osd']) mkdirSync(server.at(name));
    const global = {
      fsid: cluster,
      'mon host': `v1:${host}:${monitor}`,
      'public addr': host,
      'public network': '127.0.0.0/8',
      'auth cluster required': 'none',
      'auth service required': 'none',
      'auth client required': 'none',
      'osd pool default size': 1,
      'osd pool default min size': 1,
      'osd crush chooseleaf type': 0,
      'osd pool default pg num': 1,
      'osd pool default pgp num': 1,
      'osd pool default pg autoscale mode': 'off',
      'mon allow pool size one': true,
      'run dir': server.folder,
      'log file': `${server.folder}/$name.log`,
      'admin socket': `${server.folder}/$name.asok`,
      'mon data': server.at('mon'),
      'osd data': server.at('osd'),
      'osd objectstore': 'memstore',
      'memstore device bytes': 2 ** 30,
      keyring: server.at('keyring'),
      'ms bind ipv6': false,
      'ms bind msgr2': false,
      'mon osd full ratio': 0.99,
      'mon max pg per osd': 1000,
    };
    const gateway = {
      'rgw frontends': `beast endpoint=${host}:${port}`,
      'rgw run sync thread': false,
      'rgw enable gc threads': false,
      'rgw enable lc threads': false,
    };
    const lines = (section: object): string =>
      Object.entries(section)
        .map(([name, value]) => `${name} = ${value}\n`)
        .join('');
    writeFileSync(server.at('ceph.conf'), `[global]\n${lines(global)}[client.rgw]\n${lines(gateway)}`);
    const configured = ['-c', server.at('ceph.conf')];
    const keyring = server.at('keyring');
    const allow = ['--cap', 'mon', 'allow *', '--cap', 'osd', 'allow *'];
    await server.run('ceph-authtool', '--create-keyring', keyring, '--gen-key', '-n', 'mon.', ...allow);
    for (const name of ['client.admin', 'client.rgw'])
      await server.run('ceph-authtool', keyring, '--gen-key', '-n', name, ...allow);
    const map = server.at('monmap');
    await server.run('monmaptool', '--create', '--addv', 'a', `[v1:${host}:${monitor}]`, '--fsid', cluster, map);
    await server.run('ceph-mon', ...configured, '--mkfs', '-i', 'a', '--monmap', map, '--keyring', keyring);
    server.start('ceph-mon', ...configured, '-f', '-i', 'a');
    await server.run('ceph-osd', ...configured, '-i', '0', '--mkfs');
    // A daemon that keeps objects in memory chooses its own name.
    const disk = readFileSync(server.at('osd/fsid'), 'utf8').trim();
    await server.run('ceph', ...configured, 'osd', 'new', disk);
    server.start('ceph-osd', ...configured, '-f', '-i', '0');
    await until("Ceph's storage daemon", async () => {
      const said = await server.run('ceph', ...configured, 'osd', 'stat', '--format', 'json');
      return (JSON.parse(said) as { num_up_osds: number }).num_up_osds > 0;
    });
    const credentials = { accessKeyId: 'access', secretAccessKey: 'secret' };
    const user = ['--uid=test', '--display-name=test', '--access-key=access', '--secret=secret'];
    await server.run('radosgw-admin', ...configured, '-n', 'client.rgw', 'user', 'create', ...user);
    server.start('radosgw', ...configured, '-f', '-n', 'client.rgw');
    await untilListening(port!);
    const url = new URL(`http://${host}:${port}/untorn`);
    const headers = signed(
      { method: 'PUT', url, headers: {}, body: Buffer.alloc(0) },
      credentials,
      'us-east-1',
      new Date(),
    );
    const { status } = await fetch(url, { method: 'PUT', headers });
    if (status !== 200) throw new Error(`The bucket was refused with status ${status}`);
    return { port: port!, endpoint: url.origin, credentials, bucket: 'untorn' };
  });
}

/** A small server of S3 from npm, which takes conditions and ignores them. */
export async function startS3rver(folder: string): Promise<S3Server> {
  return started(async (server) => {
    const [port] = await freePorts(1);
    const options = ['-d', server.at('objects'), '-a', host, '-p', String(port), '--configure-bucket', 'untorn'];
    server.start(process.execPath, `${folder}/node_modules/s3rver/bin/s3rver.js`, ...options);
    await untilListening(port!);
    const credentials = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' };
    return { port: port!, endpoint: `http://${host}:${port}`, credentials, bucket: 'untorn' };
  });
}
