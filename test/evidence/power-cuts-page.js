// The section on power cuts of docs/evidence.md.
import { table } from './table.js';

const kinds = ['torn', 'missing', 'lost', 'exposed', 'metadata', 'litter'];
const controls = new Set(['in-place write', 'no file sync', 'no directory sync', 'mode after the rename']);
const nameOf = ({ program = 'untorn' }) => program;
const isPeer = (figure) => figure.program !== undefined && !controls.has(figure.program);

const rowOf = (figure) => {
  const { filesystem, durability, acknowledged, flushes, unmountable, violations } = figure.details;
  return [
    nameOf(figure),
    filesystem,
    durability,
    acknowledged,
    flushes,
    figure.count,
    unmountable,
    ...kinds.map((kind) => violations[kind]),
    figure.violations,
  ];
};
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

/** Of each program, its states with violations per thousand. */
function perThousand(figures) {
  const full = figures.filter(
    ({ details, ...figure }) => details.durability === 'full' && (figure.program === undefined || isPeer(figure)),
  );
  return [...new Set(full.map(nameOf))].map((name) => {
    const own = full.filter((figure) => nameOf(figure) === name);
    const states = own.reduce((total, { count }) => total + count, 0);
    const share = (count) => (own.reduce((total, figure) => total + count(figure), 0) / states) * 1000;
    return {
      name,
      states,
      kinds: kinds.map((kind) => share(({ details }) => details.violations[kind])),
      any: share(({ violations }) => violations),
    };
  });
}

export function powerCutsPlot({ figures }) {
  const rows = perThousand(figures).map(({ name, any }) => ({
    name,
    median: any,
    low: any,
    high: any,
    ours: name === 'untorn',
  }));
  return [
    'power-cuts',
    'Disks after a power cut with a file torn, lost, exposed or changed, per thousand',
    '',
    rows.toSorted((one, other) => one.median - other.median),
  ];
}

export function powerCutsSection(part) {
  if (part === undefined) return '';
  const { figures } = part;
  const own = figures.filter(({ program }) => program === undefined);
  const promised = own.filter(({ details }) => details.durability !== 'off');
  const sum = (some, value) => some.reduce((total, figure) => total + value(figure), 0);
  return `## Power cuts

${sum(promised, ({ count }) => count)} disks that a power cut could have left, with durability \`'full'\` and \`'normal'\`: **${sum(promised, ({ violations }) => violations)} violations**.

![Disks with violations per thousand](evidence/power-cuts.svg)

A disk records every write and every flush (and so every FUA write) while the built package works on a real filesystem on
it: overwriting, creating, creating in new directories, creating only, with both kinds of backups, through streams,
several files of a directory at once, calls for one file that are not awaited, synchronous ones that overtake others; 1 KiB to
1 MiB. Another process syncs files of its own, so that journals commit at any moment. Then the power is cut before and after
each flush and each acknowledgement. The flushed writes are on the disk, and any subset of later writes, in parts of 512
bytes. All subsets are tried if they are few; otherwise a seed selects some. Each such disk is mounted as usual, its journal is
replayed, and every file is examined.

- unmountable: the superblock was torn. Superblocks of ext4 and btrfs are on several sectors under one checksum, and mount(2) reads
  one copy only: programs on such a disk cannot prevent it.
- torn: neither a whole old nor a whole new content (G2). missing: a file that always existed is gone (G1, G2).
- lost: the acknowledged version or its backup is gone (G3; \`'full'\` only).
- exposed: content, also in a temporary file, with wider permissions than its file (G5). metadata: wrong mode or owner (G6).
- litter: a temporary file that \`sweep\` does not find, or more temporary files than writers (G10).

${table([head, ...own.map(rowOf)])}

With durability \`'off'\` nothing is promised after a power cut; the figures show the consequences.

### Would a mistake be noticed?

Programs with one flaw each, on the same disks, checked like \`'full'\`:

${table([head, ...figures.filter(({ program }) => controls.has(program)).map(rowOf)])}

### Peers

States with violations per thousand, all filesystems together. Only overwriting and creating were tried, with each program's own defaults.
No peer claims to sync the directory: "lost" shows the cost. The last column counts a state once.

${table([['program', 'states', ...kinds, 'any'], ...perThousand(figures).map((row) => [row.name, row.states, ...row.kinds.map((share) => share.toFixed(1)), row.any.toFixed(1)])])}

Not covered: disks that ignore flushes or tear a sector, damage to data flushed earlier, several disks, network filesystems, and other
mount options and kernels than the named ones.
`;
}

export function directoriesSection(part) {
  if (part === undefined) return '';
  const own = part.figures.filter(({ program }) => program === undefined);
  const sum = (value) => own.reduce((total, figure) => total + value(figure), 0);
  return `### Whole directories

${sum(({ count }) => count)} more disks, on which \`replaceDirectory\` and \`replaceDirectorySync\` were running: **${sum(({ violations }) => violations)} violations**. Links were replaced and made, and
directories exchanged. Some directories were filled, others were prepared elsewhere and not synced. Old ones were kept and removed. Several calls ran at once.
Torn: the path, or the name of a version, leads to nothing, or to a directory with a file that is missing, not whole or of another version.
Litter: a name that \`sweep\` would neither remove nor report. The programs with one flaw each must be noticed here too.

${table([head, ...part.figures.map(rowOf)])}
`;
}

export function verbsSection(part) {
  if (part === undefined) return '';
  const own = part.figures.filter(({ program }) => program === undefined);
  const sum = (value) => own.reduce((total, figure) => total + value(figure), 0);
  return `### Copies, renames, removals, links and appends

${sum(({ count }) => count)} more disks, on which \`copyFile\`, \`rename\`, \`remove\`, \`symlink\` and \`appendFile\` were running, alone and several at once:
**${sum(({ violations }) => violations)} violations**. What was copied, and half of what was renamed, had been written right before and not synced.
Missing: a file that is renamed is under neither of its names. Lost: also a name that is removed, or renamed, and there again; and a line
of a log. Torn: also a line that is appended after the power cut and does not begin on a line of its own. \`node:fs\` does the same steps
without a sync.

${table([head, ...part.figures.map(rowOf)])}
`;
}
