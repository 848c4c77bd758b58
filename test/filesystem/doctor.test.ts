/** inspect(): what it says of a place, and what a write there then does. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync as plainWrite,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import {
  inspect,
  inspectSync,
  openPending,
  updateFile,
  WriteError,
  writeFile,
  type FindingLevel,
  type Inspection,
  type InspectOptions,
} from 'untorn';
import { afterwards } from '../support/afterwards.ts';
import { alice, as, bob, needsUsers } from '../support/as-user.ts';
import { run as runCode, start } from '../support/child.ts';
import { newFolder } from '../support/folder.ts';
import { bindMount, mountNew } from '../support/mount.ts';
import { isRoot, needsTools } from '../support/needs.ts';
import { hasNative } from '../support/native-part.ts';
import { finished, run, script } from '../support/run.ts';

const linux = process.platform === 'linux' ? false : 'only Linux lists mounts and processes';

/** The codes of the findings of a level. */
function codes({ findings }: Inspection, level: FindingLevel): string[] {
  return findings.filter((one) => one.level === level).map(({ code }) => code);
}

/** Both ways to ask, which must agree. */
async function ask(path: string | Buffer, options?: InspectOptions): Promise<Inspection> {
  const found = await inspect(path, options);
  assert.deepEqual(inspectSync(path, options), found);
  return found;
}

/** What shows any change of a folder, apart from times of access. */
function stateOf(folder: string): unknown {
  return ['.', ...readdirSync(folder)].map((name) => {
    const { ino, mode, nlink, size, mtimeNs, ctimeNs } = lstatSync(join(folder, name), { bigint: true });
    return [name, ino, mode, nlink, size, mtimeNs, ctimeNs];
  });
}

async function failureOf(writing: Promise<unknown>): Promise<string> {
  const error: unknown = await writing.then(
    () => new Error('It succeeded'),
    (reason: unknown) => reason,
  );
  if (!WriteError.isWriteError(error)) throw error;
  assert.equal(error.outcome, 'old');
  return error.code;
}

/** What another user is told of a path, and what a write of that user then does. */
async function elsewhere(
  before: readonly string[],
  path: string,
): Promise<{ readonly said: Inspection; readonly done: { notKept?: string[]; durable?: unknown; code?: string } }> {
  const source = `
    import { inspect } from 'untorn';
    const [path] = process.argv.slice(1);
    const said = await inspect(path);
    const done = await writeFile(path, 'new').catch(({ code }) => ({ code }));
    console.log(JSON.stringify({ said, done }));`;
  const { stdout, stderr } = await finished(...script(source, { before, args: [path] }));
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as Awaited<ReturnType<typeof elsewhere>>;
}

