// Runs packages that many programs use, with the originals and with the drop-ins in their place: settings written and
// read, hundreds of writes with kills in the middle, a nearly full disk.
//   node test/dependents/dependents.js [--quick] [--write] [NAME…]     --write: the table in docs/drop-ins.md
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { sweep } from 'untorn';
import { binaryOf, runtimes } from '../../scripts/runtime.js';
import { inThePlaceOf, plainProject, projectWithDropIns } from './projects.js';
import { subjects } from './subjects.js';
import { writeTable } from './table.js';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false }, write: { type: 'boolean', default: false } },
});
const quick = ['conf', 'lowdb', 'write-json-file'];
const names = positionals.length > 0 ? positionals : options.quick ? quick : Object.keys(subjects);
const kills = options.quick ? 6 : 30;
/** How many writes a process makes before it is killed, at most. */
const most = 20;
/** Bytes of a content: while it is killed, and on the full disk. */
const [size, large] = [100_000, 400_000];

const actor = fileURLToPath(new URL('actor.js', import.meta.url));
const workshop = mkdtempSync(join(tmpdir(), 'untorn-dependents-'));
/** Some dependents need a newer Node than this one may be. */
const node = Number.parseInt(process.versions.node, 10) >= 24 ? process.execPath : binaryOf(runtimes['node 24']);
const environment = { ...process.env, NODE_OPTIONS: '', NODE_TEST_CONTEXT: undefined, NO_COLOR: '1' };

/** Starts an actor; its lines are read as they come. */
function start(name, project, ...given) {
  const child = spawn(node, [actor, name, ...given.map(String)], {
    cwd: project,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (data) => (said += data));
  const ended = new Promise((resolve) => child.once('close', (status, signal) => resolve({ status, signal, said })));
  return { child, ended, lines: createInterface(child.stdout)[Symbol.asyncIterator]() };
}

/** Runs an actor to its end, and gives what it says. */
async function ask(name, project, ...given) {
  const { lines, ended } = start(name, project, ...given);
  const { value } = await lines.next();
  const { status, said } = await ended;
  if (status !== 0) throw new Error(`${name} ${given.join(' ')} failed: ${said}`);
  return JSON.parse(value);
}

/** Names of temporary files, of this package and of the originals. */
const isTemporary = (path) => /untorn-|\.tmp(?:-\w+)?$|\.\d{5,}$/.test(path);
const temporariesIn = (folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(isTemporary).length;

/** Writes without end, in processes that are killed one after the other. */
async function killInTheMiddle(name, project, file) {
  const result = { writes: 0, damaged: 0, lost: 0 };
  let last = 0;
  for (let round = 0; round <= kills; round++) {
    const { child, lines, ended } = start(name, project, file, 'loop', last + 1, size);
    const next = async () => {
      const { value, done } = await lines.next();
      if (done) throw new Error(`${name} ended: ${(await ended).said}`);
      return JSON.parse(value);
    };
    const { state, generation = 0 } = await next();
    if (round > 0 && state !== 'whole') result.damaged++;
    else if (round > 0 && generation < last) result.lost++;
    const writes = round === kills ? 1 : 1 + Math.floor(Math.random() * most);
    for (let count = 0; count < writes; count++) last = await next();
    result.writes += writes;
    // Somewhere in the next write, or in the one after it.
    if (round < kills) await new Promise((wake) => setTimeout(wake, Math.random() * 8));
    child.kill('SIGKILL');
    // What it said before it died counts too.
    for (;;) {
      const { value, done } = await lines.next();
      if (done) break;
      last = JSON.parse(value);
      result.writes++;
    }
    await ended;
  }
  const folder = dirname(file);
  const left = temporariesIn(folder);
  await sweep(folder, { recursive: true });
  return { ...result, left, swept: temporariesIn(folder) };
}

/** Replaces a file where there is room for a quarter of the new content; undefined if nothing can be mounted here. */
async function onNearlyFullDisk(name, project) {
  const disk = mkdtempSync(join(workshop, 'disk-'));
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'untorn-dependents', disk]).status !== 0) return undefined;
  try {
    const file = join(disk, 'data', 'state.json');
    mkdirSync(dirname(file));
    const { state } = await ask(name, project, file, 'begin', large);
    if (state !== 'whole') throw new Error(`${name}: the first content is ${state}`);
    return await ask(name, project, file, 'replace', large, join(disk, 'filler'));
  } finally {
    spawnSync('umount', ['-l', disk]);
  }
}

