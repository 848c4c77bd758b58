// Takes one sample: prepares a fresh folder, runs a fresh process, verifies what it left.
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { content, jsonValue, target, verifyFile, verifyNames } from './content.js';
import { moduleUrl } from './peers.js';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const timeLimit = 300_000;

/** Compiles the C program. @param {string} folder */
export function compileFloor(folder) {
  const program = join(folder, 'floor');
  execFileSync('cc', ['-O2', '-Wall', '-Werror', '-pthread', '-o', program, here('floor.c')]);
  return program;
}

/** Runs a program and gives what it prints. @param {string} program @param {string[]} args */
function output(program, args, options = {}) {
  const { status, signal, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    timeout: timeLimit,
    maxBuffer: 1 << 28,
    ...options,
  });
  if (status !== 0) throw new Error(`${program} ended with ${signal ?? status}: ${error?.message ?? ''} ${stderr}`);
  return stdout;
}

function writeWhole(path, size, number) {
  const piece = content(Math.min(size, 8 << 20), number);
  const fd = openSync(path, 'w');
  for (let left = size; left > 0;) left -= writeSync(fd, piece, 0, Math.min(left, piece.length));
  fsyncSync(fd);
  closeSync(fd);
}

/**
 * An empty folder beside a warm-up folder, with the file that is to be replaced; everything else of the disk is quiet.
 */
function prepare(run, workload) {
  const folder = join(run.folder, 'sample');
  const warm = join(run.folder, 'warm');
  for (const each of [folder, warm]) {
    rmSync(each, { recursive: true, force: true });
    mkdirSync(each);
  }
  if (workload.kind !== 'files') writeWhole(target(folder), workload.size, 25);
  execFileSync('sync', ['-f', folder]);
  return { folder, warm };
}

function verify(workload, folder, count) {
  if (workload.kind === 'files') {
    const names = Array.from({ length: count }, (_, number) => `file-${number}`);
    verifyNames(folder, names);
    for (const [number, name] of names.entries()) verifyFile(join(folder, name), workload.size, number);
    return;
  }
  verifyNames(folder, ['state']);
  if (workload.kind !== 'json') verifyFile(target(folder), workload.size, count - 1);
  else if (!isDeepStrictEqual(JSON.parse(readFileSync(target(folder), 'utf8')), jsonValue(workload.size)))
    throw new Error('other JSON');
}

/** One sample of one contender. @param {{ folder: string, floor: string }} run */
export function sample(run, workload, name, { flags = [], ...extra } = {}) {
  if (workload.kind === 'import') return load(run, workload, name);
  const { folder, warm } = prepare(run, workload);
  if (workload.kind === 'command') return command(run, workload, name, folder);
  const floor = workload.floors[name];
  let taken;
  if (floor === undefined) {
    const { kind, api, count, size, chunk = size, durability } = workload;
    const job = JSON.stringify({ kind, api, count, size, chunk, durability, folder, warm, ...extra });
    taken = JSON.parse(output(process.execPath, [...flags, here('sample.js'), name, job]));
  } else {
    const { mode, threads, count = workload.count } = floor;
    taken = {
      ms: Number(
        output(
          run.floor,
          [mode, folder, count, workload.size, workload.durability, workload.chunk ?? 0, threads].map(String),
        ),
      ),
    };
  }
  if (name !== 'JSON.stringify') verify(workload, folder, floor?.count ?? workload.count);
  return taken;
}

/** A fresh process that loads a contender, and writes with it. */
function load(run, { how, writes }, name) {
  const url =
    name !== 'empty module'
      ? moduleUrl(name, how)
      : new URL(how === 'require' ? 'empty.cjs' : 'empty.js', import.meta.url).href;
  const path = writes ? [target(prepare(run, { kind: 'files' }).folder)] : [];
  return JSON.parse(output(process.execPath, [here('import.js'), how, url, name, ...path]));
}

export const commands = {
  untorn: [process.execPath, here('../dist/cli/main.cjs'), 'write'],
  sponge: ['sponge'],
  'node -e 0': [process.execPath, '-e', '0'],
};

/** A whole process at the end of a pipe. */
function command(run, workload, name, folder) {
  const input = join(run.folder, `input-${workload.size}`);
  if (!existsSync(input)) writeWhole(input, workload.size, 0);
  const args = name === 'node -e 0' ? commands[name] : [...commands[name], target(folder)];
  const begin = process.hrtime.bigint();
  output('sh', ['-c', 'input=$1; shift; cat "$input" | "$@"', 'sh', input, ...args]);
  const ms = Number(process.hrtime.bigint() - begin) / 1e6;
  verifyNames(folder, ['state']);
  verifyFile(target(folder), workload.size, name === 'node -e 0' ? 25 : 0);
  return { ms };
}

/** Why a contender cannot take part here, if so. @param {string} name */
export function missing(name) {
  if (name !== 'sponge') return undefined;
  return spawnSync('sponge', ['-h']).error === undefined
    ? undefined
    : 'sponge (moreutils) is not installed on this machine';
}
