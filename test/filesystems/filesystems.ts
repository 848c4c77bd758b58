/** `npm run test:filesystems`: see README.md beside it. */
import { spawnSync } from 'node:child_process';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { durability } from './durability.ts';
import type { Filesystem } from './filesystem.ts';
import { ofFuse } from './fuse.ts';
import { keeping } from './keeping.ts';
import { ofKernel } from './kernel.ts';
import { killing } from './killing.ts';
import { Place } from './place.ts';
import { racing } from './racing.ts';
import { situations } from './situations.ts';
import { Stage, type Amount, type Behaviour, type Mounted } from './stage.ts';
import { verdict, type Verdict } from './verdict.ts';
import { writing } from './writing.ts';

const { values: options, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false }, install: { type: 'boolean', default: false }, evidence: { type: 'boolean', default: false }, only: { type: 'string' }, inside: { type: 'boolean', default: false } },
});

/** In namespaces of its own, so that nothing that is mounted or started outlives this process, however it ends. */
function insideNamespaces(): number {
  const { status, signal } = spawnSync('unshare', ['--mount', '--pid', '--fork', '--mount-proc', '--kill-child', process.execPath, '--no-warnings', fileURLToPath(import.meta.url), '--inside', ...process.argv.slice(2)], { stdio: 'inherit' });
  return signal === null ? status ?? 1 : 1;
}

const amount: Amount = options.quick ? { milliseconds: 200, times: 15, kills: 3 } : { milliseconds: 1500, times: 60, kills: 12 };
const all: readonly Filesystem[] = [...ofKernel, ...ofFuse, ...situations];
const chosen = all.filter(({ name, quick }) => (wanted.length === 0 ? !options.quick || quick === true : wanted.some((part) => (part.endsWith('=') ? name === part.slice(0, -1) : name.includes(part)))));

interface Row {
  readonly filesystem: Filesystem;
  readonly cells: Map<string, Verdict>;
  readonly missing?: string;
}

async function withTimeout<T>(promise: Promise<T>, milliseconds: number): Promise<T> {
  let timer;
  try {
    return await Promise.race([promise, new Promise<never>((_, reject) => (timer = setTimeout(() => reject(new Error(`not over in ${milliseconds / 1000} s`)), milliseconds)))]);
  } finally {
    clearTimeout(timer);
  }
}

/** What every program expects of a filesystem. Where it cannot do that within a while, nothing is tried on it. */
const usual = `
  const fs = require('node:fs');
  process.chdir(process.argv[1]);
  const fd = fs.openSync('one', 'w');
  fs.writeSync(fd, 'content');
  fs.fsyncSync(fd);
  fs.closeSync(fd);
  fs.renameSync('one', 'two');
  fs.writeFileSync('one', Buffer.alloc(3_000_000));
  fs.renameSync('one', 'two');
  fs.mkdirSync('folder');
  if (fs.readFileSync('two').length !== 3_000_000 || fs.readdirSync('.').length < 2) throw new Error('it does not hold what was written');
  fs.rmdirSync('folder');
  fs.unlinkSync('two');
`;

async function tryOne(behaviour: Behaviour, mounted: Mounted, number: number): Promise<Verdict> {
  const folder = join(mounted.folder, `behaviour-${number}`);
  const stage = new Stage(folder, mounted, amount);
  try {
    await mkdir(folder);
    // Where there are no modes, anybody may write.
    await chmod(folder, 0o777).catch(() => undefined);
    return await behaviour.run(stage);
  } catch (error) {
    return verdict('VIOLATION', 'unexpected', [(error as Error).stack ?? String(error)]);
  } finally {
    await stage.end();
  }
}

async function tryFilesystem(filesystem: Filesystem): Promise<Row> {
  const place = await Place.make();
  const cells = new Map<string, Verdict>();
  try {
    let mounted;
    try {
      mounted = await filesystem.mount(place);
      await withTimeout(place.run(process.execPath, '-e', usual, mounted.folder), 20_000);
    } catch (error) {
      await place.stop();
      return { filesystem, cells, missing: (error as Error).message.trim() };
    }
    const behaviours = [...writing, ...keeping, ...racing, ...killing, durability(filesystem, place)];
    for (const [number, behaviour] of behaviours.entries()) {
      if (options.only !== undefined && !options.only.split(',').includes(behaviour.name)) continue;
      const began = Date.now();
      const trying = tryOne(behaviour, mounted, number);
      const told = await withTimeout(trying, 120_000).catch((error: Error) => verdict('VIOLATION', error.message));
      cells.set(behaviour.name, told);
      console.log(`  ${behaviour.name}: ${told.text} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
      if (told.kind !== 'holds' || process.env['UNTORN_VERBOSE'] !== undefined) for (const detail of told.details) console.log(`      ${detail.replaceAll('\n', '\n      ')}`);
      if (told.text.includes('not over in')) {
        await place.stop();
        await trying;
        break;
      }
    }
    return { filesystem, cells };
  } finally {
    await place.end();
  }
}

if (process.geteuid?.() !== 0) console.log('not tested: needs root');
else if (!options.inside) process.exitCode = insideNamespaces();
else {
  const rows: Row[] = [];
  for (const filesystem of chosen) {
    console.log(`\n${filesystem.name}`);
    const row = await tryFilesystem(filesystem);
    if (row.missing !== undefined) console.log(`  not tested: ${row.missing}`);
    rows.push(row);
  }
  const violations = rows.flatMap(({ filesystem, cells }) => [...cells].filter(([, { kind }]) => kind === 'VIOLATION').map(([name]) => `${filesystem.name}, ${name}`));
  console.log(`\n${violations.length} violations${violations.length > 0 ? `:\n  ${violations.join('\n  ')}` : ''}`);
  if (violations.length > 0) process.exitCode = 1;
}
