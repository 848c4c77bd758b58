import assert from 'node:assert/strict';
import { chmodSync, chownSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { apis } from '../support/apis.ts';
import { alice, as, bob, dev, needsUsers } from '../support/as-user.ts';
import { newFolder } from '../support/folder.ts';
import { needsTools } from '../support/needs.ts';
import { run, writeElsewhere } from '../support/run.ts';

function acl(path: string): string {
  return run('getfacl', '--omit-header', '--absolute-names', '--numeric', '--no-effective', path)
    .trim()
    .replaceAll('\n', ',');
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
      assert.deepEqual(notKept, []);
      assert.equal(acl(path), before);
    });

    it('does not give the owning group what the mask allows others (G5)', async (t) => {
      const folder = aclFolder(t);
      if (folder === undefined) return;
      const path = join(folder, 'file');
      writeFileSync(path, 'old');
      run('setfacl', '-m', `g::r,u:${bob.uid}:rw,o::-`, path);
      await write(path, 'new');
      assert.match(acl(path), /group::r--/);
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
      assert.ok(group !== 'rw-', `the group that could read can ${group}`);
    });

    it("does not let a file without an ACL inherit its directory's (G5, G6)", async (t) => {
      const folder = aclFolder(t);
      if (folder === undefined) return;
      const path = join(folder, 'file');
      writeFileSync(path, 'old');
      chmodSync(path, 0o640);
      run('setfacl', '-d', '-m', `u:${bob.uid}:rwx,g:${dev}:rwx`, folder);
      const before = acl(path);
      await write(path, 'new');
      assert.equal(acl(path), before);
    });

    it('takes rights away and adds none where the name is not UTF-8, so that the ACL cannot be read (G5)', async (t) => {
      const folder = aclFolder(t);
      if (folder === undefined) return;
      const path = Buffer.concat([Buffer.from(`${folder}/file`), Buffer.from([0xff])]);
      writeFileSync(join(folder, 'made'), 'old');
      run('setfacl', '-m', `u::rw,g::r,u:${bob.uid}:rw,m::rw,o::-`, join(folder, 'made'));
      renameSync(join(folder, 'made'), path);
      run('setfacl', '-d', '-m', `u:${alice.uid}:rwx`, folder);
      const { notKept } = await write(path, 'new');
      assert.ok(notKept.includes('xattr'));
      renameSync(path, join(folder, 'made'));
      assert.equal(acl(join(folder, 'made')), 'user::rw-,group::---,other::---');
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
      const { notKept } = await write(path, 'new', { preserve: { xattr: 'require' } });
      assert.deepEqual(notKept, []);
      assert.equal(run('getfattr', '-d', '-e', 'hex', '--absolute-names', path), before);
    });
  });
}
