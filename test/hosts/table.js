/** The table of hosts in docs/guarantees.md. */
import { readFileSync, writeFileSync } from 'node:fs';

const [start, end] = ['<!-- hosts -->', '<!-- /hosts -->'];
const page = new URL('../../docs/guarantees.md', import.meta.url);

export function write(rows) {
  const byHost = grouped(rows);
  const list = (some, is) => some.filter(is).map(({ way }) => way).join(', ') || '–';
  const lines = [...byHost].map(([host, some]) => {
    const works = list(some, ({ failure, missing }) => failure === undefined && missing === undefined);
    return `| ${host} | ${some[0].version || '–'} | ${works} | ${list(some, ({ failure }) => failure !== undefined)} | ${list(some, ({ missing }) => missing !== undefined)} |`;
  });
  const text = readFileSync(page, 'utf8');
  const [before, after] = [text.indexOf(start), text.indexOf(end)];
  if (before < 0 || after < before) throw new Error(`docs/guarantees.md has no place for the table between ${start} and ${end}`);
  const table = ['| host | version | works | fails | not tested |', '|---|---|---|---|---|', ...lines].join('\n');
  writeFileSync(page, `${text.slice(0, before)}${start}\n${table}\n${text.slice(after)}`);
}

function grouped(rows) {
  const groups = new Map();
  for (const row of rows) groups.set(row.host, [...(groups.get(row.host) ?? []), row]);
  return groups;
}
