/** Modes, owners, times and attributes that are not as they were set, and optional calls that fail in odd ways. */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, readFileSync, statSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { NotKept } from 'untorn';
import { apis, names, refusedWith } from '../support/apis.ts';
import { bob } from '../support/as-user.ts';
import { hasNative, knownLosses, needsNative } from '../support/native-part.ts';
import { run } from '../support/run.ts';
import { mountOdd, type OddFilesystem, type Rule } from './odd-filesystem.ts';

/** A file with a mode, on a filesystem that follows rules. */
function prepare(odd: OddFilesystem, mode: number, ...rules: Rule[]): { path: string; below: string } {
  odd.forget();
  const [path, below] = [join(odd.folder, 'file'), join(odd.below, 'file')];
  writeFileSync(path, 'old');
  chmodSync(path, mode);
  for (const rule of rules) odd.fail(rule);
  return { path, below };
}

const modeOf = (path: string): number => statSync(path).mode & 0o7777;

for (const { name, write } of apis) {
  describe(`${name}(), where chmod and chown succeed and do nothing`, () => {
    it('fails for a mode or an owner that was given (G5, G6)', async (t) => {
      const odd = await mountOdd(t);
      if (odd === undefined) return;
      for (const [rule, options] of [
        ['chmod', { mode: 0o640 }],
        ['chown', { owner: { uid: bob.uid } }],
        ['chown', { owner: { gid: bob.gid } }],
      ] as const) {
        const { path, below } = prepare(odd, 0o644, { call: rule, times: Infinity });
        await assert.rejects(write(path, 'new', options), refusedWith('EPERM'));
        assert.deepEqual([readFileSync(below, 'utf8'), names(odd.below)], ['old', ['file']]);
        await assert.rejects(write(join(odd.folder, 'another'), 'new', options), refusedWith('EPERM'));
        assert.deepEqual(names(odd.below), ['file']);
      }
    });

    it('says what of the old file it did not keep, or fails where that is required (G6)', async (t) => {
      const odd = await mountOdd(t);
      if (odd === undefined) return;
      const { path } = prepare(odd, 0o664, { call: 'chmod', path: /tmp$/, times: Infinity });
      assert.deepEqual(knownLosses((await write(path, 'new')).notKept), ['mode']);
      const of = prepare(odd, 0o640);
      chownSync(of.path, bob.uid, bob.gid);
      odd.fail({ call: 'chown', times: Infinity });
      assert.deepEqual(knownLosses((await write(of.path, 'new')).notKept)?.toSorted(), ['group', 'mode', 'owner']);
      assert.equal(modeOf(of.below), 0o600);
      chownSync(of.below, bob.uid, bob.gid);
      await assert.rejects(write(of.path, 'new', { preserve: { owner: 'require' } }), refusedWith('EPERM'));
    });

    it('says that times are coarser here (G6)', async (t) => {
      const odd = await mountOdd(t, { grain: 2 });
      if (odd === undefined) return;
      const { path, below } = prepare(odd, 0o644);
      utimesSync(below, 1001, 1001);
      assert.deepEqual(knownLosses((await write(path, 'new', { preserve: { times: 'try' } })).notKept), []);
      odd.fail({ call: 'utimens', times: Infinity });
      assert.deepEqual(knownLosses((await write(path, 'new', { preserve: { times: 'try' } })).notKept), ['times']);
      utimesSync(below, 1001, 1001);
      await assert.rejects(write(path, 'new', { preserve: { times: 'require' } }), refusedWith('EPERM'));
    });

    it('writes no secret where the filesystem has no modes (G5)', async (t) => {
      const odd = await mountOdd(t, { mode: 0o777, uid: 0, gid: 0 });
      if (odd === undefined) return;
      const path = join(odd.folder, 'file');
      await assert.rejects(write(path, 'secret', { mode: 0o600 }), refusedWith('EPERM'));
      assert.deepEqual([names(odd.below), odd.calls('write')], [[], []]);
      await assert.rejects(write(path, 'secret', { owner: { uid: bob.uid } }), refusedWith('EPERM'));
      await write(path, 'for all');
      assert.deepEqual(knownLosses((await write(path, 'for all')).notKept), []);
    });

    it('keeps the rest of a mode of which the set-id bits are refused (G6)', async (t) => {
      const odd = await mountOdd(t);
      if (odd === undefined) return;
      const { path, below } = prepare(odd, 0o2664, { call: 'chmod', path: /tmp$/, error: 'EPERM' });
      assert.deepEqual([knownLosses((await write(path, 'new')).notKept), modeOf(below)], [['mode'], 0o664]);
    });
  });

  describe(`${name}(), where an optional call fails in an odd way`, () => {
    const errors = [
      'EIO',
      'E2BIG',
      'EFAULT',
      'ENODATA',
      'EEXIST',
      'ENOSPC',
      'EDQUOT',
      'ERANGE',
      'ENOTTY',
      'EACCES',
      'ENOMEM',
    ] as const;
    const kinds: readonly [Rule['call'], NotKept, { xattr?: 'require'; owner?: 'require' }][] = [
      ['listxattr', 'xattr', { xattr: 'require' }],
      ['setxattr', 'xattr', { xattr: 'require' }],
      ['getxattr', 'xattr', { xattr: 'require' }],
      ['chown', 'owner', { owner: 'require' }],
    ];
    for (const [call, what, required] of kinds) {
      it(`writes all the same, and says what was not kept: ${call} (G6)`, async (t) => {
        const odd = await mountOdd(t);
        if (odd === undefined) return;
        for (const error of errors) {
          const { path, below } = prepare(odd, 0o644);
          chownSync(path, bob.uid, 0);
          run('setfattr', '-n', 'user.a', '-v', 'value', path);
          odd.fail({ call, error, times: Infinity, ...(call === 'getxattr' && { path: /user.a/ }) });
          await assert.rejects(write(path, 'new', { preserve: required }), ({ outcome }) => outcome === 'old');
          const { notKept } = await write(path, error);
          assert.ok(notKept.includes(what), `${error}: ${notKept.join(' ')}`);
          assert.deepEqual([readFileSync(below, 'utf8'), names(odd.below)], [error, ['file']]);
          unlinkSync(below);
        }
      });
    }

    it('says that an attribute was not kept that is listed and has no value (G6)', async (t) => {
      const odd = await mountOdd(t);
      if (odd === undefined) return;
      const { path } = prepare(odd, 0o644, {
        call: 'listxattr',
        data: Buffer.from([...Buffer.from('user.'), 0xff, 0]),
        times: Infinity,
      });
      assert.deepEqual((await write(path, 'new')).notKept, ['xattr']);
    });

    it('reports an attribute that is as it was after a setxattr that did nothing (G6)', async (t) => {
      const odd = await mountOdd(t);
      if (odd === undefined) return;
      const { path } = prepare(odd, 0o644);
      run('setfattr', '-n', 'user.a', '-v', 'value', path);
      odd.fail({ call: 'setxattr', times: Infinity });
      const code = hasNative ? 'EPERM' : 'ENOTSUP';
      await assert.rejects(write(path, 'new', { preserve: { xattr: 'require' } }), refusedWith(code));
      assert.deepEqual((await write(path, 'new')).notKept, ['xattr']);
    });

    it("asks for no attribute with 'off', and lets none stop the write", async (t) => {
      const odd = await mountOdd(t);
      if (odd === undefined) return;
      const all = ['listxattr', 'getxattr', 'setxattr', 'removexattr'] as const;
      const { path } = prepare(odd, 0o644, ...all.map((call) => ({ call, error: 'EIO', times: Infinity }) as const));
      for (const options of [{}, { ifUnchanged: 'skip' }, { backup: 'simple' }] as const) {
        assert.deepEqual((await write(path, 'new', { preserve: { xattr: 'off' }, ...options })).notKept, []);
      }
      assert.equal(modeOf(path), 0o644);
      // The kernel itself asks for these: of the rights to the directory, and when a file is written.
      assert.deepEqual(
        all.flatMap((call) => odd.calls(call)).filter((one) => !/posix_acl|security\.capability/.test(one)),
        [],
      );
    });

    for (const [how, rule] of Object.entries({
      'cannot be read': { call: 'getxattr', path: /\/file$/, error: 'EACCES', times: Infinity },
      'is not told of': { call: 'listxattr', error: 'EIO', times: Infinity },
      'cannot be set': { call: 'setxattr', error: 'EIO', times: Infinity },
    } as const satisfies Record<string, Rule>)) {
      it(`gives the group nothing that the ACL kept from it, where that ${how} (G5)`, async (t) => {
        if (!needsNative(t)) return;
        const odd = await mountOdd(t);
        if (odd === undefined) return;
        const { path, below } = prepare(odd, 0o600);
        run('setfacl', '-m', `g::-,u:${bob.uid}:rw`, path);
        assert.equal(modeOf(path), 0o660);
        odd.fail(rule);
        await assert.rejects(
          write(path, 'secret', { preserve: { xattr: 'require' } }),
          ({ outcome }) => outcome === 'old',
        );
        const { notKept } = await write(path, 'secret');
        assert.ok(notKept.includes('acl') || notKept.includes('xattr'), notKept.join(' '));
        const told = run('getfacl', '--absolute-names', '-n', below);
        assert.match(told, /group::---/);
      });
    }

    it('keeps an ACL that is not listed (G5, G6)', async (t) => {
      if (!needsNative(t)) return;
      const odd = await mountOdd(t);
      if (odd === undefined) return;
      for (const preserve of [{}, { xattr: 'require' }] as const) {
        const { path, below } = prepare(odd, 0o600, { call: 'listxattr', data: Buffer.alloc(0), times: Infinity });
        run('setfacl', '-m', `g::-,u:${bob.uid}:rw`, path);
        const before = run('getfacl', '--absolute-names', '-n', below);
        assert.deepEqual((await write(path, 'new', { preserve })).notKept, []);
        assert.equal(run('getfacl', '--absolute-names', '-n', below), before);
      }
    });

    it("leaves nobody in who is in the directory's default ACL, where that cannot be taken off (G5)", async (t) => {
      if (!needsNative(t)) return;
      const odd = await mountOdd(t);
      if (odd === undefined) return;
      const { path, below } = prepare(odd, 0o640);
      run('setfacl', '-d', '-m', `u:${bob.uid}:rw`, odd.folder);
      for (const rule of [
        { call: 'removexattr', error: 'EIO', times: Infinity },
        { call: 'removexattr', times: Infinity },
      ] as const) {
        odd.fail(rule);
        await write(path, 'secret');
        assert.doesNotMatch(
          run('getfacl', '--absolute-names', '-n', '-e', below),
          new RegExp(`user:${bob.uid}:.*effective:r`),
        );
        odd.forget();
      }
    });
  });
}
