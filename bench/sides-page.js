// The sections of the page that show untorn and the prototype function by function, and the files that a write enters.
// The prose is fixed; every figure is measured.
import { boughtBy, notAssigned, writeItself } from './bought.js';
import { judge } from './goals.js';
import { number } from './plot.js';

const prototype = 'plain callbacks';
const most = 15;
const none = '–';

const table = (head, alignment, rows) =>
  [head, [...alignment].map((each) => (each === 'r' ? '---:' : '---')), ...rows]
    .map((row) => `| ${row.join(' | ')} |`)
    .concat('')
    .join('\n');
const sum = (rows) => rows.reduce((all, { us }) => all + us, 0);
const shown = (us) => (us === 0 ? none : number(us));
const isBench = ({ kind, file }) => kind === 'own' && file === 'bench';
const ofKind =
  (...kinds) =>
  (row) =>
    kinds.includes(row.kind) && !isBench(row);

const isOfSide = (row) => row.file !== undefined && !isBench(row);

/** What both sides have, and no promise explains. */
const common = [
  ['loading modules: reading, compiling and running their first lines', ofKind('loading')],
  ['Node between calls: the event loop, promises, streams', (row) => row.kind === 'node' && row.file === undefined],
  ['collecting garbage', ofKind('collector')],
  ['native code while no JavaScript runs', ofKind('native')],
  ['the benchmark and the profiler', isBench],
];
const isIdle = ofKind('idle');
const fails = (row) => !isIdle(row);

/** Which promise the difference buys. */
function promisesTable(unit, ours, theirs) {
  const bought = new Map([[writeItself, { own: 0, called: 0 }]]);
  for (const row of ours.filter(isOfSide)) {
    const promise = boughtBy(row);
    const parts = bought.get(promise) ?? { own: 0, called: 0 };
    parts[row.kind === 'own' ? 'own' : 'called'] += row.us;
    bought.set(promise, parts);
  }
  const { called: needed } = bought.get(writeItself);
  bought.delete(writeItself);
  const all = ({ own, called }) => own + called;
  const promises = [...bought].toSorted(([, a], [, b]) => all(b) - all(a));
  return table([`what the time buys, ${unit}`, 'untorn: its functions', 'untorn: what these call', prototype], 'lrrr', [
    [writeItself, none, shown(needed), shown(sum(theirs.filter(isOfSide)))],
    ...promises.map(([promise, { own, called }]) => [promise, shown(own), shown(called), none]),
    ...common.map(([name, fits]) => [name, none, shown(sum(ours.filter(fits))), shown(sum(theirs.filter(fits)))]),
    [
      '**all**',
      `**${number(sum(ours.filter(({ kind, file }) => kind === 'own' && file !== 'bench')))}**`,
      `**${number(sum(ours.filter((row) => fails(row) && (row.kind !== 'own' || isBench(row)))))}**`,
      `**${number(sum(theirs.filter(fails)))}**`,
    ],
  ]);
}

/** Functions of one side, the longest first, and what is left of them. */
function functionsOf(rows) {
  const all = rows.filter((row) => row.file !== undefined && ofKind('own', 'fs', 'called', 'node')(row));
  const named = all.filter(({ name, kind }) => name !== undefined && kind !== 'node');
  const listed = named.slice(0, most);
  return { listed, rest: all.filter((row) => !listed.includes(row)) };
}

function nameOf({ kind, name, file }) {
  if (kind === 'fs') return `\`${name}()\` of Node`;
  if (kind === 'called') return `\`${name}\`, native`;
  // A number is what makes names of different files differ in the package.
  const called = name === '(nameless)' ? 'a function without a name' : `\`${name.replace(/\$\d+$/, '')}()\``;
  return file === 'prototype' ? called : `${called} in ${file}`;
}

/** Function by function. */
function functionsTable(unit, { rows: ours, compiled }, { rows: theirs, compiled: theirCompiled }) {
  const [mine, other] = [functionsOf(ours), functionsOf(theirs)];
  const length = Math.max(mine.listed.length, other.listed.length);
  const pair = (name, us, theirUs) => [name, shown(us), '', name, shown(theirUs)];
  const rest = (fits) => [sum(ours.filter(fits)), sum(theirs.filter(fits))];
  return table([`untorn, ${unit}`, '', 'what it buys', prototype, ''], 'lrllr', [
    ...Array.from({ length }, (_, index) => {
      const [own, their] = [mine.listed[index], other.listed[index]];
      return [
        ...(own === undefined ? ['', '', ''] : [nameOf(own), number(own.us), boughtBy(own)]),
        ...(their === undefined ? ['', ''] : [nameOf(their), number(their.us)]),
      ];
    }),
    pair('rest: other functions, and what they call', sum(mine.rest), sum(other.rest)),
    ...common.map(([name, fits]) => pair(name, ...rest(fits))),
    pair('**all**', ...rest(fails)),
    pair('of that, V8 parses and compiles (other processes)', compiled, theirCompiled),
    pair('besides: idle until another thread or the disk has finished', ...rest(isIdle)),
  ]);
}

