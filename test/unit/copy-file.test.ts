import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  appendFileSync as plainAppend,
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync as plainWrite,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { copyFile, readVersionedSync, writeFile, writeFileSync } from 'untorn';
import { names, refusedWith, text } from '../support/apis.ts';
import { start } from '../support/child.ts';
import { mountNew } from '../support/mount.ts';
import { scratch } from '../support/scratch.ts';
import { copies } from '../support/verbs.ts';

for (const { name, call } of copies) {
  describe(`${name}()`, () => {
    const here = scratch();

    it('copies a file of any size, and gives the result of a write', async () => {
      for (const size of [0, 1, (1 << 20) - 1, 1 << 20, (20 << 20) + 7]) {
        const content = Buffer.alloc(size, 'abcdefg');
        plainWrite(here.at('from'), content);
        const { path, bytes, durable } = await call(here.at('from'), here.at('to'));
        assert.deepEqual([path, bytes, durable], [here.at('to'), size, true]);
        assert.ok(here.text('to') === content.toString(), `${size} bytes`);
        assert.deepEqual(here.names(), ['from', 'to']);
      }
    });

    it('gives a new file the rights of the old one less the umask, and a replaced file its own (G5, G6)', async () => {
      const umask = process.umask();
      for (const mode of [0o600, 0o644, 0o755, 0o666]) {
        plainWrite(here.at('from'), 'content');
        chmodSync(here.at('from'), mode);
        await call(here.at('from'), here.at(`new-${mode}`));
        assert.equal(statSync(here.at(`new-${mode}`)).mode & 0o7777, mode & ~umask);
      }
      plainWrite(here.at('to'), 'old');
      chmodSync(here.at('to'), 0o640);
      await call(here.at('from'), here.at('to'));
      assert.equal(statSync(here.at('to')).mode & 0o7777, 0o640);
      await call(here.at('from'), here.at('given'), { mode: 0o604 });
      assert.equal(statSync(here.at('given')).mode & 0o7777, 0o604);
    });

    it('follows links on both sides, and leaves other names of the old file alone', async () => {
      plainWrite(here.at('from'), 'content');
      plainWrite(here.at('to'), 'old');
      linkSync(here.at('to'), here.at('other'));
      symlinkSync('from', here.at('link-from'));
      symlinkSync('to', here.at('link-to'));
      assert.equal((await call(here.at('link-from'), here.at('link-to'))).path, here.at('to'));
      assert.deepEqual([here.text('to'), here.text('other')], ['content', 'old']);
    });

    it('takes the options of a write', async () => {
      plainWrite(here.at('from'), 'content');
      plainWrite(here.at('to'), 'old');
      await assert.rejects(call(here.at('from'), here.at('to'), { overwrite: false }), refusedWith('EEXIST'));
      const { version } = readVersionedSync(here.at('from'));
      await assert.rejects(
        call(here.at('from'), here.at('to'), { ifMatch: version }),
        refusedWith('ERR_VERSION_CONFLICT'),
      );
      const old = readVersionedSync(here.at('to')).version;
      assert.equal((await call(here.at('from'), here.at('to'), { ifMatch: old, backup: 'simple' })).version, version);
      assert.deepEqual([here.text('to'), here.text('to~')], ['content', 'old']);
      await call(here.at('from'), here.at('a/b'), { makeParents: true });
      assert.equal((await call(here.at('from'), here.at('to'), { ifUnchanged: 'skip' })).unchanged, true);
    });

    it('refuses what is no file, and keeps the old one', async () => {
      plainWrite(here.at('to'), 'old');
      mkdirSync(here.at('directory'));
      assert.equal(spawnSync('mkfifo', [here.at('fifo')]).status, 0);
      for (const [from, code] of [
        ['missing', 'ENOENT'],
        ['directory', 'EISDIR'],
        ['fifo', 'EINVAL'],
      ] as const)
        await assert.rejects(call(here.at(from), here.at('to')), refusedWith(code), from);
      assert.deepEqual([here.text('to'), here.names()], ['old', ['directory', 'fifo', 'to']]);
      await assert.rejects(call('nowhere', 'there'), { path: 'nowhere', dest: 'there', step: 'read source' });
    });

    it('refuses wrong arguments before anything is touched', async () => {
      plainWrite(here.at('from'), 'content');
      await assert.rejects(call(here.at('from'), here.at('to'), 1 as never), /overwrite: false/);
      await assert.rejects(call(here.at('from'), here.at('to'), { encoding: 'utf8' } as never), {
        code: 'ERR_INVALID_ARG_VALUE',
      });
      assert.deepEqual(here.names(), ['from']);
    });

    it('keeps the old file when the disk fills (G1, G4, G10)', async (t) => {
      const mount = mountNew(t, 'tmpfs');
      if (mount === undefined) return;
      plainWrite(here.at('from'), Buffer.alloc(3 << 20, 'x'));
      plainWrite(join(mount, 'to'), 'old');
      await assert.rejects(call(here.at('from'), join(mount, 'to')), refusedWith('ENOSPC'));
      assert.deepEqual([text(join(mount, 'to')), names(mount)], ['old', ['to']]);
    });
  });
}

