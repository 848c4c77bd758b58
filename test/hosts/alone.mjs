// Runs a bundle, a file or a folder, where no other package can be found: without the addon it has to work all the same.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

const [file, ...command] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'untorn-alone-'));
try {
  cpSync(command[0] === 'folder' ? dirname(file) : file, command[0] === 'folder' ? folder : join(folder, basename(file)), { recursive: true });
  const program = join(folder, basename(file));
  const isExecutable = (statSync(program).mode & 0o100) !== 0;
  const { status } = spawnSync(isExecutable ? program : process.execPath, [...(isExecutable ? [] : [program]), 'alone'], { stdio: 'inherit', cwd: folder });
  process.exitCode = status ?? 1;
} finally {
  rmSync(folder, { recursive: true });
}