describe('inspect()', () => {
  it('says what is there, follows links, and changes nothing', { skip: linux }, async (t) => {
    const folder = newFolder(t);
    mkdirSync(join(folder, 'data'));
    plainWrite(join(folder, 'data/file'), 'old');
    symlinkSync('data', join(folder, 'way'));
    symlinkSync('way/file', join(folder, 'link'));
    const before = stateOf(folder);
    const found = await ask(join(folder, 'link'));
    assert.deepEqual(stateOf(folder), before);
    const { path, target, kind, links, measured, locks, leftovers } = found;
    assert.deepEqual([path, target, kind], [join(folder, 'link'), join(folder, 'data/file'), 'file']);
    assert.deepEqual(links, [
      { path: join(folder, 'link'), to: 'way/file' },
      { path: join(folder, 'way'), to: 'data' },
    ]);
    assert.deepEqual([measured, locks, leftovers], [undefined, [], []]);
    assert.deepEqual(codes(found, 'failure'), []);
    await writeFile(join(folder, 'link'), 'new');
    assert.equal(readFileSync(target, 'utf8'), 'new');
  });

  it('tells of what is missing', async (t) => {
    const folder = newFolder(t);
    symlinkSync('nowhere', join(folder, 'dangling'));
    symlinkSync('loop', join(folder, 'loop'));
    plainWrite(join(folder, 'file'), '');
    const cases = [
      ['new', 'missing', 'new', undefined],
      ['dangling', 'missing', 'nowhere', undefined],
      ['none/below/new', 'missing', 'none/below/new', 'ENOENT'],
      ['loop', 'missing', 'loop', 'ELOOP'],
      ['file/below', 'missing', 'file', 'ENOTDIR'],
    ] as const;
    for (const [name, kind, target, code] of process.platform === 'win32' ? cases.slice(0, 1) : cases) {
      const found = await ask(join(folder, name));
      assert.equal(found.kind, kind, name);
      if (code !== 'ELOOP') assert.equal(found.target, join(folder, target));
      assert.equal(codes(found, 'failure').length, code === undefined ? 0 : 1, name);
      if (code !== undefined) assert.ok(found.findings.some(({ text }) => text.includes(code)));
      if (code === undefined) await writeFile(join(folder, name), '');
      else assert.equal(await failureOf(writeFile(join(folder, name), '')), code);
    }
    const directory = await ask(folder);
    assert.deepEqual([directory.kind, codes(directory, 'failure')], ['directory', []]);
  });

  it('tells of what is never replaced', { skip: linux }, async (t) => {
    const folder = newFolder(t);
    run('mkfifo', join(folder, 'fifo'));
    // An ordinary user may not make files in /dev either.
    const inDev = isRoot ? ['special'] : ['special', 'no-permission'];
    for (const [path, expected] of [
      [join(folder, 'fifo'), ['special']],
      ['/dev/null', inDev],
    ] as const) {
      assert.deepEqual(codes(await ask(path), 'failure'), expected);
      assert.equal(await failureOf(writeFile(path, '')), 'EINVAL');
    }
    assert.deepEqual(codes(await ask('/proc/version'), 'failure'), ['virtual']);
    await failureOf(writeFile('/proc/version', ''));
  });

  it('takes names that are not UTF-8', { skip: linux }, async (t) => {
    const folder = newFolder(t);
    const path = Buffer.concat([Buffer.from(`${folder}/`), Buffer.of(0xff)]);
    plainWrite(path, '');
    const { kind, target } = await ask(path);
    assert.deepEqual([kind, target], ['file', path]);
  });

  it('refuses wrong arguments', async () => {
    await assert.rejects(inspect(''), { code: 'ERR_INVALID_ARG_VALUE' });
    await assert.rejects(inspect('file', { measured: true } as object), { code: 'ERR_INVALID_ARG_VALUE' });
    await assert.rejects(inspect('file', { measure: 1 as never }), { code: 'ERR_INVALID_ARG_TYPE' });
    assert.throws(() => inspectSync(1 as never), { code: 'ERR_INVALID_ARG_TYPE' });
    await assert.rejects(inspect('.', { measure: true, signal: AbortSignal.abort() }), { name: 'AbortError' });
  });

  it('measures one write, tries a lock, and leaves nothing', { skip: linux }, async (t) => {
    const folder = newFolder(t);
    const path = join(folder, 'file');
    plainWrite(path, 'old');
    chmodSync(path, 0o640);
    const before = lstatSync(path, { bigint: true });
    for (const found of [await inspect(path, { measure: true }), inspectSync(path, { measure: true })]) {
      assert.equal(typeof found.measured?.milliseconds, 'number');
      assert.equal(found.lockable, true);
      assert.deepEqual(readdirSync(folder), ['file']);
      const { durable, notKept } = await writeFile(join(folder, 'other'), '');
      run('rm', join(folder, 'other'));
      assert.equal(found.durable, durable);
      assert.deepEqual(notKept, []);
    }
    const after = lstatSync(path, { bigint: true });
    assert.deepEqual([after.ino, after.mtimeNs, after.ctimeNs], [before.ino, before.mtimeNs, before.ctimeNs]);
  });
});

