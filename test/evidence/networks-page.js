// What docs/evidence.md says of folders that two machines share.
import { trials, trialsOfUnsafe } from '../../build/test/networks/trials.js';
import { table } from './table.js';

const shown = (cell) => (cell === undefined ? '–' : cell.kind === 'VIOLATION' ? `**${cell.text}**` : cell.text);

export function networksSection(part) {
  if (part === undefined) return '';
  const all = [...trials, ...trialsOfUnsafe];
  const names = all.map(({ name }) => name);
  return `## Two machines

A folder of a server, shared by two machines: three kernels (User-Mode-Linux) on this one. What a folder holds is asked of the server.

${all.map(({ name, about }) => `- **${name}**: ${about}`).join('\n')}

${table([
  ['', ...names],
  ...part.figures.map(({ filesystem, details }) => [filesystem, ...names.map((name) => shown(details[name]))]),
])}
`;
}
