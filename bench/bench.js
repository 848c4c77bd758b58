// `npm run bench`: times untorn beside its peers and the floors, in one interleaved run, and writes
// docs/performance.md.
//   --quick          about a minute: two rounds of smaller workloads, no scaling, no profile; prints the page, and writes nothing
//   --only ID,ID     some workloads (a part of an id is enough); prints, and writes nothing
//   --rounds N       7, or 2 if quick       --dir DIR   whose filesystem is measured: the current directory
//   --limit SECONDS  a workload that has taken so long gets no more rounds after the third; the page says so
//   --warm           each contender makes a file and replaces it before its clock starts; else a sample begins cold
//   --from           makes the page again from docs/performance/results.json
//   --profile        the same, with a new profile of why goals are not met
//   --profiles       the same, with new profiles of untorn and the prototype for each goal that is not met, and the files
//                    that a write enters
//   --calls          the same, with the system calls counted anew
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compileFloor, missing, sample } from './execute.js';
import { machine, processorTime, shares } from './machine.js';
import { countEntered } from './entered.js';
import { timeLoading } from './loading.js';
import { page, plots } from './page.js';
import { installPeers } from './peers.js';
import { profile } from './profile.js';
import { profileSides } from './sides.js';
import { countCalls } from './system-calls.js';
import { shrink, workloads } from './workloads.js';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    rounds: { type: 'string' },
    limit: { type: 'string', default: 'Infinity' },
    dir: { type: 'string', default: '.' },
    warm: { type: 'boolean', default: false },
    from: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    profiles: { type: 'boolean', default: false },
    calls: { type: 'boolean', default: false },
  },
});
const docs = fileURLToPath(new URL('../docs', import.meta.url));
const results = join(docs, 'performance', 'results.json');

/** @returns {object} everything that the page says */
function measure() {
  installPeers();
  const folder = realpathSync(mkdtempSync(join(options.dir, '.untorn-bench-')));
  try {
    const run = { folder, floor: compileFloor(folder) };
    const rounds = Number(options.rounds ?? (options.quick ? 2 : 7));
    const about = machine(folder);
    const before = processorTime();
    process.stderr.write(`${about.filesystem}\n`);
    const chosen = workloads.filter(
      ({ id }) => options.only === undefined || options.only.split(',').some((part) => id.includes(part)),
    );
    const measured = chosen
      .filter(({ scale }) => !options.quick || scale === undefined)
      .map((workload) => measureWorkload(run, options.quick ? shrink(workload) : workload, rounds));
    const calls = options.only === undefined ? countCalls(run) : [];
    const isWhole = options.only === undefined && !options.quick;
    const all = { rounds, quick: options.quick, warm: options.warm, workloads: measured, calls };
    if (isWhole) Object.assign(all, { profile: profile(folder), ...besides(run, all) });
    about.shares = shares(before, processorTime());
    return { about, ...all };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Each round has one sample of each contender, and begins with another one. */
function measureWorkload(run, workload, rounds) {
  const absent = {};
  const names = [...Object.keys(workload.floors), ...workload.by].filter((name) => {
    const reason = missing(name);
    if (reason !== undefined) absent[name] = reason;
    return reason === undefined;
  });
  const samples = Object.fromEntries(names.map((name) => [name, []]));
  const begin = Date.now();
  const elapsed = () => (Date.now() - begin) / 1000;
  for (let round = 0; round < rounds && (round < 3 || elapsed() < Number(options.limit)); round++) {
    for (let position = 0; position < names.length; position++) {
      const name = names[(position + round) % names.length];
      samples[name].push(sample(run, workload, name, { warmed: options.warm }));
    }
  }
  const descriptors =
    workload.scale?.of === 'files'
      ? sample(run, workload, 'untorn', { countDescriptors: true, warmed: options.warm }).descriptors
      : undefined;
  process.stderr.write(`${workload.id}: ${elapsed().toFixed(1)} s\n`);
  return { ...workload, samples, absent, descriptors };
}

const kept = () => JSON.parse(readFileSync(results, 'utf8'));

/** What was measured before, with a new profile. */
function profileAnew() {
  const folder = realpathSync(mkdtempSync(join(options.dir, '.untorn-bench-')));
  try {
    return { ...kept(), profile: profile(folder), profiledWith: machine(folder).versions.untorn };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Profiles of both sides, and what a write enters, with where and when that was. */
function besides(run, all) {
  const before = processorTime();
  const { date, node, processor, system, filesystem, versions } = machine(run.folder);
  const entered = countEntered(run.folder);
  const loading = timeLoading();
  const workloads = profileSides(run, all);
  const about = { date, node, processor, system, filesystem, untorn: versions.untorn };
  return { entered, loading, sides: { about: { ...about, shares: shares(before, processorTime()) }, workloads } };
}

/** What was measured before, with new profiles of both sides. */
function besidesAnew() {
  const folder = realpathSync(mkdtempSync(join(options.dir, '.untorn-bench-')));
  try {
    return { ...kept(), ...besides({ folder }, kept()) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What was measured before, with system calls that are counted anew. */
function countAnew() {
  installPeers();
  const folder = realpathSync(mkdtempSync(join(options.dir, '.untorn-bench-')));
  try {
    return { ...kept(), calls: countCalls({ folder }) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const again = options.profile
  ? profileAnew
  : options.profiles
    ? besidesAnew
    : options.calls
      ? countAnew
      : options.from
        ? kept
        : undefined;
const measured = (again ?? measure)();
if (options.quick || options.only !== undefined) {
  process.stdout.write(page(measured));
} else {
  mkdirSync(join(docs, 'performance'), { recursive: true });
  writeFileSync(results, `${JSON.stringify(measured)}\n`);
  for (const [name, svg] of plots(measured)) writeFileSync(join(docs, 'performance', name), svg);
  writeFileSync(join(docs, 'performance.md'), page(measured));
}
