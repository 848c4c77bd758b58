/** `npm run test:filesystems`: README.md beside it says what it does. */
import { spawnSync } from 'node:child_process';
import { release } from 'node:os';
import { parseArgs } from 'node:util';
import { note } from '../support/evidence.ts';
import { inNamespaces } from '../support/namespaces.ts';
import { ofFuse } from './fuse.ts';
import { ofKernel } from './kernel.ts';
import { install, versionsOf } from './packages.ts';
import { tryFilesystem, type Row } from './row.ts';
import { situations } from './situations.ts';

const { values: options, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    install: { type: 'boolean', default: false },
    evidence: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    behaviours: { type: 'string' },
    inside: { type: 'boolean', default: false },
  },
});
const all = [...ofKernel, ...ofFuse, ...situations];
const chosen = all.filter(({ name, quick }) =>
  wanted.length === 0 ? !options.quick || (quick ?? []).length > 0 : wanted.some((part) => name.includes(part)),
);
const packages = [...new Set(chosen.flatMap(({ packages }) => packages))].toSorted();

function tell({ filesystem, versions, cells, missing, seconds }: Row): void {
  console.log(`\n${filesystem.name}${versions.length > 0 ? ` (${versions.join(', ')})` : ''}: ${seconds.toFixed(0)} s`);
  if (missing !== undefined) console.log(`  not tested: ${missing}`);
  for (const [name, { kind, text, details }] of cells) {
    console.log(`  ${name}: ${text}`);
    if (kind === 'VIOLATION' || options.verbose)
      for (const detail of details) console.log(`      ${detail.replaceAll('\n', '\n      ')}`);
  }
}

async function tryAll(): Promise<Row[]> {
  const versions = await versionsOf(packages);
  const amount = options.quick
    ? { milliseconds: 150, times: 12, kills: 3, lockTimeout: 5000 }
    : { milliseconds: 1500, times: 60, kills: 12, lockTimeout: 30_000 };
  const rows: Row[] = [];
  const waiting = [...chosen];
  // Each of them mostly waits: for the disk, and for the other process.
  const work = async (): Promise<void> => {
    for (let filesystem; (filesystem = waiting.shift()) !== undefined;) {
      const row = await tryFilesystem(
        filesystem,
        versions,
        amount,
        options.behaviours?.split(',') ?? (options.quick && wanted.length === 0 ? filesystem.quick : undefined),
      );
      rows.push(row);
      tell(row);
    }
  };
  await Promise.all([work(), work()]);
  return rows.toSorted((one, other) => chosen.indexOf(one.filesystem) - chosen.indexOf(other.filesystem));
}

if (process.geteuid?.() !== 0) console.log('Not tested: it takes root to mount');
else if (options.install) install(packages);
else if (options.evidence)
  process.exitCode =
    spawnSync(process.execPath, ['test/evidence/evidence.js', 'filesystems'], { stdio: 'inherit' }).status ?? 1;
else if (!options.inside && spawnSync('unshare', ['--mount', '--pid', '--fork', 'true']).status !== 0)
  console.log('Not tested: namespaces cannot be made here');
else if (!options.inside) process.exitCode = inNamespaces(import.meta.url, 'filesystems');
else {
  console.log(`Linux ${release()}; packages: ${packages.join(' ')}`);
  const rows = await tryAll();
  for (const { filesystem, versions, cells, missing } of rows) {
    const told = Object.fromEntries([...cells].map(([name, { kind, text }]) => [name, { kind, text }]));
    const violations = [...cells.values()].filter(({ kind }) => kind === 'VIOLATION').length;
    note({
      of: 'behaviours of filesystems',
      guarantees: [],
      filesystem: filesystem.name,
      durabilities: ['full'],
      count: cells.size,
      violations,
      details: { versions, cells: told, missing },
    });
  }
  const violations = rows.flatMap(({ filesystem, cells }) =>
    [...cells]
      .filter(([, { kind }]) => kind === 'VIOLATION')
      .map(([name, { text }]) => `${filesystem.name}, ${name}: ${text}`),
  );
  const missing = rows.filter(({ missing }) => missing !== undefined);
  const tried = rows.length - missing.length;
  console.log(`\n${tried} filesystems and situations, ${missing.length} not tested, ${violations.length} violations`);
  for (const violation of violations) console.log(`  ${violation}`);
  if (violations.length > 0) process.exitCode = 1;
}
