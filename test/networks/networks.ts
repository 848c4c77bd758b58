/** `npm run test:networks`: README.md beside it says what it does. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Server } from '../engines/server.ts';
import { install, versionsOf } from '../filesystems/packages.ts';
import { verdict, type Verdict } from '../filesystems/verdict.ts';
import { note } from '../support/evidence.ts';
import { inNamespaces } from '../support/namespaces.ts';
import { packages as ofMachines, Site } from './machines.ts';
import { networks, startServer, type Network } from './servers.ts';
import { trials, trialsOfUnsafe, type Pair } from './trials.ts';

const { values: options, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    install: { type: 'boolean', default: false },
    trials: { type: 'string' },
    inside: { type: 'boolean', default: false },
  },
});
const chosen = networks.filter(({ name, quick }) =>
  wanted.length === 0 ? !options.quick || quick === true : wanted.some((part) => name.includes(part)),
);
const packages = [...new Set([...ofMachines, ...chosen.flatMap(({ packages }) => packages)])].toSorted();
const little = { milliseconds: 1000, times: 10, kills: 2 };
const some = { milliseconds: 5000, times: 20, kills: 6 };
const much = { milliseconds: 5000, times: 60, kills: 12 };

async function tryNetwork(site: Site, network: Network): Promise<Map<string, Verdict>> {
  const at = mkdtempSync(join(tmpdir(), 'disk-'));
  const name = networks.indexOf(network);
  const daemons = new Server();
  const server = await startServer(site, at, `server${name}`);
  const clients = await Promise.all([site.start(`one${name}`), site.start(`other${name}`)]);
  const results = new Map<string, Verdict>();
  try {
    await network.serve(server, daemons);
    for (const client of clients) network.mount(client, server);
    const pair: Pair = {
      machines: clients as unknown as Pair['machines'],
      server,
      amount: options.quick ? little : network.isSlow === true ? some : much,
    };
    for (const trial of network.unsafe ? trialsOfUnsafe : trials) {
      if (options.trials !== undefined && !options.trials.split(',').some((part) => trial.name.includes(part)))
        continue;
      const began = performance.now();
      const result = await trial
        .run(pair)
        .catch((error: Error) => verdict('VIOLATION', error.message, [error.stack ?? '']));
      results.set(trial.name, result);
      console.log(`  ${trial.name}: ${result.text} (${((performance.now() - began) / 1000).toFixed(0)} s)`);
      for (const detail of result.details) console.log(`      ${detail.replaceAll('\n', '\n      ')}`);
    }
  } finally {
    await Promise.all([...clients, server].map((machine) => machine.cut()));
    await daemons.stop();
    rmSync(at, { recursive: true });
  }
  return results;
}

async function tryAll(): Promise<number> {
  const versions = await versionsOf(packages);
  const site = new Site(mkdtempSync(join(tmpdir(), 'site-')));
  console.log(
    `Linux ${release()}; ${packages.map((name) => `${name} ${versions.get(name) ?? '(missing)'}`).join(', ')}`,
  );
  let violations = 0;
  for (const network of chosen) {
    const missing = network.packages.filter((name) => versions.get(name) === undefined);
    console.log(`\n${network.name}:${missing.length > 0 ? ` not tested: ${missing.join(', ')} is missing` : ''}`);
    if (missing.length > 0) continue;
    const cells = await tryNetwork(site, network);
    const wrong = [...cells.values()].filter(({ kind }) => kind === 'VIOLATION').length;
    violations += wrong;
    note({
      of: 'two machines',
      guarantees: [],
      filesystem: network.name,
      durabilities: ['full'],
      count: cells.size,
      violations: wrong,
      details: Object.fromEntries([...cells].map(([name, { kind, text }]) => [name, { kind, text }])),
    });
  }
  console.log(`\n${chosen.length} networks, ${violations} violations`);
  return violations > 0 ? 1 : 0;
}

const lacking = ['linux.uml', 'sshd', 'ip'].filter((name) => spawnSync('which', [name]).status !== 0);
if (process.geteuid?.() !== 0) console.log('Not tested: it takes root to make networks');
else if (options.install) install(packages);
else if (lacking.length > 0)
  console.log(`Not tested: ${lacking.join(', ')} is missing; npm run test:networks -- --install`);
else if (!existsSync('/dev/net/tun')) console.log('Not tested: there is no /dev/net/tun');
else process.exitCode = options.inside ? await tryAll() : inNamespaces(import.meta.url, 'networks', ['--net']);
// Connections that stay open would keep it alive.
if (options.inside) process.exit();
