// Runs small programs with the packed package in test runners, compilers, bundlers and runtimes, each in a folder of its own with pinned versions.
//   node test/hosts/hosts.js [--quick] [--write] [PART…]     those whose folder has PART in its name; --write: the table in docs/guarantees.md
// A folder here is a host: its package.json has the versions, and a command for each way of using the package; `runtime` is another than Node.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { binaryOf, older, runtimes } from '../../scripts/runtime.js';
import { write } from './table.js';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '..', '..');
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'untorn-ci', 'hosts');
/** Milliseconds, for one command. */
const limit = 300_000;

const { values: options, positionals: wanted } = parseArgs({ allowPositionals: true, options: { quick: { type: 'boolean', default: false }, write: { type: 'boolean', default: false } } });
const workshop = mkdtempSync(join(tmpdir(), 'untorn-hosts-'));

const hosts = readdirSync(here, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && (wanted.length === 0 || wanted.some((part) => entry.name.includes(part))))
  .map(({ name }) => ({ name, ...JSON.parse(readFileSync(join(here, name, 'package.json'), 'utf8')) }))
  .filter(({ quick }) => !options.quick || quick);

function run(command, args, cwd, env = {}) {
  return spawnSync(command, args, { cwd, encoding: 'utf8', timeout: limit, killSignal: 'SIGKILL', env: { ...process.env, NO_COLOR: '1', CI: '1', NODE_OPTIONS: '', ...env } });
}

/** The package as it is published. */
function packed() {
  const { status, stdout, stderr } = run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', workshop], root);
  if (status !== 0) throw new Error(stderr);
  run('tar', ['-xzf', JSON.parse(stdout)[0].filename], workshop);
  return join(workshop, 'package');
}

/** The folder with a host's own packages, which is kept for the next time. */
function installed({ name, dependencies = {} }) {
  const others = Object.fromEntries(Object.entries(dependencies).filter(([name]) => name !== 'untorn'));
  const text = JSON.stringify({ private: true, dependencies: others });
  const folder = join(cache, `${name}-${createHash('sha256').update(text).digest('hex').slice(0, 12)}`);
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  const making = mkdtempSync(join(cache, '.making-'));
  try {
    writeFileSync(join(making, 'package.json'), text);
    const { status, stderr, error } = run('npm', ['install', '--no-audit', '--no-fund', '--loglevel', 'error'], making);
    if (status !== 0) throw new Unavailable(`npm could not install it: ${error?.message ?? stderr.split('\n').find((line) => /E[A-Z]{3,}/.test(line)) ?? stderr}`);
    mkdirSync(join(making, 'node_modules'), { recursive: true });
    renameSync(making, folder);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  return folder;
}

class Unavailable extends Error {}

function binaryFor(runtime) {
  try {
    return binaryOf(runtimes[runtime] ?? older[runtime]);
  } catch (error) {
    throw new Unavailable(error.message);
  }
}

/** A copy of the host's programs, with its packages and ours. */
function prepare(host, untorn) {
  const folder = join(workshop, host.name);
  const packages = join(folder, 'node_modules');
  cpSync(join(here, host.name), folder, { recursive: true });
  for (const name of ['scenario.cjs', 'program.mjs', 'program.cjs', 'alone.mjs']) cpSync(join(here, name), join(folder, name));
  for (const name of ['program.ts', 'program.cts', 'program.mts']) cpSync(join(here, 'program.ts'), join(folder, name));
  for (const [index, code] of guideOf(host).entries()) writeFileSync(join(folder, `guide-${index}.test.${code.includes('require(') ? 'js' : 'mjs'}`), code);
  cpSync(join(installed(host), 'node_modules'), packages, { recursive: true, verbatimSymlinks: true });
  cpSync(untorn, join(packages, 'untorn'), { recursive: true });
  return folder;
}

/** The programs of the guide that are marked for this host. */
function guideOf({ name }) {
  const text = readFileSync(join(root, 'docs', 'guides', 'testing.md'), 'utf8');
  return [...text.matchAll(/^```js (\w+)\n(.*?)^```$/gms)].filter(([, mark]) => mark === name).map(([, , code]) => code);
}

function* tryHost(host, untorn) {
  const { name, scripts, runtime, dependencies = {} } = host;
  const said = Object.entries(dependencies).filter(([name]) => name !== 'untorn' && !name.startsWith('@types/'));
  const version = runtime === undefined ? said.map(([name, version]) => (name.startsWith('typescript-') ? '' : `${name} ${version}`)).filter(Boolean).join(', ') : (runtimes[runtime] ?? older[runtime]).version;
  let folder;
  let path = '';
  try {
    if (runtime !== undefined) path = `${dirname(binaryFor(runtime))}${delimiter}`;
    folder = prepare(host, untorn);
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    for (const way of Object.keys(scripts)) yield { host: name, version, way, missing: error.message };
    return;
  }
  for (const [way, command] of Object.entries(scripts)) {
    const began = Date.now();
    const { status, signal, stdout, stderr } = run('sh', ['-c', command], folder, { PATH: `${join(folder, 'node_modules', '.bin')}${delimiter}${path}${process.env.PATH}` });
    const failure = status === 0 ? undefined : `${command}\nstatus ${status ?? signal}\n${stdout}${stderr}`;
    yield { host: name, version, way, failure, notTried: /^No ACL.*$/m.exec(stdout)?.[0], seconds: (Date.now() - began) / 1000 };
  }
}

const rows = [];
try {
  const untorn = packed();
  for (const host of hosts) {
    for (const row of tryHost(host, untorn)) {
      rows.push(row);
      const { missing, failure, notTried, seconds } = row;
      const said = missing !== undefined ? `not tested: ${missing}` : failure === undefined ? `works (${seconds.toFixed(1)} s)${notTried === undefined ? '' : `; ${notTried}`}` : `FAILED\n    ${failure.trimEnd().replaceAll('\n', '\n    ')}`;
      console.log(`${row.host} (${row.version || process.version}), ${row.way}: ${said}`);
    }
  }
} finally {
  rmSync(workshop, { recursive: true, force: true });
}
const failed = rows.filter(({ failure }) => failure !== undefined).length;
console.log(`${rows.length - failed} of ${rows.length} ways of using the package work or were not tested; ${failed} failed`);
if (options.write) write(rows);
if (failed > 0 || rows.length === 0) process.exitCode = 1;
