// Profiles of untorn and of the prototype beside each other, for each workload of which a goal is not met.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { intermediaries } from './bought.js';
import { contenders } from './contenders.js';
import { commands, sample } from './execute.js';
import { judge } from './goals.js';
import { moduleUrl } from './peers.js';
import { median } from './statistics.js';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const dist = pathToFileURL(here('../dist/')).href;
const bench = new URL('./', import.meta.url).href;
const prototype = 'plain callbacks';
const contents = new Map();
let places;

/** Rows that hold less than this share of the time are added up, each with those that are for the same. */
const least = 0.002;

/** @returns {object[]} for each workload with a goal that is not met, both sides */
export function profileSides(run, measured) {
  places ??= JSON.parse(readFileSync(here('../build/places.json'), 'utf8'));
  const failed = new Set(
    judge(measured)
      .filter(({ met, reduced }) => met === false && !reduced)
      .map(({ workload }) => workload),
  );
  return measured.workloads
    .filter(({ id, api }) => failed.has(id) && (api === undefined || contenders[prototype][api] !== undefined))
    .map((workload) => {
      const begin = Date.now();
      const sides = Object.fromEntries(['untorn', prototype].map((name) => [name, side(run, workload, name)]));
      process.stderr.write(`profiles of ${workload.id}: ${((Date.now() - begin) / 1000).toFixed(1)} s\n`);
      return { id: workload.id, sides };
    });
}

/** Fresh processes; what they took is divided by how many there were, and by how much each wrote. */
function side(run, workload, name) {
  const processes = workload.count > 1 || workload.size >= 1 << 30 ? 3 : 9;
  const per = processes * (workload.count ?? 1);
  const taken = Array.from({ length: processes }, () => profiled(run, workload, name));
  const rows = new Map();
  for (const { profile } of taken) add(profile, rows);
  for (const row of rows.values()) row.us /= per;
  const compiled = Array.from({ length: workload.count > 1 ? 1 : 3 }, () => compiling(run, workload, name));
  return {
    processes,
    compiled: (1000 * median(compiled)) / (workload.count ?? 1),
    rows: shortened([...rows.values()]),
  };
}

/** One process, with a profile; or with a log of what V8 compiles, since to look at both would slow both down. */
function profiled(run, workload, name, log) {
  const flags = log === undefined ? [] : ['--log-function-events', `--logfile=${log}`, '--no-logfile-per-isolate'];
  if (workload.kind === 'command' || workload.kind === 'import') return wholeProcess(run, workload, name, flags);
  return sample(run, workload, name, { flags, ...(log === undefined ? { profiled: true } : { marks: true }) });
}

/** Workloads that time all of a process, or what it loads. */
function wholeProcess(run, { kind, size, how, writes }, name, flags) {
  const file = join(run.folder, 'profile.json');
  const target = join(run.folder, 'profiled');
  const programs = {
    command: name === 'untorn' ? [...commands.untorn.slice(1), target] : [here('prototype-command.js'), target],
    import: [
      here('import.js'),
      name === 'untorn' ? how : 'import',
      name === 'untorn' ? moduleUrl(name, how) : new URL('prototype.js', import.meta.url).href,
      name,
      ...(writes ? [target] : []),
    ],
  };
  const isLogged = flags.length > 0;
  const { status, stderr } = spawnSync(
    process.execPath,
    [...flags, '--require', here('profiler.cjs'), ...programs[kind]],
    {
      input: Buffer.alloc(size ?? 0, 'x'),
      env: { ...process.env, [isLogged ? 'UNTORN_BENCH_MARK' : 'UNTORN_BENCH_PROFILE']: file },
    },
  );
  if (status !== 0) throw new Error(`${programs[kind][0]} ended with ${status}: ${stderr}`);
  return isLogged ? {} : JSON.parse(readFileSync(file, 'utf8'));
}

/** Adds the microseconds of a profile to rows: each look at the stack counts until the next one. */
function add({ nodes, samples, timeDeltas }, rows) {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  for (const node of nodes) for (const child of node.children ?? []) byId.get(child).parent = node;
  for (const [index, id] of samples.entries()) {
    const us = timeDeltas[index + 1] ?? 0;
    const node = byId.get(id);
    node.row ??= rowOf(node);
    const key = Object.values(node.row).join('\0');
    const row = rows.get(key) ?? { ...node.row, us: 0 };
    row.us += Math.max(0, us);
    rows.set(key, row);
  }
}

