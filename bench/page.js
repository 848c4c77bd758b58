// docs/performance.md and its plots, made whole from the samples of one run. The prose is fixed; every figure is
// measured.
import { judge } from './goals.js';
import { bars, lines, number } from './plot.js';
import { profileSection } from './profile-page.js';
import { enteredSection, sidesSection } from './sides-page.js';
import { median, ratio, spread } from './statistics.js';

const ms = (samples) => samples.map((sample) => sample.ms);
const table = (head, rows) =>
  [
    `| ${head.join(' | ')} |`,
    `|${head.map((_, index) => (index === 0 ? '---|' : '---:|')).join('')}`,
    ...rows.map((row) => `| ${row.map((cell) => String(cell).replaceAll(/\s+/g, ' ')).join(' | ')} |`),
    '',
  ].join('\n');
const heading = ({ title, durability }) => (durability === undefined ? title : `${title}, \`'${durability}'\``);
const mebibytes = (bytes) => `${(bytes / (1 << 20)).toFixed(0)} MiB`;
const yes = (value) => (value ? 'yes' : 'no');

/** Contenders of a workload, fastest first. */
function ranked({ samples, floors }) {
  return Object.entries(samples)
    .map(([name, taken]) => ({ name, taken, ...spread(ms(taken)), ours: name === 'untorn', floor: name in floors }))
    .toSorted((a, b) => a.median - b.median);
}

/** What a contender was seen to make durable in this workload. */
function promise(measured, workload, { name, floor }) {
  if (floor)
    return workload.durability === undefined ? '–' : workload.durability === 'full' ? 'file and directory' : 'nothing';
  const api = workload.api;
  const calls = measured.calls.filter((call) => call.name === name && call.api === api);
  const seen = calls.find((call) => call.durability === workload.durability) ?? calls[0];
  if (seen === undefined) return '–';
  const synced = [seen.file && 'file', seen.directory && 'directory'].filter(Boolean).join(' and ') || 'nothing';
  return seen.atomic ? synced : `${synced}; not atomic`;
}