/** Makes the same calls of the originals and of the drop-ins; says whether only what may differ differs. */
function compareOriginals(project) {
  const program = fileURLToPath(new URL('compare-originals.js', import.meta.url));
  const { status, stdout, stderr } = spawnSync(node, [program], { cwd: project, env: environment, encoding: 'utf8' });
  if (status !== 0) throw new Error(`The comparison failed: ${stderr}`);
  const { count, wrong } = JSON.parse(stdout);
  console.log(`${count} calls of the originals and of the drop-ins, ${wrong.length} of them not as documented`);
  for (const one of wrong) console.log(one);
  return wrong.length === 0;
}

async function tryOne(name, project) {
  const folder = mkdtempSync(join(workshop, 'work-'));
  const file = join(folder, 'data', 'state.json');
  mkdirSync(dirname(file));
  await ask(name, project, file, 'begin', 1000);
  const { state, generation, result } = await ask(name, project, file, 'replace', 1000);
  const works = state === 'whole' && generation === 2 && result === 'success';
  rmSync(folder, { recursive: true });
  mkdirSync(dirname(file), { recursive: true });
  return { works, killed: await killInTheMiddle(name, project, file), full: await onNearlyFullDisk(name, project) };
}

/** What went wrong. With the drop-ins none of it may. */
function faultsOf({ works, killed, full }) {
  return [
    ...(works ? [] : ['what was written was not read']),
    ...(killed.damaged > 0 ? [`${killed.damaged} damaged after a kill`] : []),
    ...(killed.lost > 0 ? [`${killed.lost} lost after a kill`] : []),
    ...(full !== undefined && full.state !== 'whole'
      ? [`on a full disk: ${full.result}, and the content is ${full.state === 'damaged' ? 'damaged' : 'gone'}`]
      : []),
    ...(full?.result === 'success' && full.generation === 1 ? ['on a full disk: success, and the old content'] : []),
  ];
}

const rows = [];
let failed = false;
try {
  const packages = Object.assign({}, ...names.map((name) => subjects[name].packages));
  const projects = [
    ['original', plainProject(packages)],
    ['drop-in', projectWithDropIns(packages)],
  ];
  if (!compareOriginals(projects[0][1])) failed = true;
  for (const name of names) {
    const { peer } = subjects[name];
    for (const [kind, project] of projects) {
      const installed = inThePlaceOf(peer, project);
      const isRight =
        installed.length > 0 && installed.every((one) => one.startsWith('@untorn/') === (kind === 'drop-in'));
      const outcome = await tryOne(name, project);
      const faults = [...faultsOf(outcome), ...(isRight ? [] : [`${peer} is ${installed.join(', ')}`])];
      const mayFail = kind === 'original' && isRight && outcome.works;
      if (faults.length > 0 && !mayFail) failed = true;
      if (kind === 'drop-in' && outcome.killed.swept > 0) {
        failed = true;
        faults.push(`${outcome.killed.swept} temporary files are left after a sweep`);
      }
      rows.push({ name, kind, installed, ...outcome });
      console.log(
        `${name} with ${installed.join(', ')}: ${outcome.killed.writes} writes, ${kills} kills, ${outcome.killed.left} temporary files left; full disk: ${outcome.full === undefined ? 'not tried' : `${outcome.full.result}, ${outcome.full.state}`}${faults.length === 0 ? '' : `\n  ${mayFail ? 'seen' : 'FAILED'}: ${faults.join('; ')}`}`,
      );
    }
  }
  if (options.write)
    writeTable(rows, {
      kills,
      subjects,
      nodeVersion: spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim(),
    });
} finally {
  rmSync(workshop, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;
