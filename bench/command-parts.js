// Prints what whole processes take, each with more to do than the one before, in milliseconds. argv: a folder.
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [folder] = process.argv.slice(2);
const untorn = fileURLToPath(new URL('../dist/cli/main.cjs', import.meta.url));
const path = join(folder, 'state');
const steps = [
  ['`node -e 0`', ['-e', '0']],
  ['`untorn --version`', [untorn, '--version']],
  [
    "`untorn write`, a new file, `'off'`",
    [untorn, 'write', '--durability', 'off', path],
    () => rmSync(path, { force: true }),
  ],
  [
    "`untorn write`, replacing a file, `'off'`",
    [untorn, 'write', '--durability', 'off', path],
    () => writeFileSync(path, 'old'),
  ],
  ["`untorn write`, replacing a file, `'full'`", [untorn, 'write', path], () => writeFileSync(path, 'old')],
];
const taken = {};
for (const [name, args, prepare] of steps) {
  prepare?.();
  const begin = process.hrtime.bigint();
  const { status, stderr } = spawnSync(process.execPath, args, { input: 'x'.repeat(1024) });
  taken[name] = Number(process.hrtime.bigint() - begin) / 1e6;
  if (status !== 0) throw new Error(String(stderr));
}
console.log(JSON.stringify(taken));