describe('copying beside others', () => {
  const here = scratch();

  it('refuses a file that is written while it is copied, and keeps the old copy', async () => {
    plainWrite(here.at('from'), Buffer.alloc(64 << 20, 'x'));
    plainWrite(here.at('to'), 'old');
    const copying = copyFile(here.at('from'), here.at('to'));
    while (here.names().length < 3) await new Promise(setImmediate);
    plainAppend(here.at('from'), 'more');
    await assert.rejects(copying, refusedWith('ERR_UNTORN_DATA_CHANGED'));
    assert.deepEqual([here.text('to'), here.names()], ['old', ['from', 'to']]);
  });

  it('copies a file that does not tell its size', { skip: process.platform !== 'linux' && 'needs /proc' }, async () => {
    await copyFile('/proc/version', here.at('version'));
    assert.equal(text(here.at('version')), text('/proc/version'));
  });

  for (const { name, call } of copies) {
    it(`copies a file of the kernel that says more than it has, by ${name}()`, async (t) => {
      const from = '/sys/class/net/lo/mtu';
      if (!existsSync(from)) {
        t.skip('needs /sys');
        return;
      }
      assert.ok(statSync(from).size > text(from).length);
      await call(from, here.at('mtu'));
      assert.equal(text(here.at('mtu')), text(from));
    });
  }

  it('refuses a file that is cut while it is copied, and keeps the old copy', async () => {
    plainWrite(here.at('from'), Buffer.alloc(64 << 20, 'x'));
    plainWrite(here.at('to'), 'old');
    const copying = copyFile(here.at('from'), here.at('to'));
    while (here.names().length < 3) await new Promise(setImmediate);
    truncateSync(here.at('from'), 1);
    await assert.rejects(copying, refusedWith('ERR_UNTORN_DATA_CHANGED'));
    assert.deepEqual([here.text('to'), here.names()], ['old', ['from', 'to']]);
  });

  it('copies a file that is replaced meanwhile as it was', async () => {
    const old = Buffer.alloc(64 << 20, 'x');
    plainWrite(here.at('from'), old);
    const copying = copyFile(here.at('from'), here.at('to'));
    const program = start(
      `import { writeFileSync } from 'untorn'; writeFileSync(process.argv[1], 'new'); console.log('replaced');`,
      [here.at('from')],
    );
    await program.line();
    await Promise.all([copying, program.ended]);
    const { size } = statSync(here.at('to'));
    assert.ok(size === old.length || size === 3, `${size} bytes`);
  });

  it('comes in the order of the calls (G7)', async () => {
    plainWrite(here.at('from'), 'copied');
    for (let round = 0; round < 20; round++) {
      await Promise.all([writeFile(here.at('to'), 'one'), copyFile(here.at('from'), here.at('to'))]);
      assert.equal(here.text('to'), 'copied');
      const copying = copyFile(here.at('from'), here.at('to'));
      writeFileSync(here.at('to'), 'two');
      assert.equal((await copying).superseded, true);
      assert.equal(here.text('to'), 'two');
    }
  });

  it('ends by an abort, and keeps the old file', async () => {
    plainWrite(here.at('from'), Buffer.alloc(64 << 20, 'x'));
    plainWrite(here.at('to'), 'old');
    const controller = new AbortController();
    const copying = copyFile(here.at('from'), here.at('to'), { signal: controller.signal });
    setImmediate(() => controller.abort());
    await assert.rejects(copying, { name: 'AbortError', outcome: 'old' });
    assert.deepEqual([here.text('to'), here.names()], ['old', ['from', 'to']]);
  });

  it('copies hundreds of files at once', async () => {
    plainWrite(here.at('from'), 'content');
    const all = Array.from({ length: 400 }, (_, index) => here.at(`to-${index}`));
    await Promise.all(all.map((path) => copyFile(here.at('from'), path, { durability: 'off' })));
    for (const path of all) assert.equal(text(path), 'content');
  });
});
