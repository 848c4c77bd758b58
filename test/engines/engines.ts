/** `npm run test:engines`: README.md beside it says what it does. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { storeTests, type StoreSubject } from 'untorn/store/testing';
import { ceph, etcd, etcdCluster, postgres, withoutConditions, type Engine } from './subjects.ts';
import { Missing } from './server.ts';

const wanted = process.argv.slice(2);
/** Packages of npm that are no dependencies of this one: a client, and a server. */
const packages = ['pg@8.23.1', 's3rver@3.7.1'];

/** Where those packages are, installed if they were not yet. */
function installed(): string {
  const folder = resolve('build', 'engines');
  if (!packages.every((name) => existsSync(join(folder, 'node_modules', name.replace(/@[\d.]+$/, ''))))) {
    mkdirSync(folder, { recursive: true });
    const options = ['install', '--no-save', '--no-audit', '--no-fund', '--no-package-lock', '--prefix', folder];
    try {
      execFileSync('npm', [...options, ...packages], { stdio: ['ignore', 'ignore', 'inherit'] });
    } catch (error) {
      throw new Missing(`npm cannot install ${packages.join(' and ')}`, { cause: error });
    }
  }
  return folder;
}

const engines: readonly Engine[] = [etcd, etcdCluster, postgres, ceph, withoutConditions];
const tools = {
  folder: installed,
  load: (name: string) => createRequire(join(installed(), 'index.js'))(name) as unknown,
};
let failures = 0;

async function one(name: string, run: () => Promise<string | undefined>): Promise<void> {
  try {
    const reason = await run();
    if (reason !== undefined) console.log(`  - ${name}: not tested: ${reason}`);
    else console.log(`  ok ${name}`);
  } catch (error) {
    failures++;
    console.log(`  FAILED ${name}\n${String((error as Error).stack ?? error)}`);
  }
}

async function testEngine({ name, start }: Engine): Promise<void> {
  const began = performance.now();
  const seconds = (): string => `${((performance.now() - began) / 1000).toFixed(1)} s`;
  let trial;
  try {
    trial = await start(tools);
  } catch (error) {
    if (!(error instanceof Missing)) throw error;
    console.log(`${name}: not tested: ${error.message}`);
    return;
  }
  console.log(`${name} (started in ${seconds()})`);
  try {
    const tests = trial.subject === undefined ? [] : storeTests(trial.subject satisfies StoreSubject);
    for (const { name: of, run } of [...tests, ...trial.further]) await one(of, run);
  } finally {
    await trial.stop();
  }
  console.log(`  ${seconds()}`);
}

for (const engine of engines) {
  if (wanted.length > 0 && !wanted.some((part) => engine.name.includes(part))) continue;
  try {
    await testEngine(engine);
  } catch (error) {
    failures++;
    console.log(`${engine.name}: FAILED to start\n${String((error as Error).stack ?? error)}`);
  }
}
console.log(failures === 0 ? 'All as promised' : `${failures} FAILED`);
process.exitCode = failures === 0 ? 0 : 1;
