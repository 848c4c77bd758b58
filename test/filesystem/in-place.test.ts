import assert from 'node:assert/strict';
import { chmodSync, chownSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { afterwards } from '../support/afterwards.ts';
import { apis, names, refusedWith, text } from '../support/apis.ts';
import { alice, bob, needsOrdinaryUser } from '../support/as-user.ts';
import { newFolder } from '../support/folder.ts';
import { bindMount } from '../support/mount.ts';
import { isRoot, needsTools } from '../support/needs.ts';
import { hasNative, knownLosses } from '../support/native-part.ts';
import { finished, run, script, writeElsewhere } from '../support/run.ts';

for (const { name, write } of apis) {
  describe(`${name}() of a file that cannot be replaced`, () => {
    for (const fallback of ['error', 'in-place'] as const) {
      it(
        fallback === 'error'
          ? 'refuses a bind-mounted one (G4, G10)'
          : "writes into a bind-mounted one with fallback: 'in-place', and says that this was not atomic (G4)",
        async (t) => {
          const folder = newFolder(t);
          const path = join(folder, 'file');
          writeFileSync(path, 'old content');
          writeFileSync(join(folder, 'source'), 'old content');
          if (bindMount(t, join(folder, 'source'), path) === undefined) return;
          if (fallback === 'error') {
            await assert.rejects(write(path, 'new'), refusedWith('EBUSY'));
            assert.equal(text(path), 'old content');
          } else {
            const { ino } = statSync(path);
            const { atomic, durable } = await write(path, 'new', { fallback });
            assert.deepEqual([atomic, durable], [false, true]);
            assert.deepEqual([text(path), statSync(path).ino], ['new', ino]);
          }
          assert.deepEqual(names(folder), ['file', 'source']);
        },
      );
    }

    it('takes rights before the new content comes, and gives them after it (G5)', async (t) => {
      if (!needsTools(t, 'strace')) return;
      const folder = newFolder(t);
      const path = join(folder, 'file');
      writeFileSync(path, 'old');
      writeFileSync(join(folder, 'source'), 'old');
      chmodSync(join(folder, 'source'), 0o604);
      if (bindMount(t, join(folder, 'source'), path) === undefined) return;
      const source = `await ${name}(process.argv[1], 'new', { fallback: 'in-place', mode: 0o640 });`;
      const log = join(folder, 'log');
      const ended = await finished(
        'strace',
        '-f',
        '-qq',
        '-o',
        log,
        '-e',
        'trace=fchmod,ftruncate',
        ...script(source, { args: [path] }),
      );
      if (/ptrace|PTRACE/.test(ended.stderr)) return t.skip(`cannot trace: ${ended.stderr.trim()}`);
      const calls = [...text(log).matchAll(/(fchmod|ftruncate)\(\d+, (\d+)\) += 0/g)].map(
        ([, call, value]) => `${call} ${value}`,
      );
      assert.deepEqual(calls.slice(-3), ['fchmod 0600', 'ftruncate 3', 'fchmod 0640']);
      assert.deepEqual([text(path), statSync(path).mode & 0o777], ['new', 0o640]);
    });

    it('leaves the old content beside it when the process is killed in the middle (G2)', async (t) => {
      if (!needsTools(t, 'strace')) return;
      const folder = newFolder(t);
      const path = join(folder, 'file');
      writeFileSync(path, 'the old content');
      writeFileSync(join(folder, 'source'), 'the old content');
      if (bindMount(t, join(folder, 'source'), path) === undefined) return;
      const source = `await ${name}(process.argv[1], 'new', { fallback: 'in-place' });`;
      const ended = await finished(
        'strace',
        '-f',
        '-qq',
        '-o',
        '/dev/null',
        '-e',
        'trace=ftruncate',
        '-e',
        'inject=ftruncate:signal=KILL:error=EIO',
        ...script(source, { args: [path] }),
      );
      if (/ptrace|PTRACE/.test(ended.stderr)) return t.skip(`cannot trace: ${ended.stderr.trim()}`);
      assert.equal(ended.signal, 'SIGKILL', ended.stderr);
      const recovery = names(folder).find((some) => some.includes('untorn-r-'));
      assert.ok(recovery !== undefined, names(folder).join(' '));
      assert.equal(text(join(folder, recovery)), 'the old content');
    });

    it('leaves content, mode and names as they were when a sync fails (G4, G10)', async (t) => {
      if (!needsTools(t, 'strace')) return;
      const folder = newFolder(t);
      const path = join(folder, 'file');
      writeFileSync(path, '');
      writeFileSync(join(folder, 'source'), 'old content');
      chmodSync(join(folder, 'source'), 0o640);
      if (bindMount(t, join(folder, 'source'), path) === undefined) return;
      let failed = 0;
      for (const which of [1, 2, 3, 4]) {
        writeFileSync(path, 'old content');
        chmodSync(path, 0o640);
        const traced = [
          'strace',
          '-f',
          '-qq',
          '-o',
          '/dev/null',
          '-e',
          'trace=fsync',
          '-e',
          `inject=fsync:error=EIO:when=${which}`,
        ];
        const { error } = await writeElsewhere(name, traced, path, 'new', { fallback: 'in-place', mode: 0o600 });
        if (error === undefined) continue;
        failed++;
        assert.deepEqual(
          [error.outcome, text(path), statSync(path).mode & 0o7777, names(folder)],
          ['old', 'old content', 0o640, ['file', 'source']],
          error.message,
        );
      }
      assert.ok(failed >= 3, `${failed} syncs failed`);
    });

    it('fails at once in a directory that one may not write, and keeps the old file (G4)', async (t) => {
      const folder = newFolder(t);
      const path = join(folder, 'file');
      writeFileSync(path, 'old');
      const user = await needsOrdinaryUser(t, path);
      if (user === undefined) return;
      chmodSync(folder, 0o555);
      afterwards(t, () => chmodSync(folder, 0o755));
      for (const at of [path, join(folder, 'new')]) {
        const { error } = await writeElsewhere(name, user, at, 'new');
        assert.deepEqual([error?.code, error?.outcome, error?.step], ['EACCES', 'old', 'create temporary file']);
      }
      assert.equal(text(path), 'old');
      assert.deepEqual(names(folder), ['file']);
    });

    it("writes into a file of such a directory with fallback: 'in-place' (G4, G10)", async (t) => {
      const folder = newFolder(t);
      const state = newFolder(t);
      const path = join(folder, 'file');
      writeFileSync(path, 'old');
      const user = await needsOrdinaryUser(t, path, state);
      if (user === undefined) return;
      chmodSync(path, 0o640);
      chmodSync(folder, 0o555);
      afterwards(t, () => chmodSync(folder, 0o755));
      const setup = `process.env.XDG_STATE_HOME = ${JSON.stringify(state)};`;
      const { result, error } = await writeElsewhere(name, user, path, 'new', { fallback: 'in-place' }, setup);
      assert.equal(error, undefined);
      assert.equal(result?.atomic, false);
      assert.deepEqual(knownLosses(result.notKept), []);
      assert.equal(text(path), 'new');
      assert.equal(statSync(path).mode & 0o7777, 0o640);
      assert.deepEqual(readdirSync(state, { recursive: true }), ['untorn']);
    });

    it('gives set-id bits back, or says that they are gone (G6)', async (t) => {
      const folder = newFolder(t);
      const state = newFolder(t);
      const path = join(folder, 'file');
      writeFileSync(path, 'old');
      const user = await needsOrdinaryUser(t, path, state);
      if (user === undefined) return;
      chmodSync(path, 0o4755);
      chmodSync(folder, 0o555);
      afterwards(t, () => chmodSync(folder, 0o755));
      const setup = `process.env.XDG_STATE_HOME = ${JSON.stringify(state)};`;
      const own = await writeElsewhere(name, user, path, 'new', { fallback: 'in-place' }, setup);
      assert.deepEqual([knownLosses(own.result?.notKept), statSync(path).mode & 0o7777], [[], 0o4755]);
      if (!isRoot) return;
      chownSync(path, alice.uid, alice.gid);
      chmodSync(path, 0o4777);
      const refused = await writeElsewhere(
        name,
        user,
        path,
        'another',
        { fallback: 'in-place', preserve: { mode: 'require' } },
        setup,
      );
      assert.deepEqual(
        [refused.error?.code, refused.error?.outcome, text(path), statSync(path).mode & 0o7777],
        ['EPERM', 'old', 'new', 0o4777],
      );
      const others = await writeElsewhere(name, user, path, 'another', { fallback: 'in-place' }, setup);
      assert.deepEqual(
        [knownLosses(others.result?.notKept), text(path), statSync(path).mode & 0o7777],
        [['mode'], 'another', 0o777],
      );
    });

    it('says that a capability is gone (G6)', async (t) => {
      if (!needsTools(t, 'setcap', 'getcap')) return;
      const folder = newFolder(t);
      const [path, source] = [join(folder, 'file'), join(folder, 'source')];
      writeFileSync(path, '');
      writeFileSync(source, 'old');
      if (bindMount(t, source, path) === undefined) return;
      run('setcap', 'cap_net_raw+ep', source);
      await assert.rejects(
        write(path, 'new', { fallback: 'in-place', preserve: { xattr: 'require' } }),
        refusedWith(hasNative ? 'EPERM' : 'ENOTSUP'),
      );
      assert.deepEqual([text(path), run('getcap', source).includes('cap_net_raw')], ['old', true]);
      assert.deepEqual(
        [(await write(path, 'new', { fallback: 'in-place' })).notKept, run('getcap', source)],
        [['xattr'], ''],
      );
    });

    it('replaces a file that one may not write, and keeps its mode (G6)', async (t) => {
      const folder = newFolder(t);
      const path = join(folder, 'file');
      writeFileSync(path, 'old');
      chmodSync(path, 0o444);
      const user = await needsOrdinaryUser(t, path, folder);
      if (user === undefined) return;
      const { result } = await writeElsewhere(name, user, path, 'new');
      assert.deepEqual(knownLosses(result?.notKept), []);
      assert.deepEqual([text(path), statSync(path).mode & 0o7777], ['new', 0o444]);
      if (isRoot) assert.equal(statSync(path).uid, bob.uid);
    });

    it('writes in a directory that one may enter and write but not list, and says that it cannot be synced (G4)', async (t) => {
      const folder = newFolder(t);
      const user = await needsOrdinaryUser(t, folder);
      if (user === undefined) return;
      chmodSync(folder, 0o300);
      afterwards(t, () => chmodSync(folder, 0o755));
      const { result, error } = await writeElsewhere(name, user, join(folder, 'file'), 'new');
      assert.equal(error, undefined);
      assert.equal(result?.durable, 'unsupported');
    });
  });
}
