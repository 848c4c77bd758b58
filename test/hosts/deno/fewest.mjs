// With the fewest permissions everything works, but for attributes; and without any one of them one error says which is missing.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';

const folder = `${import.meta.dirname}/data`;
const permissions = { read: `--allow-read=${folder}`, write: `--allow-write=${folder}`, uid: '--allow-sys=uid' };

function use(given) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  return spawnSync('deno', ['run', '--no-prompt', '--quiet', ...given, 'use.mjs', folder], { encoding: 'utf8' });
}

const whole = use(Object.values(permissions));
if (whole.status !== 0) throw new Error(whole.stderr);
for (const missing of Object.keys(permissions)) {
  const { status, stderr } = use(Object.entries(permissions).filter(([name]) => name !== missing).map(([, flag]) => flag));
  const first = stderr.split('\n').find((line) => line.includes('WriteError'));
  if (status !== 1 || !first?.includes('target is untouched') || !new RegExp(`Requires ${missing === 'uid' ? 'sys' : missing} access`).test(first)) throw new Error(`Without ${missing}: status ${status}, ${stderr}`);
}