function workloadSection(measured, workload) {
  const ours = ms(workload.samples.untorn);
  const waits = workload.api === 'write' && workload.count > 1;
  const large = workload.kind === 'stream' || workload.id.startsWith('replace');
  const head = ['', 'median, ms', 'quartiles', 'untorn is', 'synced'];
  if (waits) head.push('event loop blocked, ms');
  if (large) head.push('peak memory');
  const rows = ranked(workload).map((each) => {
    const row = [
      each.ours ? '**untorn**' : each.name,
      number(each.median),
      `${number(each.low)} – ${number(each.high)}`,
      each.ours ? '' : `${number(ratio(ours, ms(each.taken)))} ×`,
      promise(measured, workload, each),
    ];
    if (waits) row.push(each.floor ? '–' : number(median(each.taken.map((sample) => sample.blocked ?? 0))));
    if (large) row.push(each.floor ? '–' : mebibytes(median(each.taken.map((sample) => sample.memory))));
    return row;
  });
  const absent = Object.values(workload.absent).map((reason) => `Left out: ${reason}.\n`);
  if (ours.length < measured.rounds) absent.push(`Only ${ours.length} rounds: they took long.\n`);
  const plot = measured.quick ? [] : [`![${heading(workload).replaceAll('`', '')}](performance/${workload.id}.svg)\n`];
  return [`### ${heading(workload)}\n`, ...plot, table(head, rows), ...absent].join('\n');
}

const prefixes = { memory: 'memory of ', cpu: 'processor time of ', linear: 'cost per item beside: ' };

function goalsSection(measured) {
  const rows = judge(measured)
    .filter(({ measured: value }) => value !== undefined)
    .map((goal) => {
      const who = goal.text ?? `${prefixes[goal.value] ?? ''}${goal.isBest ? 'best peer, ' : ''}${goal.against}`;
      const unit = ['ms', 'cpu', 'memory', 'linear'].includes(goal.value) ? ' ×' : '';
      return [
        goal.title === undefined ? '' : heading(goal),
        who,
        `≤ ${goal.limit}${unit}`,
        `${number(goal.measured)}${unit}`,
        goal.floor === undefined ? '–' : `${number(goal.floor)} ×`,
        goal.rounds ?? '–',
        goal.reduced ? 'not judged: reduced' : goal.met ? 'met' : '**not met**',
      ];
    });
  return [
    '## Goals\n',
    'Medians of the ratios within rounds. "The floor" is the ratio of C to the same contender.\n',
    table(['workload', 'beside', 'goal', 'measured', 'the floor', 'rounds', ''], rows),
  ].join('\n');
}

function promisesSection({ calls }) {
  if (calls.length === 0) return 'System calls were not counted in this run.\n';
  const order = { write: 'async', writeSync: 'sync', stream: 'stream', json: 'JSON' };
  const rows = calls.map((each) => [
    each.name,
    order[each.api],
    `\`'${each.durability}'\``,
    each.calls,
    yes(each.atomic),
    yes(each.file),
    yes(each.directory),
  ]);
  return [
    '## What each does\n',
    'One rewrite of an existing file with mode 0640, after another write of the same process, observed with strace. The columns are the number of calls on files, whether a rename brought the new content, and whether the file was synced before the rename and the directory after it.\n',
    table(['', 'API', 'asked for', 'calls', 'renamed', 'file synced', 'directory synced'], rows),
  ].join('\n');
}

function scaleSection({ workloads }) {
  const parts = [];
  for (const [of, title] of [
    ['files', 'New files of 1 KiB at once'],
    ['bytes', 'Bytes that replace as many'],
  ]) {
    const points = workloads.filter(({ scale }) => scale?.of === of);
    if (points.length === 0) continue;
    const rows = points.map((workload) => {
      const { at } = workload.scale;
      const untorn = spread(ms(workload.samples.untorn));
      const [floor] = Object.keys(workload.floors);
      const row = [
        at.toLocaleString('en'),
        number(untorn.median),
        `${number(untorn.low)} – ${number(untorn.high)}`,
        `${number(ratio(ms(workload.samples.untorn), ms(workload.samples[floor])))} × ${floor}`,
        mebibytes(median(workload.samples.untorn.map((sample) => sample.memory))),
      ];
      return of === 'files' ? [...row, workload.descriptors ?? '–'] : row;
    });
    const head = [of, 'untorn, ms', 'quartiles', 'untorn is', 'peak memory'];
    parts.push(
      `### ${title}\n`,
      `![${title}](performance/scale-${of}.svg)\n`,
      table(of === 'files' ? [...head, 'most descriptors'] : head, rows),
    );
  }
  return parts.length === 0 ? '' : ['## As work grows\n', `\`'full'\`.\n`, ...parts].join('\n');
}

/**
 * Whether so much of the processors went elsewhere that it counts. The kernel's own threads, which write what is
 * measured, take some.
 */
const busy = ({ shares: { others, stolen } }) => others + stolen > 0.2;
const percent = (share) => `${number(100 * share)} %`;

function aboutSection({ about, rounds, quick, warm }) {
  const versions = Object.entries(about.versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ');
  const rows = [
    ['date', about.date],
    ['Node.js', about.node],
    ['filesystem', about.filesystem],
    ['device', about.device],
    ['system', about.system],
    ['processor', about.processor],
    ['memory', mebibytes(about.memory)],
    [
      'processor time of other processes and of the kernel itself; of other machines',
      `${percent(about.shares.others)}; ${percent(about.shares.stolen)}`,
    ],
    ['priority (nice)', about.priority],
    ['compiler of the floor', about.compiler],
    ['rounds', rounds],
    ['versions', versions],
  ];
  return [
    '# Performance\n',
    `Generated by \`npm run bench${quick ? ' -- --quick' : ''}\`; nothing is typed by hand. All samples: [results.json](performance/results.json).\n`,
    table(['', ''], rows),
    ...(busy(about)
      ? [
          '**The machine was busy with other work during this run**: see the processor time of others. Times and ratios are worse and less sure than on a quiet one.\n',
        ]
      : []),
    `Each sample is a fresh process that works on a fresh folder, after a sync of the filesystem. The resulting files are then compared byte for byte.
Each round takes one sample of each contender and begins with a different contender. Ratios are taken within rounds; tables give their medians, and the
medians and quartiles of the times. ${
      warm
        ? 'Every JavaScript contender makes a small file and replaces it before its clock starts, so that the code loaded at its first write does not count.'
        : 'Each sample begins cold, as programs do: its process has imported the contender, and has written nothing before its clock starts.'
    }

**plain callbacks** is \`bench/prototype.js\`: the speed of \`node:fs\` callbacks without any of the care that a library needs.

The floors: **C** is \`bench/floor.c\`, the fewest system calls that do the work on one thread. **C, 4 threads** writes all files, syncs all, renames all,
then syncs the directory. **node:fs** is hand-written: \`fs.promises.writeFile\`, \`fs.writeFileSync\` and \`fs.createWriteStream\` (with \`flush: true\` for \`'full'\`).
They write into the file itself, so a crash or a reader can find half of it. \`'full'\` and \`'off'\` are untorn's durabilities; peers run with the nearest option that they have.
Compare a time with the column "synced": most peers promise less.
`,
  ].join('\n');
}

/** @param {object} measured what bench.js has measured */
export function page(measured) {
  const plain = measured.workloads.filter(({ scale }) => scale === undefined);
  return [
    aboutSection(measured),
    goalsSection(measured),
    '## Workloads\n',
    ...plain.map((workload) => workloadSection(measured, workload)),
    scaleSection(measured),
    profileSection(measured),
    sidesSection(measured),
    enteredSection(measured),
    promisesSection(measured),
  ].join('\n');
}

/** Names of plots and their content. @returns {[string, string][]} */
export function plots(measured) {
  const found = measured.workloads
    .filter(({ scale }) => scale === undefined)
    .map((workload) => [`${workload.id}.svg`, bars(heading(workload).replaceAll('`', ''), ranked(workload))]);
  for (const of of ['files', 'bytes']) {
    const points = measured.workloads.filter(({ scale }) => scale?.of === of);
    const names = Object.keys(points[0]?.samples ?? {});
    const line = (name) => ({
      name,
      ours: name === 'untorn',
      points: points.map(({ scale, samples }) => [scale.at, median(ms(samples[name]))]),
    });
    if (points.length > 1)
      found.push([
        `scale-${of}.svg`,
        lines(of === 'files' ? 'New files of 1 KiB at once' : 'One file replaced', of, names.map(line)),
      ]);
  }
  return found;
}
