/** The results as tables on the terminal, and as figures for the evidence. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import type { Figure } from '../support/evidence.ts';
import { kinds } from './check.ts';
import type { Result } from './job.ts';
import { directories } from './directories.ts';
import { verbs } from './verbs.ts';
import { own, untorn } from './subjects.ts';

export interface Report {
  readonly date: string;
  readonly machine: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly seed: number;
  readonly seconds: number;
  readonly results: readonly Result[];
}

export function describeMachine(): string {
  const version = (command: string, arg: string): string | undefined =>
    /\d[\d.]+/.exec(execFileSync(command, [arg], { encoding: 'utf8' }))?.[0];
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
  const head = [
    'program',
    'filesystem',
    'durability',
    'acknowledged',
    'flushes',
    'states',
    'unmountable',
    ...kinds,
    'states with violations',
  ];
  return [
    head,
    ...results.map((result) => {
      const { subject, filesystem, durability, acknowledged, flushes, states, unmountable, violations, bad } = result;
      return ([subject, filesystem, durability, acknowledged, flushes, states, unmountable] as Row).concat(
        kinds.map((kind) => violations[kind]),
        bad,
      );
    }),
  ];
}

/** Violations per thousand states, over all filesystems. */
export function rowsPerThousand(results: readonly Result[], versions: Report['versions']): Row[] {
  const names = [...new Set(results.map(({ subject }) => subject))];
  const rows = names.map((name): Row => {
    const own = results.filter(({ subject, durability }) => subject === name && durability === 'full');
    const total = (count: (result: Result) => number): number => own.reduce((sum, result) => sum + count(result), 0);
    const perThousand = (count: (result: Result) => number): string =>
      ((total(count) / total((result) => result.states)) * 1000).toFixed(1);
    const states = total((result) => result.states);
    const title = versions[name] === undefined ? name : `${name} ${versions[name]}`;
    const figures = shown.map((kind) => perThousand(({ violations }) => violations[kind]));
    return ([title, states] as Row).concat(
      figures,
      perThousand(({ bad }) => bad),
    );
  });
  return [['program', 'states', ...shown, 'any'], ...rows];
}

const shown = ['torn', 'missing', 'lost', 'exposed', 'metadata'] as const;

export function table(rows: readonly Row[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)));
  const isNumber = (cell: string | number | undefined): boolean => /^[\d.]+$/.test(String(cell));
  const padded = (cell: string | number, width = 0): string =>
    isNumber(cell) ? String(cell).padStart(width) : String(cell).padEnd(width);
  const line = (row: Row): string => `| ${row.map((cell, at) => padded(cell, widths[at])).join(' | ')} |`;
  const dashes = (width: number, at: number): string =>
    isNumber(rows[1]?.[at]) ? `${'-'.repeat(width + 1)}:` : '-'.repeat(width + 2);
  const rule = `|${widths.map(dashes).join('|')}|`;
  return rows.flatMap((row, at) => (at === 0 ? [line(row), rule] : [line(row)])).join('\n');
}

/** One for each filesystem and durability. */
export function figuresOf(results: readonly Result[], versions: Report['versions']): Figure[] {
  return results.map((result) => {
    const { subject, filesystem, durability, states, bad } = result;
    // Only this package has transactions among what it does.
    const kept =
      subject === directories
        ? ['G6', 'G9']
        : subject === verbs
          ? ['G6']
          : ['G5', 'G6', ...(subject === untorn ? ['G9'] : [])];
    const guarantees =
      durability === 'off' ? [] : ['G1', 'G2', ...(durability === 'full' ? ['G3'] : []), ...kept, 'G10'];
    const program =
      own[subject] !== undefined
        ? {}
        : { program: `${subject}${versions[subject] === undefined ? '' : ` ${versions[subject]}`}` };
    const { examples: _, ...details } = result;
    return {
      of: 'power cuts',
      guarantees,
      filesystem,
      durabilities: [durability],
      count: states,
      violations: bad,
      details,
      ...program,
    };
  });
}