describe('inspect() of a mount', { skip: linux }, () => {
  it('tells of one that is read-only', async (t) => {
    const point = mountNew(t, 'tmpfs');
    if (point === undefined) return;
    plainWrite(join(point, 'file'), 'old');
    const limits = hasNative ? ['in-memory'] : ['no-attributes', 'in-memory'];
    assert.deepEqual(codes(await ask(join(point, 'file')), 'limit'), limits);
    run('mount', '-o', 'remount,ro', point);
    const found = await ask(join(point, 'file'));
    assert.deepEqual(codes(found, 'failure'), ['read-only']);
    assert.deepEqual([found.filesystem?.type, found.filesystem?.mountPoint], ['tmpfs', point]);
    assert.equal(await failureOf(writeFile(join(point, 'file'), '')), 'EROFS');
  });

  it('tells of a file that is mounted by itself, and of a part of a filesystem', async (t) => {
    const folder = newFolder(t);
    for (const name of ['source', 'file']) plainWrite(join(folder, name), 'old');
    mkdirSync(join(folder, 'from here'));
    mkdirSync(join(folder, 'to'));
    if (bindMount(t, join(folder, 'source'), join(folder, 'file')) === undefined) return;
    if (bindMount(t, join(folder, 'from here'), join(folder, 'to')) === undefined) return;
    assert.deepEqual(codes(await ask(join(folder, 'file')), 'failure'), ['mount-point']);
    assert.equal(await failureOf(writeFile(join(folder, 'file'), '')), 'EBUSY');
    const found = await ask(join(folder, 'to/file'));
    assert.ok(codes(found, 'fact').includes('bind-mount'));
    assert.ok(found.filesystem?.root?.endsWith('/from here'), found.filesystem?.root);
    await writeFile(join(folder, 'to/file'), '');
  });

  for (const kind of ['ext4', 'ext2', 'xfs', 'btrfs'] as const)
    it(`knows ${kind} and what was tried on it`, async (t) => {
      const point = mountNew(t, kind);
      if (point === undefined) return;
      const found = await ask(join(point, 'file'));
      assert.deepEqual(
        [found.filesystem?.type, found.filesystem?.rows, found.durable, found.lockable],
        [kind, [kind], true, true],
      );
      assert.deepEqual([codes(found, 'failure'), codes(found, 'limit')], [[], []]);
      assert.equal((await writeFile(join(point, 'file'), '')).durable, true);
    });

  for (const [flag, code] of [
    ['i', 'immutable'],
    ['a', 'append-only'],
  ] as const)
    it(`tells of a file and a directory that are ${code}`, async (t) => {
      const point = mountNew(t, 'ext4');
      if (point === undefined || !needsTools(t, 'chattr')) return;
      if (!hasNative) return t.skip('needs the native part');
      mkdirSync(join(point, 'directory'));
      for (const name of ['file', 'directory/file']) plainWrite(join(point, name), 'old');
      for (const name of ['file', 'directory']) {
        run('chattr', `+${flag}`, join(point, name));
        afterwards(t, () => void spawnSync('chattr', [`-${flag}`, join(point, name)]));
      }
      for (const name of ['file', 'directory/file']) {
        assert.ok(codes(await ask(join(point, name)), 'failure').includes(code), name);
        assert.equal(await failureOf(writeFile(join(point, name), '')), 'EPERM');
      }
    });
});

describe('inspect() of the rights of a user', { skip: linux }, () => {
  function folderOf(t: TestContext, mode: number, owner = 0): string {
    const folder = join(newFolder(t), 'folder');
    mkdirSync(folder);
    chmodSync(join(folder, '..'), 0o755);
    chownSync(folder, owner, owner);
    chmodSync(folder, mode);
    plainWrite(join(folder, 'file'), 'old');
    chownSync(join(folder, 'file'), alice.uid, alice.gid);
    return folder;
  }

  for (const [what, mode, owner, code, failure] of [
    ['may not make files', 0o755, 0, 'no-permission', 'EACCES'],
    ['may not replace files of others', 0o1777, 0, 'sticky', 'EPERM'],
  ] as const)
    it(`tells that they ${what}`, async (t) => {
      if (!(await needsUsers(t))) return;
      const { said, done } = await elsewhere(as(bob), join(folderOf(t, mode, owner), 'file'));
      assert.deepEqual([codes(said, 'failure'), done.code], [[code], failure]);
    });

  it('tells what of another user is not kept, and of a group that may write too', async (t) => {
    if (!(await needsUsers(t))) return;
    for (const mode of [0o644, 0o664, 0o4755, 0o660]) {
      const folder = folderOf(t, 0o775, bob.uid);
      chmodSync(join(folder, 'file'), mode);
      const { said, done } = await elsewhere(as(bob), join(folder, 'file'));
      assert.deepEqual(codes(said, 'failure'), []);
      assert.deepEqual(said.notKept.toSorted(), done.notKept?.toSorted(), mode.toString(8));
      assert.ok(codes(said, 'fact').includes('shared'));
    }
  });

  it('tells that a directory which may not be listed cannot be synced', async (t) => {
    if (!(await needsUsers(t))) return;
    const { said, done } = await elsewhere(as(bob), join(folderOf(t, 0o333, 0), 'file'));
    assert.deepEqual([said.durable, done.durable], ['unsupported', 'unsupported']);
    assert.ok(codes(said, 'limit').includes('not-durable'));
    assert.ok(codes(said, 'fact').includes('hidden'));
  });

  it('tells of other names of a file', async (t) => {
    const folder = newFolder(t);
    plainWrite(join(folder, 'file'), 'old');
    linkSync(join(folder, 'file'), join(folder, 'other'));
    assert.ok(codes(await ask(join(folder, 'file')), 'limit').includes('hard-links'));
  });
});

