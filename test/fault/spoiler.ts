/** The program that spoils system calls, compiled; or why it cannot be had. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('../../../test/fault/spoil.c', import.meta.url));

/** Where it is, and its logs; gone with this process. */
export const workshop: string = mkdtempSync(join(tmpdir(), 'untorn-spoil-'));
process.on('exit', () => rmSync(workshop, { recursive: true }));

export const spoiler: string = join(workshop, 'spoil');

/** Why no system call can be spoiled here, or false: no compiler, or another process may not be traced. */
export const reasonNotToSpoil: string | false = compile();

function compile(): string | false {
  if (process.platform !== 'linux') return 'needs Linux';
  const run = (command: string, ...args: string[]): string | undefined => {
    const { status, error, stderr } = spawnSync(command, args, { encoding: 'utf8' });
    return status === 0 ? undefined : (error?.message ?? stderr.trim());
  };
  const compiled = run('cc', '-O2', '-Wall', '-Wextra', '-Werror', '-o', spoiler, source);
  if (compiled !== undefined) return `cannot compile spoil.c: ${compiled}`;
  const traced = run(spoiler, join(workshop, 'log'), '/', '--', 'true');
  return traced === undefined ? false : `cannot trace another process: ${traced}`;
}
