/** A Ceph of one monitor and one storage daemon that keeps its objects in memory, and what is served on it. */
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { signed } from '#untorn/store/s3-signature.js';
import { needs, until, untilListening, type Server } from './server.ts';

export interface Ceph {
  readonly host: string;
  readonly monitor: number;
  /** The file of its configuration. */
  readonly configuration: string;
  /** Runs the command `ceph`. */
  run(...args: string[]): Promise<string>;
}

/** Starts it at an address of this machine. */
export async function startCeph(server: Server, host: string, monitor: number): Promise<Ceph> {
  for (const [program, debian] of [
    ['ceph-mon', 'ceph-mon'],
    ['ceph-osd', 'ceph-osd'],
    ['ceph', 'ceph-common'],
  ] as const)
    needs(program, debian);
  const cluster = randomUUID();
  for (const name of ['mon', 'osd']) mkdirSync(server.at(name));
  const keyring = server.at('keyring');
  const global = {
    fsid: cluster,
    'mon host': `v1:${host}:${monitor}`,
    'public addr': host,
    'public network': `${host}/8`,
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
    keyring,
    'ms bind ipv6': false,
    'ms bind msgr2': false,
    'mon osd full ratio': 0.99,
    'mon max pg per osd': 1000,
  };
  const configuration = server.at('ceph.conf');
  writeFileSync(configuration, `[global]\n${lines(global)}`);
  const configured = ['-c', configuration];
  const run = async (...args: string[]): Promise<string> => server.run('ceph', ...configured, ...args);
  const allow = ['mon', 'osd', 'mds'].flatMap((name) => ['--cap', name, 'allow *']);
  await server.run('ceph-authtool', '--create-keyring', keyring, '--gen-key', '-n', 'mon.', ...allow);
  for (const name of ['client.admin', 'client.rgw'])
    await server.run('ceph-authtool', keyring, '--gen-key', '-n', name, ...allow);
  const map = server.at('monmap');
  await server.run('monmaptool', '--create', '--addv', 'a', `[v1:${host}:${monitor}]`, '--fsid', cluster, map);
  await server.run('ceph-mon', ...configured, '--mkfs', '-i', 'a', '--monmap', map, '--keyring', keyring);
  server.start('ceph-mon', ...configured, '-f', '-i', 'a');
  await server.run('ceph-osd', ...configured, '-i', '0', '--mkfs');
  // A daemon that keeps objects in memory chooses its own name.
  await run('osd', 'new', readFileSync(server.at('osd/fsid'), 'utf8').trim());
  const startDisk = (): ChildProcess => server.start('ceph-osd', ...configured, '-f', '-i', '0');
  let disk = startDisk();
  await until("Ceph's storage daemon", async () => {
    // It ends with "wrong fsid" if it asks the monitor before it has learned the cluster's name from it.
    if (disk.exitCode !== null) disk = startDisk();
    const said = await run('osd', 'stat', '--format', 'json');
    return (JSON.parse(said) as { num_up_osds: number }).num_up_osds > 0;
  });
  return { host, monitor, configuration, run };
}

/** Who may use the gateway. */
export const credentials = { accessKeyId: 'access', secretAccessKey: 'secret' };

/** Serves S3 on it, with one bucket; gives the address. */
export async function startGateway(server: Server, ceph: Ceph, port: number, bucket: string): Promise<string> {
  needs('radosgw', 'radosgw');
  const gateway = {
    'rgw frontends': `beast endpoint=${ceph.host}:${port}`,
    'rgw run sync thread': false,
    'rgw enable gc threads': false,
    'rgw enable lc threads': false,
  };
  writeFileSync(ceph.configuration, `[client.rgw]\n${lines(gateway)}`, { flag: 'a' });
  const configured = ['-c', ceph.configuration, '-n', 'client.rgw'];
  const { accessKeyId, secretAccessKey } = credentials;
  const user = ['--uid=test', '--display-name=test', `--access-key=${accessKeyId}`, `--secret=${secretAccessKey}`];
  await server.run('radosgw-admin', ...configured, 'user', 'create', ...user);
  server.start('radosgw', ...configured, '-f');
  await untilListening(port, ceph.host);
  const url = new URL(`http://${ceph.host}:${port}/${bucket}`);
  const headers = signed(
    { method: 'PUT', url, headers: {}, body: Buffer.alloc(0) },
    credentials,
    'us-east-1',
    new Date(),
  );
  const { status } = await fetch(url, { method: 'PUT', headers });
  if (status !== 200) throw new Error(`The bucket was refused with status ${status}`);
  return url.origin;
}

/** Makes a filesystem on it. */
export async function startCephFilesystem(server: Server, ceph: Ceph): Promise<void> {
  needs('ceph-mds', 'ceph-mds');
  mkdirSync(server.at('mds'));
  // A client that asks for what another one has just changed waits for the next tick, by default for up to 5 s.
  const metadata = { 'mds data': server.at('mds'), 'mds tick interval': 0.1 };
  writeFileSync(ceph.configuration, `[mds]\n${lines(metadata)}`, { flag: 'a' });
  for (const pool of ['metadata', 'data']) await ceph.run('osd', 'pool', 'create', pool, '1');
  await ceph.run('fs', 'new', 'files', 'metadata', 'data');
  server.start('ceph-mds', '-c', ceph.configuration, '-f', '-i', 'a');
  await until("Ceph's filesystem", async () => (await ceph.run('mds', 'stat')).includes('up:active'));
}

function lines(section: object): string {
  return Object.entries(section)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join('');
}
