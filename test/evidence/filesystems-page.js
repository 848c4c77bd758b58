// The tables of docs/filesystems.md, and what docs/evidence.md says of them.
import { groups } from '../../build/test/filesystems/behaviours.js';
import { table } from './table.js';

const shown = ({ kind, text }) => {
  if (kind === 'VIOLATION') return `**${text}**`;
  const more = text.slice('holds: '.length);
  return kind === 'holds' ? `yes${text.startsWith('holds: ') ? `, ${more}` : ''}` : text;
};

export function filesystemsTables({ about: { system }, figures }) {
  const tried = figures.filter(({ details: { missing } }) => missing === undefined);
  const rows = (behaviours) =>
    tried.map(({ filesystem, details: { cells } }) => [
      filesystem,
      ...behaviours.map(({ name }) => (cells[name] === undefined ? '–' : shown(cells[name]))),
    ]);
  const versions = [...new Set(tried.flatMap(({ details: { versions } }) => versions))].toSorted();
  return [
    `${tried.length} filesystems and situations, on ${system}, with ${versions.join(', ')}.`,
    ...groups.flatMap(({ title, behaviours }) => [
      `### ${title}\n`,
      ...behaviours.map(({ name, about }) => `- **${name}**: ${about}`),
      `\n${table([['', ...behaviours.map(({ name }) => name)], ...rows(behaviours)])}`,
    ]),
    ...figures
      .filter(({ details: { missing } }) => missing !== undefined)
      .map(({ filesystem, details: { missing } }) => `- ${filesystem} is not tested: ${missing}`),
  ].join('\n');
}

export function filesystemsSection(part) {
  if (part === undefined) return '';
  const tried = part.figures.filter(({ details: { missing } }) => missing === undefined);
  const cells = tried.flatMap(({ details: { cells } }) => Object.values(cells));
  const count = (is) => cells.filter(({ kind }) => kind === is).length;
  return `## Filesystems

${cells.length} times a behaviour of the package was tried on one of ${tried.length} filesystems, or in a situation such as a namespace: ${count('holds')} hold, ${count('refused')} are refused with an error that says
correctly what the file holds, ${count('not kept')} report what could not be kept, and in ${count('filesystem')} cases the filesystem itself does not provide what is needed, as rename(2) alone shows there.
**${count('VIOLATION')} say something untrue.** [filesystems.md](filesystems.md) has them all.
`;
}