const shortest = {
  json: '`json()` in `bench/prototype.js`: `JSON.stringify()`, and its write. The time of `JSON.stringify()` itself counts for its caller: `json()` there, `textOf()` in untorn',
  stream: '`stream()` in `bench/prototype.js`: a stream of Node into a new file, a rename, and a sync of the directory',
  command: '`bench/prototype-command.js`: it reads all of the pipe, and writes',
};

function workloadPart({ id, sides }, measured) {
  const workload = measured.workloads.find((each) => each.id === id);
  const heading =
    workload.durability === undefined ? workload.title : `${workload.title}, \`'${workload.durability}'\``;
  const isMany = workload.count > 1;
  const unit = isMany ? 'µs of one write' : 'µs of it all';
  const [ours, theirs] = [sides.untorn, sides[prototype]];
  const failed = judge(measured).filter((goal) => goal.workload === id && goal.met === false);
  const goals = failed.map(
    (goal) =>
      `${goal.value === 'ms' ? '' : `${goal.value} `}beside ${goal.against}: ${number(goal.measured)} × (≤ ${goal.limit})`,
  );
  const notes = [
    ...(failed.every(({ value }) => value === 'memory')
      ? ['The goal is one of memory, which a profile of time does not show: see the memory under "Streams" above.']
      : []),
    ...(workload.durability === 'normal' ? ["The prototype has no `'normal'`: it is profiled with `'full'`."] : []),
    ...(workload.kind in shortest ? [`Here the prototype is ${shortest[workload.kind]}.`] : []),
  ];
  return [
    `### ${heading}: profile\n`,
    `Not met: ${goals.join('; ')}. Mean of ${ours.processes} processes each. ${notes.join(' ')}`.trim(),
    '',
    promisesTable(unit, ours.rows, theirs.rows),
    functionsTable(unit, ours, theirs),
  ].join('\n');
}

export function sidesSection(measured) {
  if (measured.sides === undefined) return '';
  const { about, workloads } = measured.sides;
  const isBusy = about.shares.others + about.shares.stolen > 0.2;
  return [
    '## The prototype beside ours, function by function\n',
    `For each workload that misses a goal: where the time of the program's own thread goes, in untorn and in the prototype, ${prototype}.
The profiles are of ${about.date}, of untorn ${about.untorn}, with Node.js ${about.node} on ${about.processor}, ${about.system}, ${about.filesystem};
other processes and the kernel itself had ${number(100 * about.shares.others)} % of the processors, other machines ${number(100 * about.shares.stolen)} %. \`npm run bench -- --profiles\` generates this section again.${isBusy ? ' **The machine was busy with other work**: compare the two sides with each other, and not with other tables.' : ''}

V8's own profiler samples the stack every 100 µs, in fresh processes that begin cold, in the same loop as the workload. It slows both sides down, so a sum is more than the time above.
A sample in a synchronous system call counts for that call, waiting included. A sample in a call of the library of attributes counts for the function that makes it. The work of other threads does not count; handing a call over to them does, as \`fs.open()\` of Node and the like.

The profiles are of the package as it is published, so that loading its parts counts as it does in the workload. Its functions have the names of the source.
Its build follows the source maps and writes down which file of \`src\` each function comes from (\`build/places.json\`); \`bench/bought.js\` says which promise each file is for, and "${notAssigned}" are files that it does not name.
A call of Node or of the system counts for the function that requested it; in an asynchronous write the driver hands over the calls of all functions.
Calls that the prototype makes too, to open, write, sync, rename and close, count for no promise. What an asynchronous write opens in another thread counts there too, whatever it is for. Only the 15 functions with the most time have a row; the first table of each workload has all of them, by promise.
The synchronous prototype is the plain sequence: open, write, sync, close, rename, sync of the directory; it too holds the old file, and another thread closes that.
Parsing and compiling are in the rows of the functions that had to wait for them. That time was measured in other processes, by V8's log of functions. Writing the log takes time of its own, so the figures are upper bounds.
`,
    ...workloads.map((each) => workloadPart(each, measured)),
  ].join('\n');
}

export function enteredSection({ entered }) {
  if (entered === undefined) return '';
  const apis = Object.keys(entered);
  const files = [...new Set(apis.flatMap((api) => Object.keys(entered[api])))].toSorted();
  return [
    '## Files that a write enters\n',
    "The files of `src` of which one rewrite of an existing file calls at least one function, and the number of functions that it calls. Another rewrite comes before it, so loading does not count. Calls after the promise has settled count. The numbers come from V8's precise coverage of what tsc wrote: `node bench/entered.js`.\n",
    table(['', ...apis.map((api) => `\`${api}()\``)], 'lrr', [
      ['**files**', ...apis.map((api) => `**${Object.keys(entered[api]).length}**`)],
      ...files.map((file) => [file, ...apis.map((api) => entered[api][file] ?? none)]),
    ]),
  ].join('\n');
}
