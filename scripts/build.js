// Builds the package or its tests, unless that was done already: from the very same sources, and with what came of it
// still as it was. Every npm script begins with it, so that no stale output is ever tested or packed. With --all the
// package also has the native part for every system, not only for this one.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nativeFile } from './native.js';

const tsc = [process.execPath, join('node_modules', 'typescript', 'bin', 'tsc')];
const sources = ['src', 'scripts', 'package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json'];
const builds = {
  package: {
    inputs: [...sources, 'native'],
    outputs: ['dist', join('build', 'src'), join('build', 'places.json')],
    steps: [
      [...tsc, '-p', 'tsconfig.build.json'],
      [process.execPath, join('scripts', 'bundle.js')],
    ],
  },
  tests: {
    inputs: [...sources, 'test', 'tsconfig.test.json'],
    outputs: [join('build', 'test')],
    steps: [[...tsc, '-p', 'tsconfig.test.json']],
  },
};

const name = process.argv[2] ?? 'package';
const { inputs, outputs, steps } = builds[name];
const record = join('build', `${name}.sha256`);
const all = process.argv.includes('--all');

function digest() {
  const hash = createHash('sha256');
  const add = (path) => {
    const status = lstatSync(path, { throwIfNoEntry: false });
    if (status?.isDirectory() === true) {
      for (const one of readdirSync(path).toSorted()) if (one !== 'node_modules') add(join(path, one));
    } else hash.update(`${path}\0${status?.size ?? 'none'}\0`).update(status === undefined ? '' : readFileSync(path));
  };
  for (const path of [...inputs, ...outputs]) add(path);
  return hash.digest('hex');
}

function recorded() {
  try {
    return readFileSync(record, 'utf8');
  } catch {
    return undefined; // Never built.
  }
}

function run(command, ...args) {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit' });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

function note() {
  mkdirSync('build', { recursive: true });
  writeFileSync(record, digest());
}

if (recorded() !== digest()) {
  for (const path of [record, ...outputs]) rmSync(path, { recursive: true, force: true });
  for (const step of steps) run(...step);
  note();
}
// Not a step like the others: a machine without a compiler may have one the next time.
if (name === 'package' && (all || !existsSync(nativeFile()))) {
  run(process.execPath, join('scripts', 'native.js'), ...(all ? ['--all'] : []));
  note();
}
