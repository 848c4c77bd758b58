/** Symbolic links where no sync of a directory takes them along: see `src/files/filesystems.ts`. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { replaceDirectory, replaceDirectorySync, WriteError, type ReplaceDirectoryResult } from 'untorn';
import { newFolder } from '../support/folder.ts';
import { mountNew } from '../support/mount.ts';

const forms: [string, (path: string, content: string) => Promise<ReplaceDirectoryResult>][] = [
  [
    'replaceDirectory',
    (path, content) => replaceDirectory(path, (directory) => writeFileSync(join(directory, 'file'), content)),
  ],
  [
    'replaceDirectorySync',
    async (path, content) => replaceDirectorySync(path, (directory) => writeFileSync(join(directory, 'file'), content)),
  ],
];

/** Performs steps with another PATH. */
async function withPath<T>(path: string, steps: () => Promise<T>): Promise<T> {
  const searched = process.env['PATH'];
  process.env['PATH'] = path;
  try {
    return await steps();
  } finally {
    process.env['PATH'] = searched;
  }
}

/** A `sync` that first notes that it was called. */
function withSync<T>(t: TestContext, rest: string, steps: (calls: () => number) => Promise<T>): Promise<T> {
  const folder = newFolder(t);
  const log = join(folder, 'log');
  writeFileSync(join(folder, 'sync'), `#!/bin/sh\necho "$@" >> ${log}\n${rest}\n`);
  chmodSync(join(folder, 'sync'), 0o755);
  const calls = (): number => (existsSync(log) ? readFileSync(log, 'utf8').split('\n').length - 1 : 0);
  return withPath(`${folder}${delimiter}${process.env['PATH']}`, () => steps(calls));
}

for (const [form, replace] of forms) {
  describe(`${form}() without a journal`, () => {
    it('syncs the whole filesystem before and after the link is in place (G3)', async (t) => {
      const mount = mountNew(t, 'ext2');
      if (mount === undefined) return;
      await replace(join(mount, 'site'), 'old');
      await withSync(t, 'PATH=${PATH#*:} exec sync "$@"', async (calls) => {
        const { durable, oldPath } = await replace(join(mount, 'site'), 'new');
        assert.deepEqual([durable, oldPath, calls()], [true, undefined, 2]);
      });
    });

    it('says so, and keeps the old directory, where there is no such program (G3)', async (t) => {
      const mount = mountNew(t, 'ext2');
      if (mount === undefined) return;
      await replace(join(mount, 'site'), 'old');
      const { durable, oldPath } = await withPath(newFolder(t), () => replace(join(mount, 'site'), 'new'));
      assert.equal(durable, 'unsupported');
      assert.equal(readFileSync(join(String(oldPath), 'file'), 'utf8'), 'old');
    });

    it('fails, and leaves the old directory in place, where that sync fails (G4)', async (t) => {
      const mount = mountNew(t, 'ext2');
      if (mount === undefined) return;
      await replace(join(mount, 'site'), 'old');
      const before = readdirSync(mount);
      await withSync(t, 'echo "sync: error syncing: Input/output error" >&2; exit 1', () =>
        assert.rejects(
          replace(join(mount, 'site'), 'new'),
          (error) => WriteError.isWriteError(error) && error.code === 'EIO' && error.outcome === 'old',
        ),
      );
      assert.equal(readFileSync(join(mount, 'site', 'file'), 'utf8'), 'old');
      assert.deepEqual(readdirSync(mount), before);
    });

    it('does nothing of that where there is a journal', async (t) => {
      const mount = mountNew(t, 'ext4');
      if (mount === undefined) return;
      await withSync(t, 'exit 1', async (calls) => {
        const { durable } = await replace(join(mount, 'site'), 'new');
        assert.deepEqual([durable, calls()], [true, 0]);
      });
    });
  });
}
