/** Flags of inodes (chattr(1)): NOCOW of Btrfs, which a file gets only while it is empty, and nodump. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync as plainWrite } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readFlags } from '#untorn/files/inode-flags.js';
import type { Target } from '#untorn/files/target.js';
import { native } from '#untorn/system/native.js';
import { runSync } from '#untorn/system/systems.js';
import { apis, text } from '../support/apis.ts';
import { needsOrdinaryUser } from '../support/as-user.ts';
import { needsNative } from '../support/native-part.ts';
import { mountNew, type FilesystemKind } from '../support/mount.ts';
import { needsTools } from '../support/needs.ts';
import { finished, run, script } from '../support/run.ts';
import { scratch } from '../support/scratch.ts';
import { syncSystem } from '../support/systems.ts';

const cases: readonly (readonly [FilesystemKind, string])[] = [
  ['btrfs', 'C'],
  ['btrfs', 'd'],
  ['ext4', 'd'],
  ['xfs', 'd'],
];

function flagsOf(path: string): string {
  return (spawnSync('lsattr', [path], { encoding: 'utf8' }).stdout.split(' ')[0] ?? '').replaceAll('-', '');
}

for (const { name, write } of apis) {
  describe(`${name}() and flags of inodes`, () => {
    for (const [kind, flag] of cases) {
      it(`keeps "${flag}" on ${kind} with the native part, and sets no other (G5)`, async (t) => {
        if (!needsTools(t, 'chattr', 'lsattr')) return;
        const mount = mountNew(t, kind);
        if (mount === undefined) return;
        const path = join(mount, 'file');
        plainWrite(path, '');
        run('chattr', `+${flag}`, path);
        plainWrite(path, 'old');
        const before = flagsOf(path);
        assert.ok(before.includes(flag));
        const { notKept } = await write(path, 'new');
        assert.equal(text(path), 'new');
        assert.equal(flagsOf(path).includes(flag), native() !== undefined);
        assert.deepEqual(notKept, native() === undefined ? ['xattr'] : []);
        await write(path, 'newer', { preserve: { flags: false } });
        assert.equal(flagsOf(path).includes(flag), false);
      });
    }
  });

  describe(`${name}() and flags that cannot be read`, () => {
    it('says that they are not kept, or fails if they must be (G5, G6)', async (t) => {
      if (!needsNative(t) || !needsTools(t, 'chattr')) return;
      const mount = mountNew(t, 'ext4');
      if (mount === undefined) return;
      const path = join(mount, 'file');
      plainWrite(path, 'old');
      chmodSync(path, 0o600);
      run('chattr', '+d', path);
      const user = await needsOrdinaryUser(t, mount);
      if (user === undefined) return;
      const source = `
        const write = async (flags) => {
          try {
            return (await ${name}(process.argv[1], 'new', { preserve: { owner: false, flags } })).notKept;
          } catch ({ code, outcome }) {
            return [code, outcome];
          }
        };
        console.log(JSON.stringify([await write('require'), await write('try')]));`;
      const { stdout, stderr } = await finished(...script(source, { before: user, args: [path] }));
      assert.deepEqual(JSON.parse(stdout || stderr), [['EACCES', 'old'], ['flags']]);
      assert.equal(text(path), 'new');
    });
  });

  describe(`${name}() and the time of birth`, () => {
    it('says that it is another one, if times are to be kept', async (t) => {
      const mount = mountNew(t, 'ext4');
      if (mount === undefined) return;
      const path = join(mount, 'file');
      plainWrite(path, 'old');
      assert.ok((await write(path, 'new', { preserve: { times: 'try' } })).notKept.includes('birthtime'));
      assert.ok(!(await write(path, 'new')).notKept.includes('birthtime'));
      await assert.rejects(write(path, 'new', { preserve: { flags: 'no' as never } }), TypeError);
    });
  });
}

describe('flags of the old file', () => {
  const here = scratch();

  it('are those of the file that was looked at, or of none', (t) => {
    if (!needsNative(t) || !needsTools(t, 'chattr')) return;
    const mount = mountNew(t, 'ext4');
    if (mount === undefined) return;
    const [path, other] = [join(mount, 'file'), join(mount, 'other')];
    for (const name of [path, other]) plainWrite(name, 'old');
    run('chattr', '+d', path);
    const flagsIf = (looked: string): unknown =>
      runSync(readFlags({ accessPath: path, existing: syncSystem.lstat(looked) } as Target));
    assert.deepEqual([flagsIf(path), flagsIf(other)], [{ flags: 0x40, project: 0 }, undefined]);
  });

  it('are none if there are no flags here, and unknown after any other error', (t) => {
    if (!needsNative(t)) return;
    const path = here.at('file');
    plainWrite(path, 'old');
    for (const name of ['getflags', 'getproject'] as const)
      for (const [code, expected] of [
        ['ENOTTY', undefined],
        ['EINVAL', undefined],
        ['EOPNOTSUPP', undefined],
        ['EIO', 'unknown'],
        ['ETIMEDOUT', 'unknown'],
      ] as const) {
        const fails = (): never => {
          throw Object.assign(new Error(code), { code });
        };
        const system = { ...syncSystem, getflags: () => 0, [name]: fails };
        const target = { accessPath: path, existing: syncSystem.lstat(path) } as Target;
        assert.equal(runSync(readFlags(target), system), expected, `${name}: ${code}`);
      }
  });
});
