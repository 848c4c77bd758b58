// The table of docs/guarantees.md: each guarantee with each durability, on each filesystem; what shows it, and how
// often.
import { table } from './table.js';

const ids = ['G1', 'G2', 'G3', 'G4', 'G5', 'G6', 'G7', 'G8', 'G9', 'G10'];
const durabilities = ['full', 'normal', 'off'];

/** What is counted, with its sign in the table and the command that does it. */
const kinds = {
  'crash states of a model': [
    'M',
    'states of a simulated disk that a crash can leave, in every order of the calls: [test/model](../test/model), `npm test`',
  ],
  'orders of updates in a model': [
    'U',
    'orders of locks, takeovers, updates and kills of several processes: [test/model](../test/model), `npm test`',
  ],
  'power cuts': ['C', 'disks that a power cut could have left: [test/crash](../test/crash), `npm run test:crash`'],
  'faults': ['F', 'calls that failed or did less than asked: [test/fault](../test/fault), `npm run test:faults`'],
  'kills': [
    'K',
    'processes killed at a system call, or during a race: [test/fault](../test/fault), [test/torture](../test/torture), [test/lifecycle](../test/lifecycle)',
  ],
  'kills in races': ['K', undefined],
  'reads in races': [
    'R',
    'reads while others write, are killed and are swept up after: [test/torture](../test/torture), `npm run test:torture`',
  ],
  'updates in races': [
    'I',
    'updates of one file by several processes at once, none of which may be lost: [test/lifecycle](../test/lifecycle), `npm test`, `npm run test:windows`',
  ],
  'random programs': ['P', 'random sequences of calls: [test/property](../test/property), `npm test`'],
  'acts of a neighbour': [
    'H',
    'acts of another user between two calls or before the first one, in a directory that both can write: [test/hostile](../test/hostile), `npm test`',
  ],
  'tests': ['T', 'tests whose names have the id of the guarantee: [test](../test), `npm test`, `npm run test:windows`'],
};

/** Guarantees that a durability does not give. */
const notPromised = (id, durability) => (id === 'G2' && durability === 'off') || (id === 'G3' && durability !== 'full');

const order = ['simulated', 'tmpfs', 'ext4', 'ext4 noauto_da_alloc', 'ext4 data=writeback', 'xfs', 'btrfs'];
const rank = (name) => (order.indexOf(name) + 1 || order.length + 1) + (name.startsWith('Windows') ? 1 : 0);
const signOf = ({ of }) => kinds[of]?.[0] ?? of;

function cell(figures) {
  const sums = new Map();
  for (const figure of figures) {
    const { count, violations } = sums.get(signOf(figure)) ?? { count: 0, violations: 0 };
    sums.set(signOf(figure), { count: count + figure.count, violations: violations + figure.violations });
  }
  if (sums.size === 0) return 'not tested';
  return [...sums]
    .map(
      ([sign, { count, violations }]) =>
        `${sign} ${count.toLocaleString('en')}${violations > 0 ? ` **${violations} broken**` : ''}`,
    )
    .join(', ');
}

/** @param {object[]} all figures of this package */
export function matrix(all) {
  const shown = all.filter(({ guarantees }) => guarantees.length > 0);
  const filesystems = [...new Set(shown.map(({ filesystem }) => filesystem))].toSorted(
    (one, other) => rank(one) - rank(other),
  );
  const rows = [];
  for (const id of ids) {
    for (const durability of durabilities.filter((one) => !notPromised(id, one))) {
      const figures = shown.filter(
        (figure) => figure.guarantees.includes(id) && figure.durabilities.includes(durability),
      );
      const cells = filesystems.map((filesystem) => cell(figures.filter((figure) => figure.filesystem === filesystem)));
      const before = rows.at(-1);
      // What is the same for several durabilities is said once.
      if (before?.[0] === id && before.slice(2).join() === cells.join()) before[1] += `, \`'${durability}'\``;
      else rows.push([id, `\`'${durability}'\``, ...cells]);
    }
  }
  const signs = Object.values(kinds).filter(
    ([sign, text]) => text !== undefined && shown.some((figure) => signOf(figure) === sign),
  );
  return [
    table([['', 'durability', ...filesystems], ...rows]),
    '',
    ...signs.map(([sign, text]) => `- ${sign}: ${text}`),
    '',
    "G2 is not promised with `'off'`, G3 with `'full'` only. Tests that do not name a durability count for the default. Each figure may show several guarantees.",
    'Not tested at all: macOS, Windows itself, network filesystems, other kernels and mount options; there the same steps are taken.',
  ].join('\n');
}
