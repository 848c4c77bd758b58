import assert from 'node:assert/strict';
import { lstatSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { apis, names, refusedWith, text } from '../support/apis.ts';
import { newFolder } from '../support/folder.ts';
import { needsRoot, needsTools } from '../support/needs.ts';
import { run } from '../support/run.ts';

for (const { name, write } of apis) {
  describe(`${name}() where there is no regular file`, () => {
    it('refuses a FIFO without waiting for its other end, and leaves it (G1)', async (t) => {
      if (!needsTools(t, 'mkfifo')) return;
      const folder = newFolder(t);
      run('mkfifo', join(folder, 'fifo'));
      await assert.rejects(write(join(folder, 'fifo'), 'content'), refusedWith('EINVAL'));
      assert.ok(lstatSync(join(folder, 'fifo')).isFIFO());
      assert.deepEqual(names(folder), ['fifo']);
    });

    it('refuses a socket, and leaves it', async (t) => {
      const path = join(newFolder(t), 'socket');
      const server = createServer().listen(path);
      try {
        await new Promise((resolve) => server.once('listening', resolve));
        await assert.rejects(write(path, 'content'), refusedWith('EINVAL'));
        assert.ok(lstatSync(path).isSocket());
      } finally {
        await new Promise((resolve) => server.close(resolve));
      }
    });

    it('refuses a device, also through a link, and leaves it', async (t) => {
      if (!needsRoot(t) || !needsTools(t, 'mknod')) return;
      const folder = newFolder(t);
      try {
        run('mknod', join(folder, 'null'), 'c', '1', '3');
      } catch (error) {
        t.skip(`cannot make a device: ${String(error)}`);
        return;
      }
      symlinkSync('null', join(folder, 'link'));
      await assert.rejects(write(join(folder, 'null'), 'content'), refusedWith('EINVAL'));
      await assert.rejects(write(join(folder, 'link'), 'content', { fallback: 'in-place' }), refusedWith('EINVAL'));
      assert.ok(lstatSync(join(folder, 'null')).isCharacterDevice());
      assert.deepEqual(names(folder), ['link', 'null']);
    });

    it('refuses an open descriptor under /proc/self/fd', async (t) => {
      if (process.platform !== 'linux') return t.skip('needs Linux');
      await assert.rejects(write('/proc/self/fd/1', 'content'), refusedWith('EINVAL'));
    });

    it('refuses a directory, empty or not, and a link to one', async (t) => {
      const folder = newFolder(t);
      mkdirSync(join(folder, 'empty'));
      symlinkSync('empty', join(folder, 'link'));
      for (const path of [folder, join(folder, 'empty'), join(folder, 'link'), '/'])
        await assert.rejects(write(path, 'content'), refusedWith('EISDIR'));
      assert.deepEqual(names(folder), ['empty', 'link']);
    });

    for (const end of ['file/', 'new/', 'directory/', 'directory/.', 'directory/..', '.', '..']) {
      it(`refuses a path that ends in ${end}`, async (t) => {
        const folder = newFolder(t);
        mkdirSync(join(folder, 'directory'));
        writeFileSync(join(folder, 'file'), 'old');
        await assert.rejects(write(`${folder}/${end}`, 'content'), refusedWith('EISDIR'));
        assert.deepEqual(names(folder), ['directory', 'file']);
        assert.equal(text(join(folder, 'file')), 'old');
      });
    }

    it('refuses a path below a file', async (t) => {
      const folder = newFolder(t);
      writeFileSync(join(folder, 'file'), 'old');
      await assert.rejects(write(join(folder, 'file/new'), 'content'), refusedWith('ENOTDIR'));
      await assert.rejects(
        write(join(folder, 'file/deep/new'), 'content', { makeParents: true }),
        refusedWith('ENOTDIR'),
      );
      assert.equal(text(join(folder, 'file')), 'old');
    });

    it('refuses a path in a directory that is not there', async (t) => {
      const folder = newFolder(t);
      await assert.rejects(write(join(folder, 'missing/new'), 'content'), refusedWith('ENOENT'));
      assert.deepEqual(names(folder), []);
    });

    it('makes missing parents when asked to (G3)', async (t) => {
      const folder = newFolder(t);
      const { durable } = await write(join(folder, 'a/b/c/new'), 'content', { makeParents: true });
      assert.equal(durable, true);
      assert.equal(text(join(folder, 'a/b/c/new')), 'content');
      assert.equal(lstatSync(join(folder, 'a/b')).mode & 0o777, 0o777 & ~process.umask());
    });

    it('makes the missing parents of what a dangling link leads to', async (t) => {
      const folder = newFolder(t);
      symlinkSync('a/b/new', join(folder, 'link'));
      await write(join(folder, 'link'), 'content', { makeParents: true });
      assert.equal(text(join(folder, 'a/b/new')), 'content');
    });
  });
}
