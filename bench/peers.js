// The peers, in a cache folder of their own: they are never dependencies of the project.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { contenders, peers } from './contenders.js';

const list = peers.map((name) => `${name}@${contenders[name].version}`);
const folder = join(tmpdir(), `untorn-bench-${list.map((entry) => entry.replace(/[^\d]/g, '')).join('-')}`);

export function installPeers() {
  if (existsSync(join(folder, 'complete'))) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--save-exact', ...list], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  writeFileSync(join(folder, 'complete'), '');
}

/** Where a contender's module is. @param {string} name */
export function moduleUrl(name, how = 'import') {
  if (name === 'untorn' && how === 'import') return import.meta.resolve('untorn');
  return pathToFileURL(createRequire(name === 'untorn' ? import.meta.url : join(folder, 'package.json')).resolve(name))
    .href;
}

/** @param {string} name */
export async function load(name) {
  const { builtin, module } = contenders[name];
  if (module !== undefined) return import(module);
  return builtin ? {} : import(moduleUrl(name));
}
