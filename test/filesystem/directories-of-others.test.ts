/** Directories in a folder that others may write: what they rename there is never removed, and never decides anything. */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, linkSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { replaceDirectory, sweep, type ReplaceDirectoryResult, type SweepResult } from 'untorn';
import { alice, as, bob, needsUsers, type User } from '../support/as-user.ts';
import { ask } from '../support/child.ts';
import { newFolder } from '../support/folder.ts';

/** Names as a dead process of this machine would have chosen them. */
let dead: { host: string; boot: string; namespace: string } | undefined;

async function deadToken(t: TestContext, kind: 'd' | 'v' | 't'): Promise<string> {
  if (dead === undefined) {
    const path = join(newFolder(t), 'site');
    await replaceDirectory(path, () => undefined);
    const [, host, boot, namespace] = /untorn-v-(\w+)-(\w+)-(\w+)-/.exec(readlinkSync(path)) as unknown as string[];
    dead = { host, boot, namespace } as typeof dead;
  }
  const { host, boot, namespace } = dead as NonNullable<typeof dead>;
  const rest = /untorn-v-\w+-\w+-\w+-(.*)-\w+-\w+-\w{20}/.exec(await ownVersion(t));
  return `untorn-${kind}-${host}-${boot}-${namespace}-${rest === null ? '' : `${rest[1]}-`}1-1-00000000000000000000`;
}

async function ownVersion(t: TestContext): Promise<string> {
  const path = join(newFolder(t), 'site');
  await replaceDirectory(path, () => undefined);
  return readlinkSync(path);
}
