// docs/evidence.md with its plots, and the tables of docs/guarantees.md, made from the figures in docs/evidence. The
// prose is fixed; every figure is measured.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bars } from '../../bench/plot.js';
import { filesystemsSection, filesystemsTables } from './filesystems-page.js';
import { faultsSection, peersSection } from './faults-page.js';
import { kinds } from './kinds.js';
import { matrix } from './matrix.js';
import { matrixModule } from './rows.js';
import { directoriesSection, powerCutsPlot, powerCutsSection, verbsSection } from './power-cuts-page.js';
import { networksSection } from './networks-page.js';
import { table } from './table.js';

/** @param {string} docs the folder @param {string[]} names of the parts */
export function writePages(docs, names) {
  const parts = Object.fromEntries(
    names
      .map((name) => [name, join(docs, 'evidence', `${name}.json`)])
      .filter(([, path]) => existsSync(path))
      .map(([name, path]) => [name, JSON.parse(readFileSync(path, 'utf8'))]),
  );
  const own = Object.values(parts)
    .flatMap(({ figures }) => figures)
    .filter(({ program }) => program === undefined);
  writeFileSync(join(docs, 'evidence.md'), evidence(parts));
  for (const [name, title, unit, rows] of plots(parts))
    writeFileSync(join(docs, 'evidence', `${name}.svg`), bars(title, rows, unit));
  into(join(docs, 'guarantees.md'), 'shown', matrix(own));
  into(join(docs, 'filesystems.md'), 'kinds', kinds());
  if (parts.filesystems !== undefined) {
    into(join(docs, 'filesystems.md'), 'filesystems', filesystemsTables(parts.filesystems));
    // A small run is for trying: what the doctor says stays.
    if (docs === 'docs') writeFileSync(join('src', 'doctor', 'matrix.ts'), matrixModule(parts.filesystems));
  }
  if (parts.runtimes !== undefined) into(join(docs, 'guarantees.md'), 'runtimes', runtimes(parts.runtimes));
}

function into(path, mark, section) {
  const [start, end] = [`<!-- ${mark} -->`, `<!-- /${mark} -->`];
  const text = readFileSync(path, 'utf8');
  if (!text.includes(start) || !text.includes(end)) throw new Error(`${path} has no ${start} … ${end}`);
  writeFileSync(
    path,
    text.replace(new RegExp(`${start}[^]*${end}`), () => `${start}\n${section}\n${end}`),
  );
}

function runtimes({ figures }) {
  return table([
    ['runtime', 'behaviours that hold', 'known to differ', 'fail', 'not tried'],
    ...figures.map(({ program, details: { pass, known, fail, skipped } }) => [program, pass, known, fail, skipped]),
  ]);
}

function evidence(parts) {
  return `${[
    `# Evidence

The measurements behind the guarantees. \`npm run evidence\` runs all of them, keeps the figures in [docs/evidence](evidence) and writes this page and the
tables of [guarantees.md](guarantees.md) from them. Nothing is typed by hand.
`,
    '## Where and when\n',
    whereAndWhen(parts),
    '',
    powerCutsSection(parts['power-cuts']),
    directoriesSection(parts.directories),
    verbsSection(parts.verbs),
    faultsSection(parts.faults),
    peersSection(parts.peers),
    racesSection(parts.races),
    filesystemsSection(parts.filesystems),
    networksSection(parts.networks),
    othersSection(parts),
  ]
    .join('\n')
    .replaceAll(/\n{3,}/g, '\n\n')
    .trimEnd()}\n`;
}

const commands = {
  faults: '`npm run evidence -- faults`',
  races: '`npm run test:torture`',
  networks: '`npm run test:networks`',
  filesystems: '`npm run test:filesystems`',
  windows: '`npm run test:windows`',
  runtimes: '`npm run test:runtimes`',
  'power-cuts': '`npm run test:crash -- --all`',
  directories: '`npm run test:crash -- directories`',
  verbs: '`npm run test:crash -- verbs`',
  peers: '`npm run evidence -- peers`',
};

function whereAndWhen(parts) {
  const rows = Object.entries(parts).map(([name, { about, seconds }]) => {
    const { date, system, processor, node, versions } = about;
    return [
      name.replace('-', ' '),
      commands[name] ?? '`npm test`',
      date,
      versions.untorn,
      `Node ${node.slice(1)}, ${system}, ${processor}`,
      seconds,
    ];
  });
  return table([['', 'command', 'date', 'untorn', 'on', 'seconds'], ...rows]);
}

const sum = (figures, of) => figures.reduce((total, figure) => total + (figure.of === of ? figure.count : 0), 0);

function racesSection(part) {
  if (part === undefined) return '';
  const rows = part.figures
    .filter(({ of }) => of === 'reads in races')
    .map(({ filesystem, details: { reads, writes, kills, swept, violations } }) => [
      filesystem,
      reads,
      writes,
      kills,
      swept,
      violations.length,
    ]);
  return `## Races

Three processes with two writing threads each write one shared file, and one file for each thread. The calls are synchronous, asynchronous, not awaited and streamed,
with all three durabilities mixed. The processes are killed at random and started again. Two readers and a sweeper never stop. A violation is a
file that is missing, torn or older than before, a thread's writes out of order, or a live writer's file that was swept.

${table([['filesystem', 'reads', 'writes', 'kills', 'temporary files swept', 'violations'], ...rows])}
`;
}

function othersSection({ model, programs, windows }) {
  const lines = [];
  if (model !== undefined)
    lines.push(
      `- ${sum(model.figures, 'crash states of a model')} states that a crash can leave on a simulated disk ([test/model](../test/model)). Calls come in every order with few preemptions, and data, metadata and names reach the disk in any order that the missing syncs allow. The model must also notice each of a list of mistakes in the protocol, such as a missing sync.`,
    );
  if (programs !== undefined)
    lines.push(
      `- ${sum(programs.figures, 'random programs')} random programs of all kinds of calls, with aliases, aborts and failures ([test/property](../test/property)). They must also notice each of a list of mistakes.`,
    );
  if (windows !== undefined)
    lines.push(
      `- Windows: the tests in [test/windows](../test/windows), and those of updates and kills in [test/lifecycle](../test/lifecycle), with Node's Windows build under Wine, while other processes hold files open.`,
    );
  return lines.length === 0 ? '' : `## Besides\n\n${lines.join('\n')}\n`;
}

function plots(parts) {
  const found = [];
  if (parts['power-cuts'] !== undefined) found.push(powerCutsPlot(parts['power-cuts']));
  if (parts.peers === undefined) return found;
  const rows = (value) =>
    parts.peers.figures
      // Of a program that met none of the faults there is no share.
      .filter(({ details: { faults } }) => faults > 0)
      .map((figure) => ({ name: figure.program, value: value(figure), ours: figure.program === 'untorn' }))
      .toSorted((one, other) => one.value - other.value)
      .map((row) => ({ ...row, median: row.value, low: row.value, high: row.value }));
  found.push([
    'faults',
    'Writes that left the file damaged, or reported success without the new content, per thousand faults',
    '',
    rows(({ details: { damaged, falseSuccess, faults } }) => ((damaged + falseSuccess) / faults) * 1000),
  ]);
  found.push([
    'litter',
    'Files left behind, per thousand faults',
    '',
    rows(({ details: { litter, faults } }) => (litter / faults) * 1000),
  ]);
  return found;
}
