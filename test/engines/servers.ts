/** How each server is started: from Debian's packages, in a folder of its own, and gone with this process. */
import type { ChildProcess } from 'node:child_process';
import { chownSync, existsSync, readdirSync } from 'node:fs';
import { isRoot } from '../support/needs.ts';
import { credentials, startCeph, startGateway } from './ceph.ts';
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

/** Ceph's gateway before one monitor and one storage daemon. */
export async function startCephGateway(): Promise<S3Server> {
  return started(async (server) => {
    const [monitor, port] = await freePorts(2);
    const ceph = await startCeph(server, host, monitor!);
    const endpoint = await startGateway(server, ceph, port!, 'untorn');
    return { port: port!, endpoint, credentials, bucket: 'untorn' };
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
