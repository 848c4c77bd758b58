import assert from 'node:assert/strict';
import {
  appendFileSync as appendPlainly,
  linkSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync as plainWrite,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { appendFile, appendFileSync, sweepSync, updateFile, writeFileSync, type WriteError } from 'untorn';
import { names, refusedWith, text } from '../support/apis.ts';
import { start } from '../support/child.ts';
import { mountNew } from '../support/mount.ts';
import { scratch } from '../support/scratch.ts';
import { appends } from '../support/verbs.ts';

for (const { name, call } of appends) {
  describe(`${name}()`, () => {
    const here = scratch();

    it('makes a file and appends to it, and says so', async () => {
      const first = await call(here.at('log'), 'one\n');
      assert.deepEqual(first, { path: here.at('log'), bytes: 4, created: true, torn: undefined, durable: true });
      const second = await call(here.at('log'), Buffer.from('two\nthree\n'));
      assert.deepEqual([second.bytes, second.created], [10, false]);
      assert.deepEqual([here.text('log'), here.names()], ['one\ntwo\nthree\n', ['log']]);
    });

    it('keeps the inode, other names, the mode, and follows links', async () => {
      plainWrite(here.at('log'), 'one\n', { mode: 0o640 });
      linkSync(here.at('log'), here.at('other'));
      symlinkSync('log', here.at('link'));
      assert.equal((await call(here.at('link'), 'two\n')).path, here.at('log'));
      assert.equal(here.text('other'), 'one\ntwo\n');
      assert.equal(statSync(here.at('log')).mode & 0o777, 0o640);
      await assert.rejects(call(here.at('link'), 'x\n', { symlink: 'refuse' }), refusedWith('ELOOP'));
    });

    it('gives a new file the mode that was asked for, and makes parents', async () => {
      await call(here.at('a/log'), 'one\n', { mode: 0o606, makeParents: true });
      assert.equal(statSync(here.at('a/log')).mode & 0o777, 0o606);
    });

    it('cuts a torn end off, and keeps it in a file that no sweep removes', async () => {
      for (const [before, torn] of [
        ['', 'torn'],
        ['one\n', 't'],
        ['one\ntwo\n', 'x'.repeat(200_000)],
        [`${'y'.repeat(70_000)}\n`, '\0\0\0'],
      ] as const) {
        plainWrite(here.at('log'), before + torn);
        const { torn: cut } = await call(here.at('log'), 'new\n');
        assert.equal(here.text('log'), `${before}new\n`);
        assert.equal(cut?.bytes, torn.length);
        assert.equal(text(cut.path), torn);
        assert.equal(statSync(cut.path).mode & 0o777, 0o600);
        assert.ok(sweepSync(here.folder, { olderThan: 0 }).recoverable.includes(cut.path));
      }
    });

    it('refuses data that would look torn, and wrong arguments, before anything is touched', async () => {
      for (const data of ['', 'no end', Buffer.from('no end'), new Uint8Array()])
        await assert.rejects(call(here.at('log'), data), { code: 'ERR_INVALID_ARG_VALUE' });
      for (const data of [undefined, 5, {}, ['a\n'], Promise.resolve('a\n')])
        await assert.rejects(call(here.at('log'), data as never), { code: 'ERR_INVALID_ARG_TYPE' });
      await assert.rejects(call(here.at('log'), 'a\n', { overwrite: false } as never), {
        code: 'ERR_INVALID_ARG_VALUE',
      });
      await assert.rejects(call(here.at('log'), 'a\n', { symlink: 'replace' }), { code: 'ERR_INVALID_ARG_VALUE' });
      assert.deepEqual(here.names(), []);
    });

    it('refuses what is no file', async () => {
      mkdirSync(here.at('directory'));
      await assert.rejects(call(here.at('directory'), 'a\n'), refusedWith('EISDIR'));
      await assert.rejects(call(here.at('no/log'), 'a\n'), refusedWith('ENOENT'));
      assert.deepEqual(here.names(), ['directory']);
    });

    it('takes back what it wrote when the disk fills (G4)', async (t) => {
      const mount = mountNew(t, 'tmpfs');
      if (mount === undefined) return;
      const [log, added] = [join(mount, 'log'), join(mount, 'new')];
      plainWrite(log, 'one\n');
      const much = `${'x'.repeat(3 << 20)}\n`;
      for (const path of [log, added]) {
        await assert.rejects(call(path, much), { code: 'ENOSPC', outcome: 'old', step: 'write' });
        assert.deepEqual([text(log), names(mount)], ['one\n', ['log']]);
      }
      await call(log, 'two\n');
      assert.equal(text(log), 'one\ntwo\n');
    });

    it('tells where the torn end is if nothing could be appended after the cut', async (t) => {
      const mount = mountNew(t, 'tmpfs');
      if (mount === undefined) return;
      const log = join(mount, 'log');
      plainWrite(log, 'one\ntorn');
      await assert.rejects(call(log, `${'x'.repeat(3 << 20)}\n`), (error: WriteError) => {
        assert.deepEqual([error.code, error.outcome, text(log)], ['ENOSPC', 'old', 'one\n']);
        assert.equal(text(error.backupPath as string), 'torn');
        assert.match(error.message, /; nothing is appended to it; its torn end, which was cut off, is kept in ".*"$/);
        return true;
      });
    });

    it('tells what it did not make durable', async () => {
      for (const durability of ['normal', 'off'] as const)
        assert.equal((await call(here.at('log'), 'a\n', { durability })).durable, false);
    });
  });
}

describe('appending beside others', () => {
  const here = scratch();

  it('keeps the order of the calls, and every record', async () => {
    const records = Array.from({ length: 50 }, (_, index) => `${index}\n`);
    await Promise.all(records.map((record) => appendFile(here.at('log'), record, { durability: 'off' })));
    assert.deepEqual([here.text('log'), here.names()], [records.join(''), ['log']]);
  });

  it('excludes updates, in both directions (G8)', async () => {
    await Promise.all([
      appendFile(here.at('log'), 'one\n'),
      updateFile(here.at('log'), async (old = '') => `${old}two\n`, 'utf8'),
      appendFile(here.at('log'), 'three\n'),
    ]);
    assert.equal(here.text('log'), 'one\ntwo\nthree\n');
  });

  it('never mixes the records of processes, whichever is killed (G8)', async () => {
    const program = `import { appendFile } from 'untorn';
      const [, log, name, durability] = process.argv; console.log('starts');
      for (let count = 0; count < 40; count++)
        await appendFile(log, name.repeat(9000) + '\\n', { durability: 'off' });
      console.log('done');`;
    const programs = ['a', 'b', 'c'].map((one) => start(program, [here.at('log'), one]));
    for (const one of programs) await one.line();
    const victim = start(program.replace('count < 40', 'true'), [here.at('log'), 'v']);
    await victim.line();
    victim.process.kill('SIGKILL');
    await victim.ended;
    for (const one of programs) assert.equal((await one.ended).status, 0);
    const lines = readFileSync(here.at('log'), 'utf8').trimEnd().split('\n');
    for (const line of lines) assert.match(line, /^(a{9000}|b{9000}|c{9000}|v{9000})$/);
    for (const one of ['a', 'b', 'c']) assert.equal(lines.filter((line) => line.startsWith(one)).length, 40);
  });

  it('tells if the file was replaced meanwhile, as by a rotation', async () => {
    plainWrite(here.at('log'), 'one\n');
    const appending = appendFile(here.at('log'), `${'x'.repeat(32 << 20)}\n`);
    const program = start(
      `import { existsSync, readdirSync, statSync, renameSync } from 'node:fs';
       const [, log] = process.argv; while (statSync(log).size < 1000); renameSync(log, log + '.1'); console.log('renamed');`,
      [here.at('log')],
    );
    const failure = await appending.then(
      () => undefined,
      (error: unknown) => error as WriteError,
    );
    await program.ended;
    // The rotation may come after the end of the call, too.
    if (failure !== undefined) assert.deepEqual([failure.code, failure.outcome], ['ERR_VERSION_CONFLICT', 'unknown']);
    assert.equal(statSync(here.at('log.1')).size, (32 << 20) + 5);
  });

  it('leaves no copy of an end that is no longer torn, since somebody without the lock appends', async () => {
    plainWrite(here.at('log'), `one\n${'t'.repeat(30_000_000)}`);
    const call = appendFile(here.at('log'), 'new\n');
    const refused = assert.rejects(call, refusedWith('ERR_VERSION_CONFLICT'));
    while (!here.names().some((name) => /\.untorn-[rt]-/.test(name))) await setImmediate();
    appendPlainly(here.at('log'), 'more\n');
    await refused;
    assert.deepEqual(here.names(), ['log']);
    assert.equal(statSync(here.at('log')).size, 30_000_009);
  });

  it('refuses a blocking call while another of the process is under way', async () => {
    const appending = appendFile(here.at('log'), 'one\n');
    assert.throws(() => appendFileSync(here.at('log'), 'two\n'), { code: 'ERR_LOCK_DEADLOCK', outcome: 'old' });
    await appending;
    assert.equal(here.text('log'), 'one\n');
  });

  it('ends by an abort, and appends nothing', async () => {
    writeFileSync(here.at('log'), 'one\n');
    await assert.rejects(appendFile(here.at('log'), 'two\n', { signal: AbortSignal.abort() }), { name: 'AbortError' });
    assert.equal(here.text('log'), 'one\n');
    truncateSync(here.at('log'), 0);
    assert.deepEqual(here.names(), ['log']);
  });
});
