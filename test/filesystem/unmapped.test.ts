/** Owners that a user namespace has no numbers for. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { NotKept } from 'untorn';
import { apis } from '../support/apis.ts';
import { newFolder } from '../support/folder.ts';
import { needsRoot, needsTools } from '../support/needs.ts';
import { knownLosses } from '../support/native-part.ts';
import { script } from '../support/run.ts';

/** Runs a command with a /proc that shows processes and nothing of the system (proc(5)). */
const withLittleProc = [
  'unshare',
  '--mount',
  '--pid',
  '--fork',
  '--kill-child',
  'sh',
  '-c',
  'mount -t proc -o subset=pid proc /proc && exec "$@"',
  'sh',
];

/** Runs a script in a user namespace that has the first 65,536 users and groups. */
async function inNamespace(
  t: TestContext,
  source: string,
  paths: readonly string[],
  before: readonly string[] = [],
): Promise<unknown> {
  const command = script(source, { args: paths, before });
  const child = spawn('unshare', ['--user', 'sh', '-c', 'echo made; read go; exec "$@"', 'sh', ...command], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (some: Buffer) => (output += some.toString()));
  const ended = once(child, 'close');
  const isMade = await Promise.race([once(child.stdout, 'data').then(() => true), ended.then(() => false)]);
  if (!isMade) {
    t.skip('there can be no user namespace');
    return undefined;
  }
  for (const kind of ['uid', 'gid']) writeFileSync(`/proc/${child.pid}/${kind}_map`, '0 0 65536');
  child.stdin.end('\n');
  await ended;
  if (output === 'made\n' && before.length > 0) {
    t.skip('there can be no /proc of its own');
    return undefined;
  }
  return JSON.parse(output.slice('made\n'.length));
}

for (const { name } of apis) {
  describe(`${name}() in a user namespace`, () => {
    it('does not take the number of all unmapped owners for one (G5, G6)', async (t) => {
      if (!needsRoot(t) || !needsTools(t, 'unshare')) return;
      const folder = newFolder(t);
      chmodSync(folder, 0o777);
      const path = join(folder, 'file');
      writeFileSync(path, 'old');
      chownSync(path, 200_000, 200_000);
      chmodSync(path, 0o664);
      const source = `
        const { notKept } = await ${name}(process.argv[1], 'new');
        console.log(JSON.stringify({ notKept }));`;
      const told = (await inNamespace(t, source, [path])) as { notKept: NotKept[] } | undefined;
      if (told === undefined) return;
      assert.deepEqual(
        [knownLosses(told.notKept)?.toSorted(), statSync(path).uid, statSync(path).mode & 0o777],
        [['group', 'mode', 'owner'], 0, 0o644],
      );
    });

    it('does not do so where /proc does not tell that number (G5, G6)', async (t) => {
      if (!needsRoot(t) || !needsTools(t, 'unshare', 'mount')) return;
      const folder = newFolder(t);
      chmodSync(folder, 0o777);
      const path = join(folder, 'file');
      writeFileSync(path, 'old');
      chownSync(path, 200_000, 200_000);
      chmodSync(path, 0o4664);
      const source = `
        const { notKept } = await ${name}(process.argv[1], 'new');
        const code = await (async () => ${name}(process.argv[2], 'new', { preserve: { owner: 'require' } }))().then(() => 'none', (error) => error.code);
        console.log(JSON.stringify({ notKept, code }));`;
      const other = join(folder, 'other');
      writeFileSync(other, 'old');
      chownSync(other, 200_000, 200_000);
      const told = (await inNamespace(t, source, [path, other], withLittleProc)) as
        { notKept: NotKept[]; code: string } | undefined;
      if (told === undefined) return;
      assert.deepEqual(
        [knownLosses(told.notKept)?.toSorted(), statSync(path).uid, statSync(path).mode & 0o7777],
        [['group', 'mode', 'owner'], 0, 0o644],
      );
      assert.deepEqual([told.code, statSync(other).uid], ['EPERM', 200_000]);
    });

    it('does not take it for one where it is required either (G6)', async (t) => {
      if (!needsRoot(t) || !needsTools(t, 'unshare')) return;
      const folder = newFolder(t);
      chmodSync(folder, 0o777);
      const path = join(folder, 'file');
      writeFileSync(path, 'old');
      chownSync(path, 200_000, 200_000);
      const source = `
        const code = await (async () => ${name}(process.argv[1], 'new', { preserve: { owner: 'require' } }))().then(() => 'none', (error) => error.code);
        console.log(JSON.stringify({ code }));`;
      const told = await inNamespace(t, source, [path]);
      if (told !== undefined) assert.deepEqual([told, statSync(path).uid], [{ code: 'EPERM' }, 200_000]);
    });
  });
}
