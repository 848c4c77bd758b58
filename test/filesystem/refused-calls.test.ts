/** A kernel or a sandbox that refuses calls which only the native part makes: all works as it does without that part. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync as plainWrite } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ask } from '../support/child.ts';
import { newFolder } from '../support/folder.ts';
import { mountNew } from '../support/mount.ts';
import { hasNative } from '../support/native-part.ts';
import { needsTools } from '../support/needs.ts';
import { run } from '../support/run.ts';

/** A program that runs another one to which calls are refused; undefined, and the test skipped, without a compiler. */
function refuser(t: TestContext): string | undefined {
  if (process.platform !== 'linux') t.skip('needs Linux');
  else if (needsTools(t, 'cc')) {
    const program = join(newFolder(t), 'refuse');
    run('cc', '-O1', '-o', program, fileURLToPath(new URL('../../../test/filesystems/refuse.c', import.meta.url)));
    return program;
  }
  return undefined;
}

/** Each gives what it tells of durability, or how it failed. That of links is a test of its own. */
const program = `
  import fs from 'node:fs';
  import * as untorn from 'untorn';
  process.chdir(process.argv[1]);
  const told = {};
  const perform = async (name, deed) => {
    const done = await (async () => deed())().catch(({ code, outcome, message }) => \`\${code} \${outcome} \${message}\`);
    told[name] = done?.durable ?? done ?? 'done';
  };
  await perform('writeFile', () => untorn.writeFile('file', '1'));
  await perform('writeFileSync', () => untorn.writeFileSync('file', '2'));
  await perform('overwrite: false', () => untorn.writeFile('new', '1', { overwrite: false }));
  await perform('overwrite: false, sync', () => untorn.writeFileSync('newer', '1', { overwrite: false }));
  await perform('updateFile', () => untorn.updateFile('file', (old) => old + '!'));
  await perform('rename', () => untorn.rename('new', 'renamed'));
  await perform('rename, overwrite: false', () => untorn.renameSync('newer', 'first', { overwrite: false }));
  await perform('withLock', () => untorn.withLock('file', () => undefined));
  await perform('transaction', () => untorn.transaction(async (draft) => {
    await draft.writeFile('file', '3');
    await draft.writeFile('other', '3');
  }));
  await perform('replaceDirectory', async () => {
    await untorn.replaceDirectory('site', (made) => fs.writeFileSync(made + '/page', 'new'));
  });
  await perform('symlink', async () => {
    await untorn.symlink('file', 'link');
  });
  const files = Array.from({ length: 40 }, (_, i) => ({ path: 'of-many-' + i, data: 'new' }));
  await perform('writeFiles', async () => [...new Set((await untorn.writeFiles(files)).map(({ durable }) => durable))].join());
  console.log(JSON.stringify(told));
`;

/** What a program tells of a folder of its own, and what it has written there. */
async function performed(folder: string, under: readonly string[]): Promise<unknown> {
  plainWrite(join(folder, 'file'), '0');
  mkdirSync(join(folder, 'site.0'));
  symlinkSync('site.0', join(folder, 'site'));
  const told = await ask<Record<string, unknown>>(program, [folder], { under });
  const names = ['file', 'other', 'renamed', 'first', 'site/page', 'of-many-39'];
  return { told, contents: names.map((name) => readFileSync(join(folder, name), 'utf8')) };
}

describe('the native part', () => {
  for (const call of ['statx', 'renameat2', 'syncfs'])
    for (const code of ['EPERM', 'ENOSYS'])
      it(`is not missed where ${call}(2) is refused with ${code} (G4)`, async (t) => {
        const refuse = refuser(t);
        if (refuse === undefined) return;
        const expected = await performed(newFolder(t), []);
        assert.deepEqual(await performed(newFolder(t), [refuse, call, code]), expected);
      });

  it('makes the other calls there (G6)', async (t) => {
    const refuse = refuser(t);
    if (refuse === undefined) return;
    const path = join(newFolder(t), 'file');
    plainWrite(path, 'old');
    const source = `
      const { writeFile } = await import('untorn');
      console.log(JSON.stringify((await writeFile(process.argv[1], 'new')).notKept));`;
    for (const call of ['renameat2', 'syncfs'])
      assert.deepEqual(await ask(source, [path], { under: [refuse, call, 'EPERM'] }), hasNative ? [] : ['xattr']);
  });

  it('tells that a link is not durable where only syncfs(2) could make it so (G3)', async (t) => {
    const refuse = refuser(t);
    const mount = refuse === undefined ? undefined : mountNew(t, 'ext2');
    if (refuse === undefined || mount === undefined) return;
    const source = `
      const { symlink, symlinkSync } = await import('untorn');
      const [, one, other] = process.argv;
      console.log(JSON.stringify([(await symlink('file', one)).durable, symlinkSync('file', other).durable]));`;
    const paths = ['one', 'other'].map((name) => join(mount, name));
    for (const code of ['EPERM', 'ENOSYS'])
      assert.deepEqual(
        await ask(
          source,
          paths.map((path) => `${path}-${code}`),
          { under: [refuse, 'syncfs', code] },
        ),
        ['unsupported', 'unsupported'],
      );
  });
});
