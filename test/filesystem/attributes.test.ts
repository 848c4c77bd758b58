import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { apis, names, refusedWith } from '../support/apis.ts';
import { alice, as, bob, dev, needsUsers } from '../support/as-user.ts';
import { newFolder } from '../support/folder.ts';
import { hasNative } from '../support/native-part.ts';
import { environment, needsTools } from '../support/needs.ts';
import { run, writeElsewhere } from '../support/run.ts';

function acl(path: string): string {
  return run('getfacl', '--omit-header', '--absolute-names', '--numeric', '--no-effective', path)
    .trim()
    .replaceAll('\n', ',');
}

/** The names and values of the user's attributes, each byte as a character. */
function attributesOf(path: string): string {
  const shown = execFileSync('getfattr', ['-d', '--absolute-names', path], { encoding: 'latin1', env: environment });
  // It writes some bytes in octal.
  return shown.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** A folder where ACLs work. */
function aclFolder(t: TestContext): string | undefined {
  if (!needsTools(t, 'setfacl', 'getfacl')) return undefined;
  const folder = newFolder(t);
  try {
    writeFileSync(join(folder, 'probe'), '');
    run('setfacl', '-m', `u:${bob.uid}:r`, join(folder, 'probe'));
  } catch {
    t.skip('needs a filesystem with ACLs');
    return undefined;
  }
  return folder;
}

for (const { name, write } of apis) {
  describe(`${name}() and ACLs`, () => {
    it('keeps an ACL exactly: users, groups and mask (G6)', async (t) => {
      const folder = aclFolder(t);
      if (folder === undefined) return;
      const path = join(folder, 'file');
      writeFileSync(path, 'old');
      run('setfacl', '-m', `u::rw,u:${bob.uid}:rw,u:${alice.uid}:-,g::r,g:${dev}:rwx,m::rw,o::-`, path);
      const before = acl(path);
      const { notKept } = await write(path, 'new');
      assert.deepEqual(notKept, hasNative ? [] : ['xattr']);
      if (hasNative) assert.equal(acl(path), before);
      else assert.ok(!/user:6|group:6/.test(acl(path)), acl(path));
    });

    it('does not give the owning group what the mask allows others (G5)', async (t) => {
      const folder = aclFolder(t);
      if (folder === undefined) return;
      const path = join(folder, 'file');
      writeFileSync(path, 'old');
      run('setfacl', '-m', `g::r,u:${bob.uid}:rw,o::-`, path);
      const { notKept } = await write(path, 'new');
      assert.deepEqual(notKept, hasNative ? [] : ['xattr']);
      // Without the native part nothing tells that the group's bits are a mask.
      assert.match(acl(path), hasNative ? /group::r--/ : /group::rw-/);
    });

    it("drops it with preserve.xattr 'off' (G5)", async (t) => {
      const folder = aclFolder(t);
      if (folder === undefined) return;
      const path = join(folder, 'file');
      writeFileSync(path, 'old');
      run('setfacl', '-m', `u::rw,g::r,u:${bob.uid}:rw,o::-`, path);
      await write(path, 'new', { preserve: { xattr: 'off' } });
      const [, group] = /group::(...)/.exec(acl(path)) ?? [];
      assert.ok(!acl(path).includes('user:6'));
      if (hasNative) assert.ok(group !== 'rw-', `the group that could read can ${group}`);
    });

    it("does not let a file without an ACL inherit its directory's (G5, G6)", async (t) => {
      const folder = aclFolder(t);
      if (folder === undefined) return;
      const path = join(folder, 'file');
      writeFileSync(path, 'old');
      chmodSync(path, 0o640);
      run('setfacl', '-d', '-m', `u:${bob.uid}:rwx,g:${dev}:rwx`, folder);
      const before = acl(path);
      const { notKept } = await write(path, 'new');
      assert.deepEqual(notKept, hasNative ? [] : ['xattr']);
      if (hasNative) assert.equal(acl(path), before);
    });

    it('keeps it where the name of the file is not UTF-8 (G5, G6)', async (t) => {
      const folder = aclFolder(t);
      if (folder === undefined) return;
      const made = join(folder, 'made');
      const path = Buffer.concat([Buffer.from(`${folder}/file`), Buffer.from([0xff])]);
      writeFileSync(made, 'old');
      run('setfacl', '-m', `u::rw,g::r,u:${bob.uid}:rw,m::rw,o::-`, made);
      const before = acl(made);
      renameSync(made, path);
      run('setfacl', '-d', '-m', `u:${alice.uid}:rwx`, folder);
      const { notKept } = await write(path, 'new');
      assert.deepEqual(notKept, hasNative ? [] : ['xattr']);
      renameSync(path, made);
      if (hasNative) assert.equal(acl(made), before);
    });

    it('keeps it in a directory that others can write and that is not sticky (G5, G6)', async (t) => {
      const folder = aclFolder(t);
      if (folder === undefined) return;
      chmodSync(folder, 0o777);
      const path = join(folder, 'file');
      writeFileSync(path, 'old');
      run('setfacl', '-m', `u::rw,g::r,u:${bob.uid}:rw,m::rw,o::-`, path);
      const before = acl(path);
      const { notKept } = await write(path, 'new');
      assert.deepEqual(notKept, hasNative ? [] : ['xattr']);
      if (hasNative) assert.equal(acl(path), before);
      assert.deepEqual(names(folder), ['file', 'probe']);
    });

    it('gives a new file in a directory with a default ACL what fs.writeFile() gives', async (t) => {
      const folder = aclFolder(t);
      if (folder === undefined) return;
      run('setfacl', '-d', '-m', `u:${bob.uid}:rwx,g:${dev}:rx,o::-`, folder);
      writeFileSync(join(folder, 'theirs'), 'content');
      await write(join(folder, 'ours'), 'content');
      assert.equal(acl(join(folder, 'ours')), acl(join(folder, 'theirs')));
    });

    it('gives another group no more than others have, without taking from the users that the ACL names (G5, G6)', async (t) => {
      if (!(await needsUsers(t))) return;
      const folder = aclFolder(t);
      if (folder === undefined) return;
      chmodSync(folder, 0o777);
      const path = join(folder, 'file');
      writeFileSync(path, 'old');
      chownSync(path, alice.uid, dev);
      run('setfacl', '-m', `u::rw,g::rw,u:${bob.uid}:rw,o::-`, path);
      const { result } = await writeElsewhere(name, as(bob), path, 'new');
      assert.ok(result?.notKept.includes('group'));
      const { gid, mode } = statSync(path);
      assert.equal(gid, bob.gid);
      const [, group] = /group::(...)/.exec(acl(path)) ?? [];
      assert.ok(group === '---' || (mode & 0o070) === 0, acl(path));
    });
  });

  describe(`${name}() and extended attributes`, () => {
    it("keeps the user's, of any bytes and empty, and keeps a mode that goes with them (G6)", async (t) => {
      if (!needsTools(t, 'setfattr', 'getfattr')) return;
      const path = join(newFolder(t), 'file');
      writeFileSync(path, 'old');
      try {
        run('setfattr', '-n', 'user.note', '-v', '0x00ff800a', path);
      } catch {
        return t.skip('needs a filesystem with user attributes');
      }
      run('setfattr', '-n', 'user.empty', path);
      run('setfattr', '-n', 'user.long', '-v', 'x'.repeat(2000), path);
      const before = run('getfattr', '-d', '-e', 'hex', '--absolute-names', path);
      if (hasNative) {
        const { notKept } = await write(path, 'new', { preserve: { xattr: 'require' } });
        assert.deepEqual(notKept, []);
        assert.equal(run('getfattr', '-d', '-e', 'hex', '--absolute-names', path), before);
        return;
      }
      await assert.rejects(write(path, 'new', { preserve: { xattr: 'require' } }), refusedWith('ENOTSUP'));
      assert.equal(run('getfattr', '-d', '-e', 'hex', '--absolute-names', path), before);
      assert.deepEqual((await write(path, 'new')).notKept, ['xattr']);
    });

    it('keeps names that are not valid UTF-8 (G6)', async (t) => {
      if (!needsTools(t, 'setfattr', 'getfattr')) return;
      const path = join(newFolder(t), 'file');
      writeFileSync(path, 'old');
      // The bytes of the names in octal: a lone byte, Latin-1, half of a pair, and text.
      for (const name of ['\\377', 'caf\\351', '\\355\\240\\200', 'caf\\303\\251']) {
        try {
          run('sh', '-c', `setfattr -n "$(printf 'user.${name}')" -v ${name.length} "$1"`, 'sh', path);
        } catch {
          return t.skip('needs a filesystem with user attributes');
        }
      }
      const before = attributesOf(path);
      assert.ok(
        ['user.\xff', 'user.caf\xe9'].every((name) => before.includes(name)),
        before,
      );
      const { notKept } = await write(path, 'new');
      assert.deepEqual(notKept, hasNative ? [] : ['xattr']);
      assert.equal(attributesOf(path), hasNative ? before : '');
    });
  });
}
