// The table in docs/drop-ins.md: what was seen with each dependent.
import { readFileSync, writeFileSync } from 'node:fs';

const page = 'docs/drop-ins.md';
const [start, end] = ['<!-- dependents -->', '<!-- /dependents -->'];

export function writeTable(rows, { kills, subjects, nodeVersion }) {
  const head = [
    'dependent',
    'with',
    'written and read',
    'writes, kills',
    'damaged, lost',
    'temporary files left',
    'nearly full disk',
  ];
  const table = [head, head.map(() => '---'), ...rows.map((row) => cellsOf(row, kills, subjects))];
  const text = readFileSync(page, 'utf8');
  if (!text.includes(start) || !text.includes(end)) throw new Error(`${page} has no ${start} … ${end}`);
  const made = [
    ...table.map((cells) => `| ${cells.join(' | ')} |`),
    '',
    `Made by \`npm run test:dependents -- --write\`, on Node ${nodeVersion.replace('v', '')}.`,
  ].join('\n');
  writeFileSync(
    page,
    text.replace(new RegExp(`${start}[^]*${end}`), () => `${start}\n${made}\n${end}`),
  );
}

function cellsOf({ name, kind, installed, works, killed, full }, kills, subjects) {
  const version = subjects[name].packages[name];
  return [
    `${name} ${version}`,
    installed.join(', '),
    works ? 'yes' : '**no**',
    `${killed.writes}, ${kills}`,
    `${killed.damaged}, ${killed.lost}`,
    kind === 'drop-in' ? `${killed.left}; ${killed.swept} after a sweep` : `${killed.left}`,
    full === undefined ? 'not tried' : onFullDisk(full),
  ];
}

const states = { damaged: '**damaged**', nothing: '**nothing is left**' };

/** A dependent that changes a file has its new content there before, and not yet changed. */
function onFullDisk({ result, state, generation }) {
  if (state !== 'whole') return `${result}; ${states[state]}`;
  return `${result}; ${generation === 1 ? 'the old content' : result === 'success' ? 'the new content' : 'whole'}`;
}
