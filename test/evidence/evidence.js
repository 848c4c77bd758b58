/**
 * `npm run evidence`: runs what shows the guarantees, keeps its figures in docs/evidence/, and writes docs/evidence.md
 * and the table of docs/guarantees.md from them.
 *
 *     npm run evidence                     everything, in about half an hour
 *     npm run evidence -- faults races     only these parts
 *     npm run evidence -- pages            nothing is run: the pages, from the figures that are kept
 *     --small                              a little of each, to try it; figures and pages go to build/evidence
 *
 * A part whose command fails keeps nothing, unless what it tells includes what fails.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { machine } from '../../bench/machine.js';
import { writePages } from './pages.js';

const {
  values: { small },
  positionals: wanted,
} = parseArgs({ allowPositionals: true, options: { small: { type: 'boolean', default: false } } });

/** Commands of each part: the arguments of Node, and what is different in the environment. */
const parts = {
  model: [{ args: ['scripts/test.js', 'model'] }],
  faults: [
    { args: ['scripts/test.js', 'fault/every-call'] },
    ...['end-to-end', 'end-to-end-shared'].map((name) => ({
      args: ['--test', '--test-reporter=spec', `build/test/fault/${name}.test.js`],
      env: small ? {} : { UNTORN_FAULTS: 'kills' },
    })),
  ],
  races: [
    { args: ['build/test/torture/torture.js', ...(small ? ['--quick'] : [])] },
    { args: ['build/test/torture/torture.js', `--dir=${tmpdir()}`, ...(small ? ['--quick'] : ['--rounds=2000'])] },
  ],
  filesystems: [
    { args: ['build/test/filesystems/filesystems.js', ...(small ? ['--quick'] : [])], tellsFailures: true },
  ],
  networks: [{ args: ['build/test/networks/networks.js', ...(small ? ['--quick', 'NFS 4.2'] : [])] }],
  programs: [{ args: ['scripts/test.js', 'property/calls'], env: { UNTORN_PROPERTY_SECONDS: small ? '5' : '120' } }],
  tests: [
    {
      args: ['scripts/test.js', 'unit', 'filesystem', 'lifecycle', 'cli', 'hostile', 'odd'],
      env: { UNTORN_EVIDENCE_OF_TESTS: 'yes' },
    },
  ],
  runtimes: [{ args: ['test/runtimes/runtimes.js'] }],
  windows: [
    { args: ['scripts/test-windows.js', '20.20.2'] },
    { args: ['scripts/test-windows.js', '22.23.3'], env: small ? {} : { UNTORN_WINDOWS: 'full' } },
  ],
  'power-cuts': [{ args: ['build/test/crash/crash.js', small ? '--quick' : '--all'] }],
  directories: [{ args: ['build/test/crash/crash.js', 'directories', ...(small ? ['--states=40'] : [])] }],
  verbs: [{ args: ['build/test/crash/crash.js', 'verbs', ...(small ? ['--states=40'] : [])] }],
  peers: [{ args: ['test/evidence/peers.js', ...(small ? ['untorn', 'steno'] : [])] }],
};

const unknown = wanted.find((name) => parts[name] === undefined && name !== 'pages');
if (unknown !== undefined) throw new Error(`"${unknown}" is none of ${Object.keys(parts).join(', ')}, pages`);

const docs = small ? 'build/evidence/docs' : 'docs';
if (small) {
  rmSync('build/evidence', { recursive: true, force: true });
  cpSync('docs', docs, { recursive: true });
}
mkdirSync(join(docs, 'evidence'), { recursive: true });
mkdirSync('build/evidence', { recursive: true });

/** Runs the commands of a part; what they noted is kept if all went well. */
function run(name) {
  const notes = `build/evidence/${name}.jsonl`;
  rmSync(notes, { force: true });
  const about = machine(tmpdir());
  const began = Date.now();
  for (const { args, env, tellsFailures = false } of parts[name]) {
    const { status } = spawnSync(process.execPath, args, {
      stdio: 'inherit',
      env: { ...process.env, UNTORN_EVIDENCE: notes, ...env },
    });
    if (status !== 0 && !tellsFailures) return `${name}: node ${args.join(' ')} failed`;
  }
  if (!existsSync(notes)) return `${name}: nothing was tried here`;
  const figures = readFileSync(notes, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const seconds = Math.round((Date.now() - began) / 1000);
  writeFileSync(
    join(docs, 'evidence', `${name}.json`),
    `${JSON.stringify({ about, seconds, figures }, undefined, 1)}\n`,
  );
  return undefined;
}

const chosen = Object.keys(parts).filter((name) => wanted.length === 0 || wanted.includes(name));
const failed = chosen.map(run).filter((problem) => problem !== undefined);
writePages(docs, Object.keys(parts));
for (const problem of failed) console.error(`NOT KEPT: ${problem}`);
if (failed.length > 0) process.exitCode = 1;
