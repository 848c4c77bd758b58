// The table of docs/filesystems.md of what the package takes a filesystem for, from the very table that it uses.
import { table as known } from '../../build/src/files/filesystems.js';
import { table } from './table.js';

const shown = { verified: 'verified', unverified: 'unverified', unsafe: '**unsafe**' };

/** How it is recognised. */
function recognised({ numbers = [], programs = [], source }) {
  return [
    ...numbers.map((number) => `0x${number.toString(16)}`),
    ...programs.map((program) => `fuse.${program}`),
    ...(source === undefined ? [] : [`a source like ${source.source.replaceAll('|', '\\|')}`]),
  ]
    .map((one) => `\`${one}\``)
    .join(', ');
}

export function kinds() {
  return table([
    ['filesystem', 'taken for', '`durable` can be `true`', 'shown by', 'recognised by', ''],
    ...known.map((row) => [
      row.label,
      shown[row.trust],
      row.syncsDirectories ? 'yes' : 'no',
      row.evidence,
      recognised(row),
      [
        row.danger,
        row.shortestLease && `no lease below ${row.shortestLease} ms`,
        row.manyClocks === true && row.trust !== 'unsafe' && 'many clocks',
      ]
        .filter(Boolean)
        .join('; '),
    ]),
  ]);
}