describe('inspect() of what others do or left', { skip: linux }, () => {
  it('tells who holds a lock, how many wait, and that a dead holder does not matter', async (t) => {
    const folder = newFolder(t);
    const path = join(folder, 'file');
    const holder = start(
      `import { updateFile } from 'untorn';
      await updateFile(process.argv[1], async () => {
        console.log('held');
        await new Promise((resolve) => process.stdin.once('data', resolve));
        return 'new';
      });`,
      [path],
    );
    assert.equal(await holder.line(), 'held');
    const found = await ask(path);
    const { pid } = holder.process;
    assert.equal(found.locks.length, 1);
    const [lock] = found.locks as [Inspection['locks'][number]];
    assert.deepEqual([lock.file, lock.path, lock.waiting], [path, join(folder, '.file.untorn-lock'), 0]);
    assert.deepEqual([lock.holder?.pid, lock.holder?.where, lock.holder?.sign], [pid, 'here', 'alive']);
    assert.ok(
      found.findings.some(
        ({ code, text }) => code === 'held' && text.startsWith(`its lock is held by process ${pid} (`),
      ),
    );
    const waiting = updateFile(path, () => 'newer');
    while ((await inspect(path)).locks[0]?.waiting !== 1);
    holder.process.kill('SIGKILL');
    await holder.ended;
    await waiting;
    assert.deepEqual((await ask(path)).locks, []);
    assert.deepEqual(readdirSync(folder), ['file']);
  });

  it('tells of locks, temporary files and transactions of killed processes', async (t) => {
    const folder = newFolder(t);
    const ended = await runCode(
      `import { openPending, transaction, updateFile } from 'untorn';
      const at = (name) => process.argv[1] + '/' + name;
      await openPending(at('pending'));
      void updateFile(at('locked'), () => new Promise(() => {}));
      await transaction(async (tx) => {
        await tx.writeFile(at('one'), 'new');
        await tx.writeFile(at('two'), 'new');
        const { readdirSync } = await import('node:fs');
        while (!readdirSync(process.argv[1]).some((name) => name === '.locked.untorn-lock' && readdirSync(at(name)).includes('held')))
          await new Promise((resolve) => setImmediate(resolve));
        process.kill(process.pid, 'SIGKILL');
      });`,
      [folder],
    );
    assert.equal(ended.signal, 'SIGKILL', ended.stderr);
    const pending = await openPending(join(folder, 'file'));
    const before = stateOf(folder);
    const found = await ask(folder);
    assert.deepEqual(stateOf(folder), before);
    await pending.discard();
    const left = found.leftovers.map(({ kind, owner: { pid, sign } }) => `${kind} ${sign} ${pid === process.pid}`);
    assert.deepEqual(left.toSorted(), ['temporary alive true', 'temporary dead false', 'transaction dead false']);
    assert.deepEqual(codes(found, 'leftover').toSorted(), ['abandoned', 'temporary', 'transaction']);
    assert.deepEqual(
      found.locks.map(({ file, holder }) => [file, holder?.sign]),
      [[join(folder, 'locked'), 'dead']],
    );
  });

  it('tells of a lock that it may not look into', async (t) => {
    if (!(await needsUsers(t))) return;
    const folder = newFolder(t);
    const path = join(folder, 'file');
    plainWrite(path, 'old');
    chmodSync(folder, 0o755);
    mkdirSync(join(folder, '.file.untorn-lock'), 0o700);
    const { said } = await elsewhere(as(bob), path);
    assert.ok(codes(said, 'fact').includes('hidden-lock'));
  });

  it('tells of a copy that was kept', async (t) => {
    if (!isRoot) return t.skip('needs root');
    const folder = newFolder(t);
    const path = join(folder, 'file');
    plainWrite(path, 'old');
    plainWrite(join(folder, 'source'), 'old');
    const pending = await openPending(path);
    const { temporaryPath } = pending;
    assert.ok(temporaryPath !== undefined);
    const kept = String(temporaryPath).replace('untorn-t-', 'untorn-r-');
    plainWrite(kept, 'a copy');
    const found = await ask(path);
    await pending.discard();
    assert.deepEqual(codes(found, 'leftover'), ['recovery']);
    assert.equal(statSync(kept).size, 6);
  });
});
