// src/doctor/matrix.ts: what was tried on each filesystem and does not hold, for the doctor, from the same figures as the
// tables of docs/filesystems.md.

/** Rows that are no filesystems, but situations of a program, are left out. */
const first = 'ext4';
const last = 'fuse2fs';

export function matrixModule({ figures }) {
  const names = figures.map(({ filesystem }) => filesystem);
  const rows = figures
    .slice(names.indexOf(first), names.indexOf(last) + 1)
    .filter(({ details: { missing } }) => missing === undefined)
    .map(({ filesystem, details: { cells } }) => {
      const tried = Object.entries(cells).filter(([, { kind }]) => kind !== 'not tested');
      const exceptions = tried.filter(([, { kind }]) => kind !== 'holds');
      const told = exceptions.map(([behaviour, { text }]) => quoted(`${behaviour}: ${text.replaceAll('`', '')}`));
      return called([quoted(filesystem), tried.length, ...told]);
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

const rows = new Map<string, MatrixRow>();

function row(name: string, tried: number, ...exceptions: readonly string[]): void {
  rows.set(name, { tried, exceptions });
}

${rows.join('\n')}

export const matrix: ReadonlyMap<string, MatrixRow> = rows;
`;
}

/** A call in one line, or with a line for each argument. */
function called(given) {
  const line = `row(${given.join(', ')});`;
  return line.length <= 120 ? line : `row(\n${given.map((one) => `  ${one},\n`).join('')});`;
}

function quoted(text) {
  return text.includes("'") ? `"${text.replaceAll('"', '\\"')}"` : `'${text}'`;
}
