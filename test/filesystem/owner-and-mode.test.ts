import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, mkdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { apis, names, refusedWith, text } from '../support/apis.ts';
import { alice, as, bob, bobOfDev, dev, needsUsers } from '../support/as-user.ts';
import { missing } from '../support/child.ts';
import { newFolder } from '../support/folder.ts';
import { needsRoot, needsTools } from '../support/needs.ts';
import { hasNative, knownLosses } from '../support/native-part.ts';
import { run, writeElsewhere } from '../support/run.ts';

const hasTouch = process.platform === 'linux' && missing('touch', '--version') === false;

/** Owner, group and mode, as ls shows them. */
function facts(path: string): string {
  const { uid, gid, mode } = statSync(path);
  return `${uid}:${gid} ${(mode & 0o7777).toString(8)}`;
}

function make(path: string, uid: number, gid: number, mode: number): void {
  writeFileSync(path, 'old');
  chownSync(path, uid, gid);
  chmodSync(path, mode);
}

for (const { name, write } of apis) {
  describe(`${name}() and the mode`, () => {
    for (const mode of [0o644, 0o600, 0o755, 0o666, 0o400, 0o444, 0o000, 0o4755, 0o1644]) {
      it(`keeps 0${mode.toString(8)} when the owner replaces the file (G6)`, async (t) => {
        const path = join(newFolder(t), 'file');
        writeFileSync(path, 'old');
        chmodSync(path, mode);
        const { notKept } = await write(path, 'new');
        assert.deepEqual(knownLosses(notKept), []);
        assert.equal(statSync(path).mode & 0o7777, mode);
      });
    }

    for (const umask of [0o000, 0o022, 0o077, 0o777]) {
      it(`makes a new file with 0666 less a umask of 0${umask.toString(8)}`, async (t) => {
        const path = join(newFolder(t), 'file');
        assert.ok((await writeElsewhere(name, [], path, 'new', {}, `process.umask(${umask});`)).result);
        assert.equal(statSync(path).mode & 0o7777, 0o666 & ~umask);
      });
    }

    it('applies a given mode exactly, despite the umask, to new and to existing files', async (t) => {
      const path = join(newFolder(t), 'file');
      for (const mode of [0o666, 0o604, 0o640, '0777', 0o200]) {
        const isNew = !existsSync(path);
        const { result } = await writeElsewhere(name, [], path, 'new', { mode }, 'process.umask(0o077);');
        assert.deepEqual(isNew ? result?.notKept : knownLosses(result?.notKept), []);
        assert.equal(
          statSync(path).mode & 0o7777,
          Number.parseInt(typeof mode === 'string' ? mode : mode.toString(8), 8),
        );
      }
    });

    it("gives a file the mode of a new one with preserve.mode 'off'", async (t) => {
      const path = join(newFolder(t), 'file');
      writeFileSync(path, 'old');
      chmodSync(path, 0o755);
      const { result } = await writeElsewhere(
        name,
        [],
        path,
        'new',
        { preserve: { mode: 'off' } },
        'process.umask(0o027);',
      );
      assert.deepEqual(knownLosses(result?.notKept), []);
      assert.equal(statSync(path).mode & 0o7777, 0o640);
    });
  });

  describe(`${name}() and the times`, () => {
    it('sets new times by default', async (t) => {
      const path = join(newFolder(t), 'file');
      writeFileSync(path, 'old');
      utimesSync(path, 1000, 2000);
      await write(path, 'new');
      assert.ok(statSync(path).mtimeMs > 2_000_000);
    });

    for (const seconds of [
      1_700_000_000.123_457, 1_234_567_890.999_999, 0.000_001, 1_600_000_000.000_001, 1_795_322_240.846_999,
      4_102_444_800.5,
    ]) {
      it(`keeps times of ${seconds} s when asked to, to the nanosecond or without the native part to the microsecond (G6)`, async (t) => {
        const path = join(newFolder(t), 'file');
        writeFileSync(path, 'old');
        utimesSync(path, seconds, seconds);
        if (hasTouch) run('touch', '-d', `@${seconds.toFixed(6)}789`, path);
        const before = statSync(path, { bigint: true });
        const { notKept } = await write(path, 'new', { preserve: { times: 'require' } });
        const after = statSync(path, { bigint: true });
        assert.deepEqual(knownLosses(notKept), before.birthtimeNs > 0n ? ['birthtime'] : []);
        const unit = hasNative ? 1n : 1000n;
        assert.deepEqual([after.mtimeNs / unit, after.atimeNs / unit], [before.mtimeNs / unit, before.atimeNs / unit]);
      });
    }
  });

  describe(`${name}() and times before 1970`, () => {
    it('says without the native part that it could not keep them, since Node would set the present (G4, G6)', async (t) => {
      if (hasNative) return t.skip('the native part keeps them: see times.test.ts');
      if (!needsTools(t, 'touch')) return;
      const path = join(newFolder(t), 'file');
      writeFileSync(path, 'old');
      run('touch', '-d', '1960-01-01T00:00:00Z', path);
      await assert.rejects(write(path, 'new', { preserve: { times: 'require' } }), refusedWith('EINVAL'));
      const { birthtimeNs } = statSync(path, { bigint: true });
      assert.deepEqual(knownLosses((await write(path, 'new', { preserve: { times: 'try' } })).notKept), [
        'times',
        ...(birthtimeNs > 0n ? ['birthtime'] : []),
      ]);
    });
  });

  describe(`${name}() and the owner`, () => {
    it('keeps owner, group and set-id bits for the superuser (G6)', async (t) => {
      if (!needsRoot(t)) return;
      const path = join(newFolder(t), 'file');
      make(path, alice.uid, dev, 0o6755);
      assert.deepEqual(knownLosses((await write(path, 'new')).notKept), []);
      assert.equal(facts(path), `${alice.uid}:${dev} 6755`);
    });

    it('applies a given owner exactly, each id on its own', async (t) => {
      if (!needsRoot(t)) return;
      const path = join(newFolder(t), 'file');
      make(path, alice.uid, dev, 0o640);
      await write(path, 'new', { owner: { uid: bob.uid } });
      assert.equal(facts(path).split(' ')[0], `${bob.uid}:${dev}`);
      await write(path, 'new', { owner: { gid: bob.gid } });
      assert.equal(facts(path).split(' ')[0], `${bob.uid}:${bob.gid}`);
      await write(`${path}2`, 'new', { owner: { uid: alice.uid, gid: dev }, mode: 0o4750 });
      assert.equal(facts(`${path}2`), `${alice.uid}:${dev} 4750`);
    });

    it('takes set-id bits away when a given owner is another one (G5)', async (t) => {
      if (!needsRoot(t)) return;
      const path = join(newFolder(t), 'file');
      make(path, alice.uid, dev, 0o6755);
      const { notKept } = await write(path, 'new', { owner: { uid: bob.uid } });
      assert.equal(facts(path), `${bob.uid}:${dev} 2755`);
      assert.deepEqual(knownLosses(notKept), ['mode']);
    });

    it('fails for an owner that an ordinary user may not give, and keeps the old file (G4)', async (t) => {
      if (!(await needsUsers(t))) return;
      const folder = newFolder(t);
      chmodSync(folder, 0o777);
      const path = join(folder, 'file');
      make(path, bob.uid, bob.gid, 0o644);
      for (const owner of [{ uid: alice.uid }, { gid: dev }, { uid: 0, gid: 0 }]) {
        const { error } = await writeElsewhere(name, as(bob), path, 'new', { owner });
        assert.deepEqual([error?.code, error?.outcome], ['EPERM', 'old']);
      }
      assert.deepEqual([text(path), names(folder)], ['old', ['file']]);
    });

    it('keeps the group when a member who is not the owner replaces the file, and says that the owner is another (G6)', async (t) => {
      if (!(await needsUsers(t))) return;
      const folder = newFolder(t);
      chmodSync(folder, 0o777);
      const path = join(folder, 'file');
      make(path, alice.uid, dev, 0o664);
      const { result } = await writeElsewhere(name, as(bobOfDev), path, 'new');
      assert.deepEqual(knownLosses(result?.notKept), ['owner']);
      assert.equal(facts(path), `${bob.uid}:${dev} 664`);
    });

    for (const [mode, left] of [
      [0o664, 0o644],
      [0o660, 0o600],
      [0o6775, 0o755],
      [0o2770, 0o700],
    ] as const) {
      it(`drops the group's bits of 0${mode.toString(8)} to what others have when the group cannot be kept (G5)`, async (t) => {
        if (!(await needsUsers(t))) return;
        const folder = newFolder(t);
        chmodSync(folder, 0o777);
        const path = join(folder, 'file');
        make(path, alice.uid, dev, mode);
        const { result } = await writeElsewhere(name, as(bob), path, 'new');
        assert.deepEqual(knownLosses(result?.notKept)?.toSorted(), ['group', 'mode', 'owner']);
        assert.equal(facts(path), `${bob.uid}:${bob.gid} ${left.toString(8)}`);
      });
    }

    it('takes the set-uid bit away when a member of the group replaces the file, and keeps set-gid (G5)', async (t) => {
      if (!(await needsUsers(t))) return;
      const folder = newFolder(t);
      chmodSync(folder, 0o777);
      const path = join(folder, 'file');
      make(path, alice.uid, dev, 0o6775);
      const { result } = await writeElsewhere(name, as(bobOfDev), path, 'new');
      assert.deepEqual(knownLosses(result?.notKept)?.toSorted(), ['mode', 'owner']);
      assert.equal(facts(path), `${bob.uid}:${dev} 2775`);
    });

    it("fails with preserve.owner 'require' when the owner cannot be kept, and keeps the old file (G4, G6)", async (t) => {
      if (!(await needsUsers(t))) return;
      const folder = newFolder(t);
      chmodSync(folder, 0o777);
      const path = join(folder, 'file');
      make(path, alice.uid, dev, 0o664);
      const { error } = await writeElsewhere(name, as(bobOfDev), path, 'new', { preserve: { owner: 'require' } });
      assert.deepEqual([error?.code, error?.outcome, error?.step], ['EPERM', 'old', 'set metadata']);
      assert.deepEqual([text(path), names(folder)], ['old', ['file']]);
    });

    it("makes the file the writer's own with preserve.owner 'off', without rights for another group (G5)", async (t) => {
      if (!needsRoot(t)) return;
      const path = join(newFolder(t), 'file');
      make(path, alice.uid, dev, 0o4664);
      await write(path, 'new', { preserve: { owner: 'off' } });
      assert.equal(facts(path), `${process.geteuid?.()}:${statSync(join(path, '..')).gid} 644`);
    });

    it("keeps the group of a file in a set-gid directory, and gives a new one the directory's (G6)", async (t) => {
      if (!(await needsUsers(t))) return;
      const folder = join(newFolder(t), 'shared');
      mkdirSync(folder);
      chownSync(folder, alice.uid, dev);
      chmodSync(folder, 0o2777);
      make(join(folder, 'file'), bob.uid, bob.gid, 0o660);
      const { result } = await writeElsewhere(name, as(bob), join(folder, 'file'), 'new');
      assert.deepEqual(knownLosses(result?.notKept), []);
      assert.equal(facts(join(folder, 'file')), `${bob.uid}:${bob.gid} 660`);
      assert.ok((await writeElsewhere(name, as(bobOfDev), join(folder, 'new'), 'new', { mode: 0o640 })).result);
      assert.equal(facts(join(folder, 'new')), `${bob.uid}:${dev} 640`);
    });
  });
}
