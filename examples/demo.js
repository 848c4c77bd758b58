// Shows what untorn does, on real files: `npm run demo`.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync as plainWriteFileSync,
} from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { atomicWrite, createWriteStream, sweep, writeFile, writeFileSync } from 'untorn';

const folder = mkdtempSync(join(tmpdir(), 'untorn-demo-'));
const command = fileURLToPath(new URL('../dist/cli/main.cjs', import.meta.url));
process.chdir(folder);

function title(text) {
  console.log(`\n${text}`);
}

function show(...what) {
  console.log('   ', ...what);
}

async function library() {
  title('The library: a file is replaced; mode and link stay.');
  plainWriteFileSync('settings.json', '{"theme": "light"}\n');
  chmodSync('settings.json', 0o640);
  symlinkSync('settings.json', 'link.json');
  const result = await writeFile('link.json', '{"theme": "dark"}\n');
  show(
    readFileSync('settings.json', 'utf8').trim(),
    `mode ${(statSync('settings.json').mode & 0o777).toString(8)}`,
    `durable: ${result.durable}`,
  );

  title('A thousand writes that are not awaited: the last one wins, two are done.');
  const writes = await Promise.all(Array.from({ length: 1000 }, (_, number) => writeFile('counter', `${number}`)));
  show(`content ${readFileSync('counter', 'utf8')}, superseded ${writes.filter((write) => write.superseded).length}`);

  title('A synchronous write while another is under way wins.');
  const earlier = writeFile('counter', 'earlier');
  writeFileSync('counter', 'later');
  await earlier;
  show(`content: ${readFileSync('counter', 'utf8')}`);

  title('A block that throws, and a stream whose source fails: the old file stays.');
  await report(
    atomicWrite('counter', async (file) => {
      await file.write('half');
      throw new Error('no more data');
    }),
  );
  await report(pipeline(Readable.from(failing()), createWriteStream('counter')));
  show(`content: ${readFileSync('counter', 'utf8')}; files: ${readdirSync('.').join(' ')}`);
}

async function* failing() {
  yield 'half';
  throw new Error('the source failed');
}

async function report(promise) {
  try {
    await promise;
    show('it should have failed');
    process.exitCode = 1;
  } catch (error) {
    show(`failed: ${error.message}`);
  }
}

/** One write whose count nobody looks at, a sync, a rename: what much of the world runs on. */
const naive = `
  const fs = require('node:fs');
  const fd = fs.openSync('state.tmp', 'w');
  fs.writeSync(fd, Buffer.alloc(Number(process.argv[1]), 'n'));
  fs.fsyncSync(fd); fs.closeSync(fd); fs.renameSync('state.tmp', 'state');
  console.log('reports success');`;
const ours = `
  import { writeFileSync } from ${JSON.stringify(new URL('../dist/index.mjs', import.meta.url).href)};
  try { writeFileSync('state', Buffer.alloc(Number(process.argv[1]), 'n')); console.log('reports success'); }
  catch (error) { console.log('reports ' + error.code + ', outcome ' + error.outcome); }`;

async function fullDisk() {
  const disk = join(folder, 'disk');
  mkdirSync(disk);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'untorn-demo', disk]).status === 0;
  title(
    mounted
      ? 'A nearly full disk of 256 KiB, and 160 KiB to be replaced by as much:'
      : 'No right to mount a small disk here; a file size limit of 100 KiB cuts writes short just so:',
  );
  try {
    for (const [name, flags, program] of [
      ['naive', ['-e'], naive],
      ['untorn', ['--input-type=module', '-e'], ours],
    ]) {
      plainWriteFileSync(join(disk, 'state'), Buffer.alloc(mounted ? 160 << 10 : 90 << 10, 'o'));
      const limit = mounted ? '' : 'ulimit -f 100;';
      const args = [...flags, program, String(160 << 10)];
      const said = execFileSync('bash', ['-c', `${limit} exec "$0" "$@"`, process.execPath, ...args], {
        cwd: disk,
        encoding: 'utf8',
      });
      const state = readFileSync(join(disk, 'state'));
      show(
        `${name.padEnd(7)} ${said.trim()}; the file has ${state.length >> 10} KiB, ${state.every((byte) => byte === state[0]) ? (state[0] === 111 ? 'all old' : 'all new') : 'mixed'}${state.length < 90 << 10 || (state[0] === 110 && state.length !== 160 << 10) ? ', TRUNCATED' : ''}`,
      );
    }
  } finally {
    if (mounted) execFileSync('umount', [disk]);
  }
}

async function commandLine() {
  title('The command: only a success replaces the file.');
  run('echo "total 42" | untorn write report.txt');
  run('untorn run report.txt -- sh -c "echo half; exit 7"');
  show(`report.txt: ${readFileSync('report.txt', 'utf8').trim()}`);
}

function run(line) {
  const { status, stderr } = spawnSync(
    'bash',
    ['-c', `untorn() { "${process.execPath}" "${command}" "$@"; }; ${line}`],
    { encoding: 'utf8' },
  );
  show(`$ ${line}  → exit status ${status}`, stderr.trim());
}

async function afterAKill() {
  title('kill -9 in the middle of a write: the old file is whole, and a sweep finds the rest.');
  const program = `
    import { openPending } from ${JSON.stringify(new URL('../dist/index.mjs', import.meta.url).href)};
    const file = await openPending('report.txt');
    await file.write('half');
    console.log('half written');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  const { removed } = await sweep('.');
  show(
    `report.txt: ${readFileSync('report.txt', 'utf8').trim()}; swept: ${removed.length}; files: ${readdirSync('.').join(' ')}`,
  );
}

try {
  await library();
  await fullDisk();
  await commandLine();
  await afterAKill();
} finally {
  process.chdir('/');
  rmSync(folder, { recursive: true, force: true });
}
