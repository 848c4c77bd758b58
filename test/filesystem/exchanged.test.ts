/** A directory in which another user exchanges the temporary file for another one of the writer's. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openPending, openPendingSync, sweep, WriteError, type WriteOptions } from 'untorn';
import { apis, names } from '../support/apis.ts';
import { bob, needsUsers } from '../support/as-user.ts';
import { newFolder } from '../support/folder.ts';
import { needsTools } from '../support/needs.ts';
import { hasNative, knownLosses } from '../support/native-part.ts';
import { run } from '../support/run.ts';

const acl = (path: string): string => run('getfacl', '--absolute-names', '--omit-header', '-n', path);

/** The ways to have a temporary file in the hand. */
const ways = {
  async openPending(path: string, exchange: (temporaryPath: string) => void, options?: WriteOptions) {
    const file = await openPending(path, options);
    await file.write('new');
    exchange(String(file.temporaryPath));
    return file.commit();
  },
  async openPendingSync(path: string, exchange: (temporaryPath: string) => void, options?: WriteOptions) {
    const file = openPendingSync(path, options);
    file.write('new');
    exchange(String(file.temporaryPath));
    return file.commit();
  },
};

for (const [name, write] of Object.entries(ways)) {
  describe(`${name}(), where another user exchanges the temporary file`, () => {
    for (const kind of ['an ACL', 'no attributes', 'none to replace'] as const) {
      for (const overwrite of kind === 'none to replace' ? [true, false] : [true]) {
        it(`gives its rights to no other file, and does not succeed: ${kind}, overwrite: ${overwrite} (G4, G5)`, async (t) => {
          if (!(await needsUsers(t)) || !needsTools(t, 'setfacl', 'getfacl')) return;
          const folder = newFolder(t);
          chmodSync(folder, 0o777);
          const [path, secret] = [join(folder, 'file'), join(folder, 'secret')];
          if (kind !== 'none to replace') writeFileSync(path, 'old', { mode: 0o640 });
          if (kind === 'an ACL') run('setfacl', '-m', `u:${bob.uid}:rw`, path);
          writeFileSync(secret, 'secret', { mode: 0o600 });
          const before = acl(secret);
          const { ino } = statSync(secret);
          const exchange = (temporaryPath: string): void => {
            renameSync(temporaryPath, join(folder, 'aside'));
            renameSync(secret, temporaryPath);
          };
          const error: unknown = await write(path, exchange, { overwrite }).then(
            () => assert.fail('it resolved'),
            (thrown: unknown) => thrown,
          );
          assert.ok(WriteError.isWriteError(error), String(error));
          const found = names(folder)
            .map((one) => join(folder, one))
            .find((one) => statSync(one).ino === ino);
          assert.ok(found !== undefined || error.outcome !== 'unknown', names(folder).join(' '));
          if (found !== undefined) assert.equal(acl(found), before);
          if (error.outcome === 'old')
            assert.equal(
              existsSync(path) ? readFileSync(path, 'utf8') : 'none',
              kind === 'none to replace' ? 'none' : 'old',
            );
        });
      }
    }

    it('holds nothing, and leaves nothing, where nobody does (G6, G10)', async (t) => {
      if (!needsTools(t, 'setfacl', 'getfacl')) return;
      const folder = newFolder(t);
      chmodSync(folder, 0o777);
      const path = join(folder, 'file');
      writeFileSync(path, 'old', { mode: 0o640 });
      run('setfacl', '-m', `u:${bob.uid}:rw`, path);
      const before = acl(path);
      for (let round = 0; round < 3; round++) {
        assert.deepEqual(knownLosses((await write(path, () => undefined)).notKept), []);
        assert.deepEqual(names(folder), ['file']);
        if (hasNative) assert.equal(acl(path), before);
      }
      if (process.platform === 'linux') assert.equal(openOf(folder).length, 0);
    });
  });
}

/** What this process has open in a folder, but for the folder itself and what was replaced, which stay for a moment. */
function openOf(folder: string): string[] {
  // Another thread may close some of them meanwhile, which `ls` then reports.
  const all = run('sh', '-c', `ls -l /proc/${process.pid}/fd 2>/dev/null; true`).split('\n');
  return all.filter((line) => line.includes(`${folder}/`) && !line.endsWith('(deleted)'));
}

describe('What a kill leaves of the private directory', () => {
  it('is found by a sweep (G10)', async (t) => {
    if (!needsTools(t, 'strace', 'setfacl')) return;
    const folder = newFolder(t);
    chmodSync(folder, 0o777);
    const path = join(folder, 'file');
    writeFileSync(path, 'old');
    run('setfacl', '-m', `u:${bob.uid}:rw`, path);
    const source = "import { writeFileSync } from 'untorn'; writeFileSync(process.argv[1], 'new');";
    const call = hasNative ? 'setxattr' : 'fchmod';
    const traced = [
      'strace',
      '-f',
      '-qq',
      '-o',
      '/dev/null',
      '-e',
      `trace=${call}`,
      '-e',
      `inject=${call}:signal=KILL`,
    ];
    assert.throws(() => run(...traced, process.execPath, '--input-type=module', '-e', source, path));
    assert.equal(names(folder).length, 2, names(folder).join(' '));
    const { removed, kept } = await sweep(folder);
    assert.deepEqual([removed.length, kept, names(folder)], [1, [], ['file']]);
  });
});

for (const { name, write } of apis) {
  it(`${name}() keeps attributes in a directory that all may write (G6)`, async (t) => {
    if (!needsTools(t, 'setfattr', 'getfattr')) return;
    const folder = newFolder(t);
    chmodSync(folder, 0o777);
    const path = join(folder, 'file');
    writeFileSync(path, 'old');
    run('setfattr', '-n', 'user.a', '-v', 'value', path);
    assert.deepEqual((await write(path, 'new')).notKept, hasNative ? [] : ['xattr']);
    const kept = run('getfattr', '--absolute-names', '-d', path);
    assert.equal(kept.includes('user.a="value"'), hasNative, kept);
  });
}
