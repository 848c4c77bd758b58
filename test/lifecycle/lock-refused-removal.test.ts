/** A lock that cannot be given back for a moment, by a process that goes on. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { unchanged, updateFile, WriteError } from 'untorn';
import { run } from '../support/child.ts';
import { mountNew } from '../support/mount.ts';
import { run as command } from '../support/run.ts';

const ends: Record<string, () => string | typeof unchanged> = {
  'new content': () => 'new',
  'nothing new': () => unchanged,
  'an error': () => {
    throw new Error('of the caller');
  },
};

describe('a lock on a filesystem that is read-only for a moment', () => {
  for (const [end, update] of Object.entries(ends)) {
    it(`is free for other processes soon after it can be removed, after ${end} (G10)`, async (t) => {
      const mount = mountNew(t, 'tmpfs');
      if (mount === undefined) return;
      const path = join(mount, 'file');
      writeFileSync(path, 'old');
      const updated = updateFile(path, async () => {
        command('mount', '-o', 'remount,ro', mount);
        return update();
      });
      await assert.rejects(
        updated,
        (error: Error) => WriteError.isWriteError(error) || error.message === 'of the caller',
      );
      assert.ok(readdirSync(mount).includes('.file.untorn-lock'));
      command('mount', '-o', 'remount,rw', mount);
      const other = `
        import { updateFile } from 'untorn';
        await updateFile(process.argv[1], () => 'other', { lock: { timeout: 20_000 } });`;
      const { status, stderr } = await run(other, [path]);
      assert.equal(status, 0, stderr);
      assert.equal(readFileSync(path, 'utf8'), 'other');
      assert.deepEqual(readdirSync(mount), ['file']);
    });
  }
});
