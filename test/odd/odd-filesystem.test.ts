/** The filesystem that misbehaves on command does so, and else nothing odd. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { mountOdd } from './odd-filesystem.ts';
import { alice, as } from '../support/as-user.ts';
import { run } from '../support/run.ts';

describe('the odd filesystem', () => {
  it('is like others where nothing is spoiled', async (t) => {
    const odd = await mountOdd(t);
    if (odd === undefined) return;
    const at = (name: string): string => join(odd.folder, name);
    fs.writeFileSync(at('a'), 'content', { mode: 0o640 });
    fs.linkSync(at('a'), at('b'));
    fs.symlinkSync('a', at('l'));
    fs.mkdirSync(at('d'));
    fs.renameSync(at('b'), at('d/b'));
    fs.appendFileSync(at('d/b'), ' and more');
    fs.utimesSync(at('a'), 1000, 2000);
    fs.chmodSync(at('a'), 0o604);
    fs.chownSync(at('a'), 5, 6);
    assert.equal(fs.readFileSync(at('l'), 'utf8'), 'content and more');
    const found = fs.statSync(at('d/b'));
    assert.deepEqual(
      [found.mode & 0o7777, found.uid, found.gid, found.mtimeMs, found.nlink],
      [0o604, 5, 6, 2_000_000, 2],
    );
    assert.equal(fs.statSync(at('a')).ino, found.ino);
    run('setfattr', '-n', 'user.a', '-v', 'b', at('a'));
    run('setfacl', '-m', 'u:7:r', at('a'));
    assert.match(run('getfattr', '--absolute-names', '-d', at('a')), /user\.a="b"/);
    assert.match(run('getfacl', '--absolute-names', '-n', at('a')), /user:7:r/);
    const open = fs.openSync(at('a'), 'r+');
    fs.unlinkSync(at('a'));
    fs.ftruncateSync(open, 3);
    assert.deepEqual([fs.fstatSync(open).size, fs.fstatSync(open).nlink], [3, 1]);
    fs.closeSync(open);
    run(...as(alice), 'touch', at('of-alice'));
    assert.deepEqual(
      [fs.statSync(at('of-alice')).uid, fs.readdirSync(odd.folder).toSorted()],
      [alice.uid, ['d', 'l', 'of-alice']],
    );
  });

  it('fails before or after a call, or does nothing', async (t) => {
    const odd = await mountOdd(t);
    if (odd === undefined) return;
    const at = (name: string): string => join(odd.folder, name);
    for (const name of ['a', 'b', 'c']) fs.writeFileSync(at(name), name);
    odd.fail({ call: 'unlink', path: /\/a$/, error: 'EIO' });
    odd.fail({ call: 'rename', path: /\/b$/, nth: 2, error: 'EIO', after: true });
    odd.fail({ call: 'chmod', times: Infinity });
    assert.throws(() => fs.unlinkSync(at('a')), { code: 'EIO' });
    fs.renameSync(at('b'), at('x'));
    assert.throws(() => fs.renameSync(at('x'), at('b')), { code: 'EIO' });
    const before = fs.statSync(at('a')).mode;
    fs.chmodSync(at('a'), 0o751);
    assert.equal(fs.statSync(at('a')).mode, before);
    assert.deepEqual(fs.readdirSync(odd.folder).toSorted(), ['a', 'b', 'c']);
    odd.fail({ call: 'open', path: /\/c$/, since: { call: 'rename' }, error: 'ENOENT', times: 2 });
    fs.readFileSync(at('c'));
    fs.renameSync(at('a'), at('d'));
    for (let i = 0; i < 2; i++) assert.throws(() => fs.readFileSync(at('c')), { code: 'ENOENT' });
    fs.readFileSync(at('c'));
    assert.equal(odd.calls('chmod').length, 1);
  });

  it('has short names, late and coarse times, inode numbers of paths, and one case', async (t) => {
    const odd = await mountOdd(t, {
      nameMax: 143,
      lag: 3600,
      grain: 2,
      pathInodes: true,
      ignoreCase: true,
      mode: 0o777,
      uid: 9,
    });
    if (odd === undefined) return;
    const at = (name: string): string => join(odd.folder, name);
    assert.throws(() => fs.writeFileSync(at('n'.repeat(144)), ''), { code: 'ENAMETOOLONG' });
    fs.writeFileSync(at('a'), 'a', { mode: 0o600 });
    const first = fs.statSync(at('a'));
    const behind = fs.statSync(join(odd.below, 'a')).mtimeMs - first.mtimeMs;
    assert.ok(behind >= 3_600_000 && behind < 3_602_000 && first.mtimeMs % 2000 === 0, `${behind}`);
    assert.deepEqual([first.mode & 0o7777, first.uid], [0o777, 9]);
    fs.linkSync(at('a'), at('c'));
    fs.renameSync(at('a'), at('b'));
    const all = [first, fs.statSync(at('b')), fs.statSync(at('c'))].map(({ ino }) => ino);
    assert.equal(new Set(all).size, 3);
    assert.equal(fs.statSync(at('B')).ino, all[1]);
    assert.equal(fs.readFileSync(at('B'), 'utf8'), 'a');
  });

  it('answers with attributes that are not there', async (t) => {
    const odd = await mountOdd(t);
    if (odd === undefined) return;
    fs.writeFileSync(join(odd.folder, 'a'), '');
    odd.fail({ call: 'listxattr', data: Buffer.from('user.odd\0'), times: Infinity });
    odd.fail({ call: 'getxattr', path: /user.odd/, data: Buffer.from('value'), times: Infinity });
    assert.match(run('getfattr', '--absolute-names', '-d', join(odd.folder, 'a')), /user\.odd="value"/);
  });
});
