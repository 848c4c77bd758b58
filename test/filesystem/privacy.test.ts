import assert from 'node:assert/strict';
import { chmodSync, chownSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { apis } from '../support/apis.ts';
import { alice, as, bob, dev, needsUsers } from '../support/as-user.ts';
import { newFolder } from '../support/folder.ts';
import { needsRoot, needsTools } from '../support/needs.ts';
import { hasNative } from '../support/native-part.ts';
import { finished, run, script } from '../support/run.ts';

/** The system calls of a script, in order; undefined, and the test skipped, where they cannot be seen. */
async function trace(
  t: Parameters<typeof newFolder>[0],
  calls: string,
  source: string,
  args: string[],
  user: string[] = [],
): Promise<string[] | undefined> {
  if (!needsTools(t, 'strace')) return undefined;
  const log = join(newFolder(t), 'log');
  const ended = await finished(
    'strace',
    '-f',
    '-qq',
    '-xx',
    '-s',
    '300',
    '-o',
    log,
    '-e',
    `trace=${calls}`,
    ...script(source, { before: user, args }),
  );
  if (/ptrace|PTRACE/.test(ended.stderr)) {
    t.skip(`cannot trace: ${ended.stderr.trim()}`);
    return undefined;
  }
  assert.equal(ended.status, 0, ended.stderr);
  return wholeCalls(readFileSync(log, 'utf8')).map((line) =>
    line.replace(/(?:\\x[0-9a-f]{2})+/g, (hex) => Buffer.from(hex.replaceAll('\\x', ''), 'hex').toString('latin1')),
  );
}

/**
 * The lines of strace; a call that another thread came between is in two, "… <unfinished ...>" and "<... call
 * resumed>…".
 */
function wholeCalls(log: string): string[] {
  const begun = new Map<string, string>();
  return log.split('\n').flatMap((line) => {
    const [, thread = '', rest = ''] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (rest.endsWith(' <unfinished ...>')) {
      begun.set(thread, line.slice(0, -' <unfinished ...>'.length));
      return [];
    }
    return [rest.startsWith('<... ') ? (begun.get(thread) ?? '') + rest.replace(/^<\.\.\. \w+ resumed>/, '') : line];
  });
}

for (const { name } of apis) {
  describe(`${name}() and its temporary file`, () => {
    it('sets owner, attributes and mode in this order, then syncs, renames, and syncs the directory (G2, G3, G5)', async (t) => {
      if (!needsRoot(t) || !needsTools(t, 'setfacl')) return;
      const path = join(newFolder(t), 'file');
      writeFileSync(path, 'old');
      chownSync(path, alice.uid, dev);
      run('setfacl', '-m', `u:${bob.uid}:rw,o::-`, path);
      chmodSync(path, 0o4750);
      const lines = await trace(
        t,
        'openat,fchown,setxattr,fchmod,fsync,close,rename,renameat,renameat2',
        `await ${name}(process.argv[1], 'new');`,
        [path],
      );
      if (lines === undefined) return;
      const start = lines.findIndex((line) => line.includes('untorn-t-'));
      const fd = /= (\d+)$/.exec(lines[start] ?? '')?.[1];
      assert.match(lines[start] ?? '', /O_CREAT\|O_EXCL\|O_NOFOLLOW.*0600/);
      const order = lines.slice(start + 1).flatMap((line) => {
        const found = /^\d+ +(\w+)\((?:(\d+)|"|AT_FDCWD)/.exec(line);
        if (found === null || line.includes('ENOENT')) return [];
        const [, call = '', of] = found;
        if (call === 'setxattr') return ['setxattr'];
        if (call.startsWith('rename')) return ['rename'];
        return of === fd ? [call] : call === 'fsync' ? ['fsync directory'] : [];
      });
      // Where a close has nothing to report it may come later.
      const expected = [
        'fchown',
        'fchown',
        ...(hasNative ? ['setxattr'] : []),
        'fchmod',
        'fsync',
        'rename',
        'fsync directory',
      ];
      assert.deepEqual(order.filter((call) => call !== 'close').slice(0, expected.length), expected);
      assert.ok(order.includes('close'), order.join());
    });

    it('never sets an ACL that lets a group in which the final file does not (G5)', async (t) => {
      if (!(await needsUsers(t)) || !needsTools(t, 'setfacl')) return;
      const folder = newFolder(t);
      chmodSync(folder, 0o777);
      const path = join(folder, 'file');
      writeFileSync(path, 'old');
      chownSync(path, alice.uid, dev);
      run('setfacl', '-m', `u::rw,g::rw,u:${bob.uid}:rw,o::-`, path);
      if (!needsTools(t, 'strace')) return;
      const log = join(newFolder(t), 'log');
      await finished(
        'strace',
        '-f',
        '-qq',
        '-xx',
        '-s',
        '300',
        '-o',
        log,
        '-e',
        'trace=setxattr',
        ...script(`await ${name}(process.argv[1], 'new');`, { before: as(bob), args: [path] }),
      );
      const line = readFileSync(log, 'utf8')
        .split('\n')
        .find((some) => some.includes('setxattr'));
      assert.equal(line !== undefined, hasNative, 'whether an ACL was set');
      if (line === undefined) return;
      const value = Buffer.from(
        [...line.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].at(-1)?.[1]?.replaceAll('\\x', '') ?? '',
        'hex',
      );
      const entries = Array.from({ length: (value.length - 4) / 8 }, (_, i) => ({
        tag: value.readUInt16LE(4 + i * 8),
        bits: value.readUInt16LE(6 + i * 8),
      }));
      assert.equal(entries.find(({ tag }) => tag === 4)?.bits, 0, 'the entry of the owning group');
    });

    it('never sets an ACL that lets in whom a given mode does not (G5)', async (t) => {
      if (!needsTools(t, 'setfacl')) return;
      const path = join(newFolder(t), 'file');
      writeFileSync(path, 'old');
      run('setfacl', '-m', `u::rw,g::rw,u:${bob.uid}:rw,o::r`, path);
      const lines = await trace(t, 'setxattr', `await ${name}(process.argv[1], 'new', { mode: 0o600 });`, [path]);
      if (lines === undefined) return;
      for (const line of lines.filter((some) => some.includes('posix_acl_access'))) {
        const value = Buffer.from(/"system.posix_acl_access", "([^]*)", \d+, /.exec(line)?.[1] ?? '', 'latin1');
        const bitsOf = (tag: number): number | undefined =>
          Array.from({ length: (value.length - 4) / 8 }, (_, i) => 4 + i * 8)
            .filter((entry) => value.readUInt16LE(entry) === tag)
            .map((entry) => value.readUInt16LE(entry + 2))[0];
        assert.deepEqual({ mask: bitsOf(0x10), others: bitsOf(0x20) }, { mask: 0, others: 0 });
      }
      assert.equal(statSync(path).mode & 0o7777, 0o600);
    });

    it('has a new name each time, which nobody can guess, and is never opened through a link (G5)', async (t) => {
      const path = join(newFolder(t), 'file');
      const lines = await trace(t, 'openat', `for (let i = 0; i < 20; i++) await ${name}(process.argv[1], 'new');`, [
        path,
      ]);
      if (lines === undefined) return;
      const opened = lines.filter((line) => line.includes('untorn-t-'));
      assert.equal(opened.length, 20);
      for (const line of opened) assert.match(line, /O_CREAT\|O_EXCL\|(O_SYNC\|)?O_NOFOLLOW/);
      assert.equal(new Set(opened.map((line) => /-([0-9a-z]{20})\b/.exec(line)?.[1])).size, 20);
    });
  });
}
