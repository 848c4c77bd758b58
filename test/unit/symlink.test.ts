import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  symlinkSync as plainLink,
  writeFileSync as plainWrite,
} from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, it } from 'node:test';
import { symlink, symlinkSync, writeFile } from 'untorn';
import { refusedWith } from '../support/apis.ts';
import { start } from '../support/child.ts';
import { newFolderForLinks } from '../support/native-part.ts';
import { scratch } from '../support/scratch.ts';
import { links } from '../support/verbs.ts';

const onWindows = process.platform === 'win32' && 'links need a privilege on Windows';

for (const { name, call } of links) {
  describe(`${name}()`, { skip: onWindows }, () => {
    const here = scratch();

    it('makes a link to what it was given, and says so', async (t) => {
      const link = join(newFolderForLinks(t), 'link');
      assert.deepEqual(await call('some/where', link), {
        path: link,
        target: 'some/where',
        replaced: false,
        superseded: false,
        durable: true,
      });
      assert.equal(readlinkSync(link), 'some/where');
    });

    it('replaces a file, a link, and a link to a directory', async () => {
      mkdirSync(here.at('directory'));
      plainWrite(here.at('file'), 'content');
      plainLink('nowhere', here.at('dangling'));
      plainLink('directory', here.at('to-directory'));
      for (const one of ['file', 'dangling', 'to-directory']) {
        assert.equal((await call('new', here.at(one))).replaced, true);
        assert.equal(readlinkSync(here.at(one)), 'new');
      }
      assert.deepEqual(here.names(), ['dangling', 'directory', 'file', 'to-directory']);
    });

    it('refuses a directory, and what exists if it may not replace it', async () => {
      mkdirSync(here.at('directory'));
      plainWrite(here.at('file'), 'content');
      await assert.rejects(call('new', here.at('directory')), refusedWith('EISDIR'));
      await assert.rejects(call('new', here.at('file'), { overwrite: false }), refusedWith('EEXIST'));
      assert.deepEqual(here.names(), ['directory', 'file']);
      await call('new', here.at('link'), { overwrite: false });
      assert.equal(readlinkSync(here.at('link')), 'new');
    });

    it('takes bytes and URLs, and makes parents if it is asked to', async () => {
      await call(Buffer.from([0x66, 0xff]), here.at('bytes'));
      assert.deepEqual(readlinkSync(here.at('bytes'), { encoding: 'buffer' }), Buffer.from([0x66, 0xff]));
      await call(pathToFileURL(here.at('file')), here.at('a/b'), { makeParents: true });
      assert.equal(readlinkSync(here.at('a/b')), here.at('file'));
    });

    it('refuses wrong arguments before anything is touched', async () => {
      for (const target of ['', 'a\0b', 5 as never, undefined as never])
        await assert.rejects(call(target, here.at('link')), /ERR_INVALID_ARG|"target"/);
      await assert.rejects(call('target', here.at('link'), { mode: 0o600 } as never), {
        code: 'ERR_INVALID_ARG_VALUE',
      });
      assert.deepEqual(here.names(), []);
    });
  });
}

describe('links beside other calls and processes', { skip: onWindows }, () => {
  const here = scratch();

  it('come in the order of the calls (G7)', async () => {
    for (let round = 0; round < 20; round++) {
      const path = here.at(`link-${round}`);
      const writing = writeFile(path, 'one');
      assert.throws(() => symlinkSync('nowhere', path), { code: 'ERR_LOCK_DEADLOCK', outcome: 'old' });
      await Promise.all([writing, symlink('nowhere', path)]);
      assert.equal(readlinkSync(path), 'nowhere');
      assert.equal(existsSync(here.at('nowhere')), false);
      await Promise.all([symlink('first', path), symlink('second', path)]);
      assert.equal(readlinkSync(path), 'second');
    }
  });

  it('are never absent for a reader, however often they are replaced (G1)', async () => {
    plainLink('0', here.at('link'));
    const reader = start(
      `import { readlinkSync } from 'node:fs'; let count = 0; console.log('reads');
       const end = Date.now() + 1000; while (Date.now() < end) { readlinkSync(process.argv[1]); count++; } console.log(count);`,
      [here.at('link')],
    );
    assert.equal(await reader.line(), 'reads');
    let isReading = true;
    void reader.ended.then(() => (isReading = false));
    for (let round = 0; isReading; round++) await symlink(String(round), here.at('link'), { durability: 'off' });
    const { status, stderr } = await reader.ended;
    assert.equal(status, 0, stderr);
    assert.deepEqual(here.names(), ['link']);
  });

  it('leave no temporary name when they fail', async () => {
    mkdirSync(here.at('directory'));
    await assert.rejects(symlink('new', here.at('directory')));
    await assert.rejects(symlink('x'.repeat(5000), here.at('link')), { code: 'ENAMETOOLONG', outcome: 'old' });
    assert.deepEqual(here.names(), ['directory']);
    assert.equal(existsSync(here.at('link')), false);
    assert.ok(lstatSync(here.at('directory')).isDirectory());
  });
});
