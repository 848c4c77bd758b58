// The sections on faults of docs/evidence.md.
import { table } from './table.js';

export function faultsSection(part) {
  if (part === undefined) return '';
  const count = (of) =>
    part.figures.filter((figure) => figure.of === of).reduce((total, figure) => total + figure.count, 0);
  return `## Faults

${count('faults')} calls failed with EIO, ENOSPC, EDQUOT, EINTR, EACCES, EPERM or EMFILE, wrote nothing, one byte or all but one, or succeeded and reported
a failure, as on a network filesystem that loses an answer. And ${count('kills')} processes were killed at one. That is every fault at every call of the port. In
real processes it is a kill at every system call on files, and one in three of all faults at them (\`npm run test:faults\` tries all). They used \`writeFile\`, \`writeFileSync\`, pending files, streams, backups, files that are only created, updates, transactions over two directories, whole
directories, and the command. After each fault the old or the new content was whole, with its mode and owner, and a transaction was done completely or not at all. The error had said which.
No temporary file and no lock was left (after a kill \`sweep\`, \`recover\` or the next update removed them at once), no descriptor was open, and the next call succeeded. A
transaction that had failed after its commit was completed by the next call there, or by \`recover\`.
`;
}

export function peersSection(part) {
  if (part === undefined) return '';
  const rows = part.figures.map(({ program, details }) => {
    const {
      faults,
      damaged,
      falseSuccess,
      unsettled,
      litter,
      kills,
      killedDamaged,
      killedLitter,
      killedSwept,
      missed,
    } = details;
    return [
      program,
      faults,
      damaged,
      falseSuccess,
      unsettled,
      litter,
      kills,
      killedDamaged,
      killedLitter,
      killedSwept,
      missed,
    ];
  });
  const examples = part.figures.flatMap(({ program, details: { examples } }) =>
    ['damaged', 'falseSuccess', 'unsettled', 'killedDamaged']
      .filter((kind) => examples[kind] !== undefined)
      .map((kind) => `- ${program}, ${titles[kind]}: ${examples[kind]}`),
  );
  return `### Peers

The same faults at every system call that each program makes on its files for one write of 100 kB over an existing file, each in a process of its own:

${table([['program', 'faults', titles.damaged, titles.falseSuccess, titles.unsettled, 'files left', 'kills', titles.killedDamaged, 'files left by a kill', 'of these swept', 'not met'], ...rows])}

![Damaged or lost per thousand faults](evidence/faults.svg)

![Files left behind per thousand faults](evidence/litter.svg)

"keep" is the number of requested bytes that are written, -1 all but one. "fill" is a disk with room for one more byte. "not met": the call was not made again that time. The first of each kind:

${examples.join('\n')}
`;
}

const titles = {
  damaged: 'truncated, torn or gone',
  falseSuccess: 'success reported, not the new content',
  unsettled: 'never settled, or died',
  killedDamaged: 'truncated, torn or gone after a kill',
};
