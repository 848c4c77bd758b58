/** What a test needs of the machine; where it is missing, the test is skipped and says why. */
import { spawnSync } from 'node:child_process';
import type { TestContext } from 'node:test';

export const isRoot: boolean = process.geteuid?.() === 0;

/** Whether this is the superuser; skips the test if not. */
export function needsRoot(t: TestContext): boolean {
  if (!isRoot) t.skip('needs root');
  return isRoot;
}

/** Whether the programs are there; skips the test if not. */
export function needsTools(t: TestContext, ...tools: string[]): boolean {
  const missing = tools.find(
    (tool) => spawnSync('sh', ['-c', `command -v ${tool}`], { env: environment }).status !== 0,
  );
  if (missing !== undefined) t.skip(`needs ${missing}`);
  return missing === undefined;
}

/** Where mkfs and mount are, also for ordinary users; and messages in English. */
export const environment: NodeJS.ProcessEnv = {
  ...process.env,
  PATH: `${process.env['PATH']}:/usr/sbin:/sbin`,
  LC_ALL: 'C',
};
