import assert from 'node:assert/strict';
import {
  chmodSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { apis, names, refusedWith, text } from '../support/apis.ts';
import { alice, as, bob, needsUsers } from '../support/as-user.ts';
import { newFolder } from '../support/folder.ts';
import { mountNew } from '../support/mount.ts';
import { writeElsewhere } from '../support/run.ts';

for (const { name, write } of apis) {
  describe(`${name}() of a symbolic link`, () => {
    for (const dangling of [false, true]) {
      const which = dangling ? 'dangling ' : '';
      it(`follows a relative ${which}link (G6)`, async (t) => {
        const folder = newFolder(t);
        mkdirSync(join(folder, 'there'));
        mkdirSync(join(folder, 'here'));
        if (!dangling) writeFileSync(join(folder, 'there/file'), 'old');
        symlinkSync('../there/file', join(folder, 'here/link'));
        assert.equal((await write(join(folder, 'here/link'), 'new')).replaced, !dangling);
        assert.equal(readlinkSync(join(folder, 'here/link')), '../there/file');
        assert.equal(text(join(folder, 'there/file')), 'new');
        assert.deepEqual([names(join(folder, 'here')), names(join(folder, 'there'))], [['link'], ['file']]);
      });

      it(`follows an absolute ${which}link (G6)`, async (t) => {
        const folder = newFolder(t);
        if (!dangling) writeFileSync(join(folder, 'file'), 'old');
        symlinkSync(join(folder, 'file'), join(folder, 'link'));
        assert.equal((await write(join(folder, 'link'), 'new')).path, join(folder, 'file'));
        assert.deepEqual(names(folder), ['file', 'link']);
        assert.equal(text(join(folder, 'file')), 'new');
      });

      it(`follows a chain of forty links that ends ${dangling ? 'nowhere' : 'at a file'}`, async (t) => {
        const folder = newFolder(t);
        if (!dangling) writeFileSync(join(folder, 'link0'), 'old');
        for (let i = 1; i <= 40; i++)
          symlinkSync(i % 2 === 0 ? `link${i - 1}` : join(folder, `link${i - 1}`), join(folder, `link${i}`));
        await write(join(folder, 'link40'), 'new');
        assert.ok(lstatSync(join(folder, 'link0')).isFile());
        assert.ok(lstatSync(join(folder, 'link1')).isSymbolicLink());
        assert.equal(text(join(folder, 'link0')), 'new');
      });
    }

    it('resolves a relative link from where the link really is', async (t) => {
      const folder = newFolder(t);
      mkdirSync(join(folder, 'real/inner'), { recursive: true });
      symlinkSync('../file', join(folder, 'real/inner/link'));
      symlinkSync('real/inner', join(folder, 'alias'));
      await write(join(folder, 'alias/link'), 'new');
      assert.equal(text(join(folder, 'real/file')), 'new');
    });

    it('fails with ELOOP for a loop, and for a chain of more than forty', async (t) => {
      const folder = newFolder(t);
      symlinkSync('b', join(folder, 'a'));
      symlinkSync('a', join(folder, 'b'));
      symlinkSync('self', join(folder, 'self'));
      for (let i = 1; i <= 41; i++) symlinkSync(`link${i - 1}`, join(folder, `link${i}`));
      for (const link of ['a', 'self', 'link41'])
        await assert.rejects(write(join(folder, link), 'new'), refusedWith('ELOOP'));
      assert.equal(names(folder).length, 44);
    });

    it("replaces the link itself with symlink: 'replace', also a loop", async (t) => {
      const folder = newFolder(t);
      writeFileSync(join(folder, 'file'), 'old');
      symlinkSync('file', join(folder, 'link'));
      symlinkSync('self', join(folder, 'self'));
      for (const link of ['link', 'self']) {
        await write(join(folder, link), 'new', { symlink: 'replace' });
        assert.ok(lstatSync(join(folder, link)).isFile());
        assert.equal(lstatSync(join(folder, link)).mode & 0o7777, 0o666 & ~process.umask());
      }
      assert.equal(text(join(folder, 'file')), 'old');
    });

    it("refuses a link with symlink: 'refuse', also a dangling one, and takes a file", async (t) => {
      const folder = newFolder(t);
      writeFileSync(join(folder, 'file'), 'old');
      symlinkSync('file', join(folder, 'link'));
      symlinkSync('missing', join(folder, 'dangling'));
      for (const link of ['link', 'dangling'])
        await assert.rejects(write(join(folder, link), 'new', { symlink: 'refuse' }), refusedWith('ELOOP'));
      assert.deepEqual(names(folder), ['dangling', 'file', 'link']);
      assert.equal(text(join(folder, 'file')), 'old');
      await write(join(folder, 'file'), 'new', { symlink: 'refuse' });
    });

    it('replaces a target on another filesystem, atomically and there (G1)', async (t) => {
      const mount = mountNew(t, 'tmpfs');
      if (mount === undefined) return;
      const folder = newFolder(t);
      writeFileSync(join(mount, 'file'), 'old');
      symlinkSync(join(mount, 'file'), join(folder, 'link'));
      const { ino } = statSync(join(mount, 'file'));
      const { atomic } = await write(join(folder, 'link'), 'new');
      assert.equal(atomic, true);
      assert.notEqual(statSync(join(mount, 'file')).ino, ino);
      assert.equal(text(join(mount, 'file')), 'new');
      assert.deepEqual([names(folder), names(mount)], [['link'], ['file']]);
    });

    it("refuses another user's link in a sticky directory that all may write, and follows one's own (G5)", async (t) => {
      if (!(await needsUsers(t))) return;
      const folder = newFolder(t);
      chmodSync(folder, 0o1777);
      writeFileSync(join(folder, 'victim'), 'old');
      chmodSync(join(folder, 'victim'), 0o666);
      symlinkSync('victim', join(folder, 'trap'));
      lchownSync(join(folder, 'trap'), alice.uid, alice.gid);
      symlinkSync('own-file', join(folder, 'own'));
      lchownSync(join(folder, 'own'), bob.uid, bob.gid);
      for (const user of [[], as(bob)]) {
        const { error } = await writeElsewhere(name, user, join(folder, 'trap'), 'new');
        assert.deepEqual([error?.code, error?.outcome], ['EACCES', 'old']);
      }
      assert.equal(text(join(folder, 'victim')), 'old');
      assert.ok((await writeElsewhere(name, as(bob), join(folder, 'own'), 'new')).result);
      assert.equal(text(join(folder, 'own-file')), 'new');
    });
  });

  describe(`${name}() of a file with several hard links`, () => {
    it('gives the new content to this name alone (G1)', async (t) => {
      const folder = newFolder(t);
      writeFileSync(join(folder, 'file'), 'old');
      await write(join(folder, 'unrelated'), 'x', { hardLink: 'refuse' });
      linkSync(join(folder, 'file'), join(folder, 'other'));
      await assert.rejects(write(join(folder, 'file'), 'new', { hardLink: 'refuse' }), refusedWith('EMLINK'));
      assert.equal(text(join(folder, 'file')), 'old');
      await write(join(folder, 'file'), 'new');
      assert.deepEqual([text(join(folder, 'file')), text(join(folder, 'other'))], ['new', 'old']);
    });
  });
}
