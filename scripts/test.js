// Runs the compiled tests that the arguments name (all by default), with the test runner of the Node that runs this.
// The tests of the package itself, in build/test/packaging, need the network and run only when they are named; so do
// those for Windows elsewhere.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join, sep } from 'node:path';

const folder = join('build', 'test');
const wanted = process.argv.slice(2);
const unnamed = process.platform === 'win32' ? ['packaging'] : ['packaging', 'windows'];
const isWanted = (name) =>
  wanted.length === 0
    ? !unnamed.some((part) => name.startsWith(`${part}${sep}`))
    : wanted.some((part) => name.includes(part));

// Node 20's runner takes file names only, no patterns.
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.js') && isWanted(name))
  .toSorted()
  .map((name) => join(folder, name));
if (files.length === 0) {
  console.error(`No test file in ${folder} has one of these in its name: ${wanted.join(', ')}`);
  process.exit(1);
}

// On Node 20 the limit is for a whole file, from 22 on also for each test in it.
// Where the figures of the tests are asked for, a second reporter counts them.
const counting =
  process.env.UNTORN_EVIDENCE_OF_TESTS === undefined
    ? []
    : [
        '--test-reporter-destination=stdout',
        '--test-reporter=./test/evidence/reporter.js',
        '--test-reporter-destination=stderr',
      ];
const runner = [
  '--test',
  '--test-concurrency=2',
  '--test-timeout=300000',
  '--test-reporter=spec',
  ...counting,
  '--enable-source-maps',
];
const { status, error } = spawnSync(process.execPath, [...runner, ...files], { stdio: 'inherit' });
if (error !== undefined) throw error;
process.exitCode = status ?? 1;
