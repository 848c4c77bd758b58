// Runs a bundle, a file or a folder, where no package can be found: without the native part it has to work all the same, and with it when the file lies beside the bundle.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

const [file, ...command] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'untorn-alone-'));
const program = join(folder, basename(file));

function run(...args) {
  const isExecutable = (statSync(program).mode & 0o100) !== 0;
  const { status } = spawnSync(isExecutable ? program : process.execPath, [...(isExecutable ? [] : [program]), ...args], { stdio: 'inherit', cwd: folder });
  if (status !== 0) process.exitCode = status ?? 1;
}

try {
  cpSync(command[0] === 'folder' ? dirname(file) : file, command[0] === 'folder' ? folder : program, { recursive: true });
  run('alone');
  const parts = join('node_modules', 'untorn', 'dist');
  const native = `${process.platform}-${process.arch}.node`;
  const version = readdirSync(parts).find((name) => /^v\d/.test(name));
  cpSync(join(parts, version, native), join(folder, native));
  run();
} finally {
  rmSync(folder, { recursive: true });
}
