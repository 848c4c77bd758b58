// The dependents as npm installs them, in a project without and in one with the drop-ins in the place of the originals.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { dropIns } from '../../scripts/parts.js';

const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'untorn-ci', 'dependents');

function run(command, args, cwd) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${error?.message ?? stdout + stderr}`);
  return stdout;
}

/** This package and those that stand for the originals, as tarballs. */
function pack() {
  const folder = resolve('build', 'aliases');
  run(process.execPath, ['scripts/aliases.js'], '.');
  const [{ filename }] = JSON.parse(
    run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], '.'),
  );
  const tarballOf = (name) =>
    join(
      folder,
      readdirSync(folder).find((file) => new RegExp(`^untorn-${name}-\\d.*\\.tgz$`).test(file)),
    );
  return {
    untorn: join(folder, filename),
    aliases: Object.fromEntries(Object.keys(dropIns).map((name) => [name, tarballOf(name)])),
  };
}

/** Electron itself is not needed: electron-store takes a folder where there is no app. */
const standIn = {
  'package.json': '{ "name": "electron", "version": "99.0.0" }\n',
  'index.js': 'module.exports = {};\n',
};

/** What the manifest of a project says, and the files that it names. */
function manifest(packages, overrides = {}) {
  const dependencies = { ...packages, electron: 'file:./electron' };
  return { private: true, dependencies, overrides: { electron: '$electron', ...overrides } };
}

/** The originals in the versions that the drop-ins follow, so that all are of one age. */
export function plainProject(packages) {
  const originals = Object.fromEntries(Object.entries(dropIns).map(([name, { version }]) => [name, version]));
  return installed(manifest({ ...packages, ...originals }, originals), []);
}

export function projectWithDropIns(packages) {
  const { untorn, aliases } = pack();
  const files = [untorn, ...Object.values(aliases)];
  const local = (path) => `file:./${basename(path)}`;
  const overrides = Object.fromEntries(Object.entries(aliases).map(([name, path]) => [name, local(path)]));
  return installed(manifest({ ...packages, untorn: local(untorn) }, { ...overrides, untorn: '$untorn' }), files);
}

/** A project is kept for the next time, unless what it is made of has changed. */
function installed(given, files) {
  const hash = createHash('sha256').update(JSON.stringify(given));
  for (const file of files) hash.update(readFileSync(file));
  const folder = join(cache, hash.digest('hex').slice(0, 16));
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  const making = mkdtempSync(join(cache, '.making-'));
  try {
    for (const file of files) writeFileSync(join(making, basename(file)), readFileSync(file));
    mkdirSync(join(making, 'electron'));
    for (const [name, text] of Object.entries(standIn)) writeFileSync(join(making, 'electron', name), text);
    writeFileSync(join(making, 'package.json'), JSON.stringify(given));
    writeFileSync(join(making, 'load.mjs'), 'export const load = (name) => import(name);\n');
    run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel', 'error'], making);
    renameSync(making, folder);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  return folder;
}

/** Which package is in the place of a peer, everywhere in a project where it is installed. */
export function inThePlaceOf(peer, project) {
  const found = readdirSync(join(project, 'node_modules'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.replaceAll('\\', '/').endsWith(`${peer}/package.json`))
    .map((path) => JSON.parse(readFileSync(join(project, 'node_modules', path), 'utf8')))
    .filter(({ name }) => name === peer || name === `@untorn/${peer}`);
  return [...new Set(found.map(({ name, version }) => `${name} ${version}`))].toSorted();
}
