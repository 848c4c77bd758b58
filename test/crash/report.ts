/** The results as tables: on the terminal, and as the section on power cuts of docs/evidence.md, which nobody types. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { kinds } from './check.ts';
import type { Result } from './job.ts';
import { controls, peers, untorn } from './subjects.ts';

export interface Report {
  readonly date: string;
  readonly machine: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly seed: number;
  readonly seconds: number;
  readonly results: readonly Result[];
}

export function describeMachine(): string {
  const version = (command: string, arg: string): string | undefined => /\d[\d.]+/.exec(execFileSync(command, [arg], { encoding: 'utf8' }))?.[0];
  const name = /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'Linux';
  return [
    `${name}, kernel ${release().split('-')[0]}`,
    `${cpus().length} processors (${cpus()[0]?.model.trim()})`,
    `Node ${process.versions.node}, xfsprogs ${version('mkfs.xfs', '-V')}, btrfs-progs ${version('mkfs.btrfs', '--version')}`,
  ].join('; ');
}

type Row = (string | number)[];

/** For every kind of program: one row for each filesystem and durability. */
export function rowsOf(results: readonly Result[]): Row[] {
  const head = ['program', 'filesystem', 'durability', 'acknowledged', 'flushes', 'states', 'unmountable', ...kinds, 'states with violations'];
  return [head, ...results.map((result) => {
    const { subject, filesystem, durability, acknowledged, flushes, states, unmountable, violations, bad } = result;
    return ([subject, filesystem, durability, acknowledged, flushes, states, unmountable] as Row).concat(kinds.map((kind) => violations[kind]), bad);
  })];
}

/** Violations per thousand states, over all filesystems. */
export function rowsPerThousand(results: readonly Result[], versions: Report['versions']): Row[] {
  const names = [...new Set(results.map(({ subject }) => subject))];
  const rows = names.map((name): Row => {
    const own = results.filter(({ subject, durability }) => subject === name && durability === 'full');
    const total = (count: (result: Result) => number): number => own.reduce((sum, result) => sum + count(result), 0);
    const perThousand = (count: (result: Result) => number): string => ((total(count) / total((result) => result.states)) * 1000).toFixed(1);
    const states = total((result) => result.states);
    const title = versions[name] === undefined ? name : `${name} ${versions[name]}`;
    const figures = shown.map((kind) => perThousand(({ violations }) => violations[kind]));
    return ([title, states] as Row).concat(figures, perThousand(({ bad }) => bad));
  });
  return [['program', 'states', ...shown, 'any'], ...rows];
}

const shown = ['torn', 'missing', 'lost', 'exposed', 'metadata'] as const;

export function table(rows: readonly Row[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)));
  const isNumber = (cell: string | number | undefined): boolean => /^[\d.]+$/.test(String(cell));
  const padded = (cell: string | number, width = 0): string => (isNumber(cell) ? String(cell).padStart(width) : String(cell).padEnd(width));
  const line = (row: Row): string => `| ${row.map((cell, at) => padded(cell, widths[at])).join(' | ')} |`;
  const dashes = (width: number, at: number): string => (isNumber(rows[1]?.[at]) ? `${'-'.repeat(width + 1)}:` : '-'.repeat(width + 2));
  const rule = `|${widths.map(dashes).join('|')}|`;
  return rows.flatMap((row, at) => (at === 0 ? [line(row), rule] : [line(row)])).join('\n');
}

const head = '# Evidence\n\nWhat the guarantees rest on, measured. The programs that say so wrote this page.\n';
const start = '<!-- power cuts: written by `npm run test:crash -- --evidence` -->';
const end = '<!-- end of power cuts -->';

export function writeEvidence(path: string, report: Report): void {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : head;
  const section = `${start}\n${sectionOf(report)}\n${end}\n`;
  const [from, to] = [text.indexOf(start), text.indexOf(end)];
  writeFileSync(path, from < 0 || to < from ? `${text}\n${section}` : text.slice(0, from) + section + text.slice(to + end.length + 1));
}

function sectionOf({ date, machine, seed, seconds, versions, results }: Report): string {
  const own = results.filter(({ subject }) => subject === untorn);
  const promised = own.filter(({ durability }) => durability !== 'off');
  const sum = (some: readonly Result[], count: (result: Result) => number): number => some.reduce((total, result) => total + count(result), 0);
  const others = (list: object): Result[] => results.filter(({ subject }) => subject in list);
  return `
## Power cuts

${sum(promised, ({ states }) => states)} disks that a power cut could have left, with durability \`'full'\` and \`'normal'\`:
**${sum(promised, ({ bad }) => bad)} violations**. \`npm run test:crash -- --evidence\` repeats this.

${date}; ${machine}; seed ${seed} (of the draw; what is recorded differs each time); ${Math.round(seconds)} s for all tables.

A disk records every write and every flush (and so every FUA write) while the built package works on a real filesystem on
it: overwriting, creating, creating in new directories, creating only, with both kinds of backups, through streams,
several files of a directory at once, calls for one file that are not awaited, synchronous ones that overtake others; 1 KiB to
1 MiB. Another process syncs files of its own, so that journals commit at any moment. Then the power is cut before and after
each flush and each acknowledgement: what was flushed is there, and of what was sent after it any subset, in parts of 512
bytes, all of them where they are few, else drawn by the seed. Each such disk is mounted as always, its journal is
replayed, and every file is looked at.

- unmountable: the superblock was torn. Those of ext4 and btrfs lie on several sectors under one checksum, and mount(2) reads
  one copy only: the programs on such a disk can do nothing about it.
- torn: neither a whole old nor a whole new content (G2). missing: a file that was always there is not (G1, G2).
- lost: the acknowledged version or its backup is not there (G3; \`'full'\` only).
- exposed: a content, also a temporary one, with wider permissions than its file (G5). metadata: wrong mode or owner (G6).
- litter: a temporary file that \`sweep\` does not find, or more than there were writers (G10).

${table(rowsOf(own))}

With durability \`'off'\` nothing is promised after a power cut; the figures say what that means.

### Would it be noticed?

Programs with one flaw each, on the same disks, checked as \`'full'\`:

${table(rowsOf(others(controls)))}

### Peers

States with violations per thousand, all filesystems together: overwriting and creating only, by each program's own defaults.
None of the peers says that it syncs the directory: "lost" is what that costs. The last column counts a state once.

${table(rowsPerThousand([...own, ...others(peers)], versions))}

Not covered: disks that ignore flushes or tear a sector, damage to what was flushed before, several disks, network filesystems, other
mount options and kernels than those named.
`;
}
