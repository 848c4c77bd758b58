/** A program that has the package installed, as its users have it: in a folder of its own, by copy. */
import { cpSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const programs = ['behaviours.js', 'scene.js'];

export function makeConsumer() {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'untorn-runtimes-'));
  const modules = join(folder, 'node_modules');
  for (const part of ['dist', 'package.json'])
    cpSync(join(root, part), join(modules, 'untorn', part), { recursive: true });
  for (const name of programs) cpSync(join(root, 'test', 'runtimes', name), join(folder, name));
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'consumer', private: true, type: 'module', dependencies: { untorn: '*' } }),
  );
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
