/** A program of the tests that runs once more in namespaces of its own. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Runs it with `--inside`, so that nothing that is mounted or started outlives this process, however it ends; and in a
 * folder of its own, which goes when nothing is mounted there any more. Returns its exit status.
 */
export function inNamespaces(url: string, name: string, more: readonly string[] = []): number {
  const scratch = mkdtempSync(join(tmpdir(), `untorn-${name}-`));
  chmodSync(scratch, 0o755);
  const unshare = ['unshare', ...more, '--mount', '--pid', '--fork', '--mount-proc', '--kill-child'];
  const again = [process.execPath, '--no-warnings', fileURLToPath(url), '--inside', ...process.argv.slice(2)];
  try {
    const env = { ...process.env, TMPDIR: scratch };
    const all = ['--pdeathsig', 'KILL', ...unshare, ...again];
    return spawnSync('setpriv', all, { stdio: 'inherit', env }).status ?? 1;
  } finally {
    rmSync(scratch, { recursive: true });
  }
}