const special = { '(idle)': 'idle', '(garbage collector)': 'collector', '(program)': 'native', '(root)': 'native' };

/**
 * What a place in the stack is: a function of one of the two sides, or what that calls, with the file that it is for.
 */
function rowOf(node) {
  const kind = special[node.callFrame.functionName];
  if (kind !== undefined) return { kind };
  let call;
  let isLoading = false;
  let frame = node;
  // What is not ours, up to who called it.
  for (; frame !== undefined && ownFile(frame) === undefined; frame = frame.parent) {
    const { url, functionName } = frame.callFrame;
    if (url.startsWith('node:internal/modules/')) isLoading = true;
    else if (/^node:(?:internal\/)?fs\b/.test(url) && functionName !== '')
      call = { kind: 'fs', name: `fs.${functionName}` };
    else if (url.startsWith('node:')) call ??= { kind: 'node' };
    else if (functionName !== '') call ??= { kind: 'called', name: functionName };
  }
  if (isLoading || (frame === node && isTop(frame))) return { kind: 'loading' };
  if (frame === undefined) return { kind: 'node' };
  if (frame === node) return { kind: 'own', name: node.callFrame.functionName || '(nameless)', file: ownFile(node) };
  return ownFile(frame) === 'bench' ? { kind: 'own', name: '', file: 'bench' } : { ...call, file: askedBy(frame) };
}

/** The top of a module or of a part of the package, which runs when it is loaded. */
const isTop = ({ callFrame: { functionName, lineNumber, columnNumber } }) =>
  functionName === '' && lineNumber === 0 && columnNumber === 0;

/** The file of src, or of the benchmark; undefined for functions of Node, of V8, and of libraries. */
function ownFile({ callFrame: { url, lineNumber, columnNumber } }) {
  if (url.startsWith(bench))
    return url === `${bench}prototype.js` || url === `${bench}prototype-command.js` ? 'prototype' : 'bench';
  if (!url.startsWith('file:') && !url.startsWith('/')) return undefined;
  const address = url.startsWith('/') ? pathToFileURL(url).href : url;
  if (!address.startsWith(dist)) return undefined;
  const file = address.slice(dist.length);
  if (file.startsWith('index.')) return 'index.ts';
  if (!contents.has(file)) contents.set(file, readFileSync(new URL(address), 'utf8').split('\n'));
  const offset = contents
    .get(file)
    .slice(0, lineNumber)
    .reduce((sum, line) => sum + line.length + 1, columnNumber);
  return (places[file].findLast(([start, end]) => start <= offset && offset < end) ??
    places[file].findLast(([start]) => start <= offset) ??
    places[file][0])[2];
}

/** Whoever had the call made: not the function that makes calls for all. */
function askedBy(caller) {
  let frame = caller;
  while (
    frame.parent !== undefined &&
    intermediaries.has(ownFile(frame)) &&
    (ownFile(frame.parent) ?? 'bench') !== 'bench'
  )
    frame = frame.parent;
  return ownFile(frame);
}

/** Without the many rows that hold next to nothing. */
function shortened(rows) {
  const enough = least * rows.reduce((sum, { kind, us }) => sum + (kind === 'idle' ? 0 : us), 0);
  const small = new Map();
  for (const row of rows.filter(({ us }) => us < enough)) {
    const key = `${row.kind}\0${row.file}`;
    const all = small.get(key) ?? { kind: row.kind, file: row.file, us: 0 };
    all.us += row.us;
    small.set(key, all);
  }
  return [...rows.filter(({ us }) => us >= enough), ...small.values()]
    .map((row) => ({ ...row, us: Number(row.us.toPrecision(4)) }))
    .toSorted((a, b) => b.us - a.us);
}

/** Milliseconds of parsing and of compiling to bytecode, from the first mark to the second, or to the end. */
function compiling(run, workload, name) {
  const log = join(run.folder, 'v8.log');
  profiled(run, workload, name, log);
  let lines = readFileSync(log, 'utf8').split('\n');
  rmSync(log);
  const at = (which) =>
    lines.findIndex((line) => line.endsWith(`untornBench${which}`) && line.includes(',first-execution,'));
  const [begin, end] = [at('Begin'), at('End')];
  lines = lines.slice(Math.max(0, begin), end < 0 ? undefined : end);
  // What is parsed for a first look is in the time of the parse that it belongs to.
  return lines
    .filter((line) => /^function,(?:full-parse|interpreter)/.test(line))
    .reduce((sum, line) => sum + Number(line.split(',')[5]), 0);
}
