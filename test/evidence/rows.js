// src/doctor/matrix.ts: what was tried on each filesystem and does not hold, for the doctor, from the same figures as the
// tables of docs/filesystems.md.

/** Rows that are no filesystems, but situations of a program, are left out. */
const first = 'ext4';
const last = 'fuse2fs';

export function matrixModule({ figures }) {
  const names = figures.map(({ filesystem }) => filesystem);
  const lines = figures
    .slice(names.indexOf(first), names.indexOf(last) + 1)
    .filter(({ details: { missing } }) => missing === undefined)
    .flatMap(({ filesystem, details: { cells } }) => {
      const tried = Object.entries(cells).filter(([, { kind }]) => kind !== 'not tested');
      const exceptions = tried.filter(([, { kind }]) => kind !== 'holds');
      return [
        `${filesystem} (${tried.length})`,
        ...exceptions.map(([behaviour, { text }]) => `  ${behaviour}: ${text.replaceAll('`', '')}`),
      ];
    });
  return `/**
 * What was tried on each filesystem, and what of it does not hold: as docs/filesystems.md, from the same figures. Made by
 * \`npm run evidence -- filesystems\`; not to be edited.
 */

/** A row of the table. */
export interface MatrixRow {
  /** How many behaviours were tried. */
  readonly tried: number;
  /** Those that do not hold, and what happened. */
  readonly exceptions: readonly string[];
}

/** A line for each filesystem, with the number of behaviours that were tried; below it those that do not hold. */
const table = \`
${lines.join('\n')}
\`;

export const matrix: ReadonlyMap<string, MatrixRow> = new Map(
  table
    .trim()
    .split(/\\n(?! )/)
    .map((row) => {
      const [head = '', ...exceptions] = row.split('\\n  ');
      const [, name = '', tried] = /^(.*) \\((\\d+)\\)$/.exec(head) ?? [];
      return [name, { tried: Number(tried), exceptions }];
    }),
);
`;
}
