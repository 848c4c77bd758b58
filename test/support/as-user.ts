/** Ordinary users: programs that run with other ids than the superuser's. */
import { chownSync } from 'node:fs';
import { isRoot, needsRoot, needsTools } from './needs.ts';
import { finished } from './run.ts';
import type { TestContext } from 'node:test';

export interface User {
  readonly uid: number;
  readonly gid: number;
  readonly groups?: readonly number[];
}

/** Ids that belong to nobody on a usual machine. */
export const alice: User = { uid: 64_001, gid: 64_001 };
export const bob: User = { uid: 64_002, gid: 64_002 };
export const dev = 64_010;
export const bobOfDev: User = { ...bob, groups: [dev] };

/** What goes in front of a command line for it to run as a user. */
export function as({ uid, gid, groups = [] }: User): string[] {
  return [
    'setpriv',
    `--reuid=${uid}`,
    `--regid=${gid}`,
    groups.length === 0 ? '--clear-groups' : `--groups=${groups.join(',')}`,
    '--',
  ];
}

/** Whether commands can be run as other users here; skips the test if not. */
export async function needsUsers(t: TestContext): Promise<boolean> {
  if (!needsRoot(t) || !needsTools(t, 'setpriv')) return false;
  const { status } = await finished(
    ...as(bob),
    process.execPath,
    '-e',
    "require('node:fs').readFileSync('package.json')",
  );
  if (status !== 0) t.skip('needs a checkout and a Node.js that ordinary users may read');
  return status === 0;
}

/** Somebody without privileges: another user if this is the superuser, else this one. The folder is made theirs. */
export async function needsOrdinaryUser(t: TestContext, ...paths: string[]): Promise<string[] | undefined> {
  if (!isRoot) return [];
  if (!(await needsUsers(t))) return undefined;
  for (const path of paths) chownSync(path, bob.uid, bob.gid);
  return as(bob);
}
