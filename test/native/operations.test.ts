/** Each operation, compared with node:fs, or with a command of the system where node:fs has none. */
import assert from 'node:assert/strict';
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  rmdirSync,
  statfsSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  type BigIntStats,
} from 'node:fs';
import { constants as osConstants } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { newFolder } from '../support/folder.ts';
import { mountNew } from '../support/mount.ts';
import { isRoot, needsRoot, needsTools } from '../support/needs.ts';
import { run } from '../support/run.ts';
import { addon, codeOf, emulator, resultsOf, statusAt, ways, withAddon, type Link } from './addon.ts';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_RDONLY, O_RDWR, O_WRONLY } = constants;
const O_PATH = 0o10000000;
const O_TMPFILE = 0o20000000 | O_DIRECTORY;

/** What a status tells, of what node:fs tells. */
function told(stats: BigIntStats): Record<string, bigint> {
  const { mode, nlink, uid, gid, size, dev, ino, atimeNs, mtimeNs, ctimeNs, birthtimeNs } = stats;
  return { mode, nlink, uid, gid, size, dev, ino, atimeNs, mtimeNs, ctimeNs, birthtimeNs };
}

function text(path: string): string {
  return readFileSync(path, 'utf8');
}

/** The name of the error with which a function of node:fs fails. */
function codeFrom(call: (path: string) => unknown, path: string): unknown {
  try {
    call(path);
    return 'none';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}

for (const { name, perform } of ways) {
  describe(`an operation of the native part, ${name}`, withAddon, () => {
    it('opens a file, writes it, syncs it and closes it', async (t) => {
      const path = join(newFolder(t), 'file');
      const [descriptor, written] = resultsOf(
        await perform(
          ['open', path, O_WRONLY | O_CREAT | O_EXCL, 0o640],
          ['write', -1, Buffer.from('contents')],
          ['fsync', -1],
          ['fdatasync', -1],
          ['syncfs', -1],
        ),
      ) as [number, number];
      assert.equal(fstatSync(descriptor).ino, statSync(path).ino);
      assert.match(
        text(`/proc/self/fdinfo/${descriptor}`),
        /^flags:\t02\d{6}$/m,
        'closed in a program that is started',
      );
      assert.deepEqual([written, text(path), statSync(path).mode & 0o777], [8, 'contents', 0o640 & ~process.umask()]);
      assert.deepEqual(resultsOf(await perform(['write', descriptor, Buffer.from('!')], ['close', descriptor])), [
        1,
        undefined,
      ]);
      assert.throws(() => fstatSync(descriptor), { code: 'EBADF' });
      assert.equal(text(path), 'contents!');
    });

    it('writes the part of the memory that it is given', async (t) => {
      const path = join(newFolder(t), 'file');
      const bytes = new Uint8Array(Buffer.from('0123456789')).subarray(3, 6);
      const shared = new Uint8Array(new SharedArrayBuffer(2)).fill(97);
      const links: Link[] = [bytes, shared, new Uint8Array(0)].map((part) => ['write', -1, part]);
      const results = await perform(['open', path, O_WRONLY | O_CREAT, 0o600], ...links, ['close', -1]);
      assert.deepEqual(resultsOf(results).slice(1), [3, 2, 0, undefined]);
      assert.equal(text(path), '345aa');
    });

    it('is found by a path of bytes and by one of text', async (t) => {
      const folder = newFolder(t);
      for (const named of ['plain', 'ä€𝄞', ' new\nline']) {
        resultsOf(await perform(['mkdir', join(folder, named), 0o700]));
        resultsOf(await perform(['mkdir', Buffer.from(join(folder, `${named}2`)), 0o700]));
      }
      const odd = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0x80])]);
      resultsOf(await perform(['mkdir', odd, 0o700]));
      assert.deepEqual(
        readdirSync(folder, 'buffer')
          .map((found) => found.toString('latin1'))
          .toSorted(),
        [
          ...['plain', 'plain2', 'ä€𝄞', 'ä€𝄞2', ' new\nline', ' new\nline2'].map((one) =>
            Buffer.from(one).toString('latin1'),
          ),
          '\xff\x80',
        ].toSorted(),
      );
    });

    it('reaches what is in an open directory, also once that is renamed', async (t) => {
      const folder = newFolder(t);
      for (const flags of [O_RDONLY | O_DIRECTORY, O_PATH]) {
        const [before, now] = [join(folder, 'before'), join(folder, `now ${flags}`)];
        mkdirSync(before);
        const fd = openSync(before, flags);
        t.after(() => closeSync(fd));
        renameSync(before, now);
        const at = (rest: string) => `/proc/self/fd/${fd}/${rest}`;
        // With what is before it, it would be longer than the system takes.
        const long = './'.repeat(2045);
        const outcome = await perform(
          ['open', at('one'), O_WRONLY | O_CREAT, 0o600],
          ['write', -1, Buffer.from('1')],
          ['linkOpen', -1, at(`${long}two`)],
          ['close', -1],
          ['mkdir', at('directory'), 0o700],
          ['rename', at('two'), join(now, 'three')],
          ['renameNew', join(now, 'three'), at('directory/../four')],
          ['exchange', at('four'), at('directory')],
          ['link', at('directory'), at('five')],
          ['unlink', at('directory')],
          ['rmdir', at('four/')],
          ['stat', at('../before')],
        );
        assert.deepEqual([codeOf(outcome), outcome.length], ['ENOENT', 12]);
        assert.deepEqual([readdirSync(now).toSorted(), text(join(now, 'five'))], [['five', 'one'], '1']);
        symlinkSync('one', join(now, 'link'));
        resultsOf(await perform(['lstat', at('link')], ['stat', at('link')], ['lstat', at('..')]));
        const inodes = [lstatSync(join(now, 'link')), lstatSync(join(now, 'one')), lstatSync(folder)];
        assert.deepEqual(
          [0, 1, 2].map((index) => statusAt(index)['ino']),
          inodes.map(({ ino }) => BigInt(ino)),
        );
        resultsOf(await perform(['stat', at(`${long}one`)], ['rename', at(`${long}one`), at(`${long}six`)]));
      }
    });

    it('takes a path in /proc for what the system takes it for', async (t) => {
      const folder = newFolder(t);
      writeFileSync(join(folder, 'file'), '');
      const fd = openSync(folder, O_RDONLY);
      const file = openSync(join(folder, 'file'), O_RDONLY);
      t.after(() => {
        closeSync(fd);
        closeSync(file);
      });
      const rests = [
        [`${fd}`, `${fd}/`, `${fd}/.`, `${fd}//`, `${fd}/file`, `${fd}//file`, `${fd}/file/`, `${fd}/missing`],
        [`0${fd}/file`, `00${fd}/file`, `+${fd}/file`, ` ${fd}/file`, `${fd}x/file`, `${fd} /file`, `/${fd}/file`],
        [`${2 ** 32 + fd}/file`, `${10 ** 10 + fd}/file`, `${fd}/${folder}`, '/file', '', `-1/file`, `-100/file`],
        [`${file}`, `${file}/`, `${file}/x`, `${file}/..`, '1000000', '1000000/', '1000000/file', '999999999/file'],
      ];
      for (const path of rests.flat().map((rest) => `/proc/self/fd/${rest}`)) {
        // None of them can be removed.
        const codes = [];
        for (const call of ['stat', 'lstat', 'rmdir']) codes.push(codeOf(await perform([call, path])));
        assert.deepEqual(codes, [codeFrom(statSync, path), codeFrom(lstatSync, path), codeFrom(rmdirSync, path)], path);
        if (codes[0] !== 'none') continue;
        resultsOf(await perform(['stat', path]));
        assert.equal(statusAt(0)['ino'], statSync(path, { bigint: true }).ino, path);
      }
      const [mine, nowhere] = [join(folder, 'file'), '/proc/self/fd/1000000/file'];
      const withTwoNames: Link[] = [
        ['rename', mine, nowhere],
        ['rename', nowhere, mine],
        ['link', nowhere, mine],
        ['linkOpen', file, nowhere],
      ];
      for (const one of withTwoNames) assert.equal(codeOf(await perform(one)), 'ENOENT', one.join(' '));
    });

    it('stops at the first that fails, and makes none after it', async (t) => {
      const folder = newFolder(t);
      const outcome = await perform(
        ['mkdir', join(folder, 'first'), 0o700],
        ['rmdir', join(folder, 'missing')],
        ['mkdir', join(folder, 'third'), 0o700],
      );
      assert.deepEqual([codeOf(outcome), outcome.length, readdirSync(folder)], ['ENOENT', 2, ['first']]);
    });

    it('has the descriptor of the latest open, and none once that is closed', async (t) => {
      const [one, two] = ['one', 'two'].map((part) => join(newFolder(t), part)) as [string, string];
      const flags = O_WRONLY | O_CREAT;
      const outcome = await perform(
        ['open', one, flags, 0o600],
        ['write', -1, Buffer.from('1')],
        ['open', two, flags, 0o600],
        ['write', -1, Buffer.from('2')],
        ['close', -1],
        ['write', -1, Buffer.from('3')],
      );
      assert.deepEqual([codeOf(outcome), text(one), text(two)], ['EBADF', '1', '2']);
      closeSync(outcome[1] as number);
    });

    if (name === 'in a job')
      it('never has a descriptor that it has closed, though another file has its number now', async (t) => {
        const folder = newFolder(t);
        const [one, two, pipe] = ['one', 'two', 'pipe'].map((part) => join(folder, part)) as [string, string, string];
        run('mkfifo', pipe);
        const end = openSync(pipe, O_RDWR);
        t.after(() => closeSync(end));
        const fill = new Uint8Array(100_000);
        const job = perform(
          ['open', one, O_WRONLY | O_CREAT, 0o600],
          ['close', -1],
          // It waits until somebody reads from the pipe.
          ['write', end, fill],
          ['write', -1, Buffer.from('mine')],
        );
        while (!existsSync(one) || readSync(end, fill, 0, 1, null) === 0) await sleep(1);
        await sleep(10);
        const other = openSync(two, 'w');
        t.after(() => closeSync(other));
        readSync(end, fill);
        readSync(end, fill);
        const [errno, opened] = await job;
        assert.deepEqual([errno, other, text(two)], [osConstants.errno.EBADF, opened, '']);
      });

    it('tells the status of a file, a directory and a link as node:fs does', async (t) => {
      const folder = newFolder(t);
      const path = join(folder, 'file');
      writeFileSync(path, 'contents');
      linkSync(path, join(folder, 'other'));
      utimesSync(path, -1.5, 1234567890.125);
      symlinkSync('file', join(folder, 'link'));
      // To follow the link does not change its access time then.
      lutimesSync(join(folder, 'link'), 4_000_000_000, 1);
      const fd = openSync(path, 'r');
      t.after(() => closeSync(fd));
      resultsOf(
        await perform(['fstat', fd], ['stat', join(folder, 'link')], ['lstat', join(folder, 'link')], ['stat', folder]),
      );
      const found = [0, 1, 2, 3].map(statusAt);
      const real = [
        fstatSync(fd, { bigint: true }),
        statSync(join(folder, 'link'), { bigint: true }),
        lstatSync(join(folder, 'link'), { bigint: true }),
        statSync(folder, { bigint: true }),
      ].map(told);
      assert.deepEqual(found, real);
    });

    it('tells the status of devices as node:fs does', async () => {
      resultsOf(await perform(['stat', '/dev/null'], ['stat', '/proc/self'], ['stat', '/']));
      assert.equal(statusAt(0)['ino'], statSync('/dev/null', { bigint: true }).ino);
      for (const [at, path] of ['/dev/null', '/proc/self', '/'].entries())
        assert.equal(statusAt(at)['dev'], statSync(path, { bigint: true }).dev);
    });

    it('tells no time that does not fit', async (t) => {
      const path = join(newFolder(t), 'file');
      writeFileSync(path, '');
      utimesSync(path, new Date('2262-01-01'), new Date('2262-01-01'));
      resultsOf(await perform(['stat', path]));
      assert.equal(statusAt(0)['mtimeNs'], BigInt(Date.parse('2262-01-01')) * 1_000_000n);
      utimesSync(path, new Date('2300-01-01'), new Date('2300-01-01'));
      if (statSync(path).mtime.getUTCFullYear() !== 2300) return t.skip('needs a filesystem with the year 2300');
      assert.equal(codeOf(await perform(['stat', path])), 'EOVERFLOW');
    });

    it("tells the number of a filesystem's type", async (t) => {
      const paths = [newFolder(t), '/proc', '/dev'];
      const found = resultsOf(await perform(...paths.map((path) => ['statfs', path])));
      assert.deepEqual(
        found,
        paths.map((path) => statfsSync(path).type),
      );
    });

    it('renames, over another file or only to a new name, and exchanges', async (t) => {
      const folder = newFolder(t);
      const [one, two, three] = ['one', 'two', 'three'].map((part) => join(folder, part)) as [string, string, string];
      writeFileSync(one, '1');
      writeFileSync(two, '2');
      assert.equal(codeOf(await perform(['renameNew', one, two])), 'EEXIST');
      assert.equal(codeOf(await perform(['exchange', one, three])), 'ENOENT');
      resultsOf(await perform(['exchange', one, two]));
      assert.deepEqual([text(one), text(two)], ['2', '1']);
      resultsOf(await perform(['renameNew', one, three], ['rename', two, three]));
      assert.deepEqual([readdirSync(folder), text(three)], [['three'], '1']);
    });

    it('links and unlinks, makes directories and removes them', async (t) => {
      const folder = newFolder(t);
      const [file, other, directory] = ['file', 'other', 'directory'].map((part) => join(folder, part)) as [
        string,
        string,
        string,
      ];
      writeFileSync(file, '1');
      resultsOf(await perform(['link', file, other], ['unlink', file], ['mkdir', directory, 0o751]));
      assert.deepEqual(readdirSync(folder).toSorted(), ['directory', 'other']);
      assert.equal(statSync(directory).mode & 0o777, 0o751 & ~process.umask());
      assert.equal(codeOf(await perform(['link', other, directory])), 'EEXIST');
      resultsOf(await perform(['rmdir', directory]));
      assert.equal(existsSync(directory), false);
    });

    it('sets length, mode and times', async (t) => {
      const path = join(newFolder(t), 'file');
      writeFileSync(path, 'contents');
      const times = [
        [-1n, 1n],
        [-1_500_000_000n, 1_700_000_000_123_456_789n],
        [-2_000_000_000n, 0n],
      ] as const;
      for (const [atime, mtime] of times) {
        resultsOf(
          await perform(
            ['open', path, O_RDWR, 0],
            ['ftruncate', -1, 3],
            ['fchmod', -1, 0o4711],
            ['futimes', -1, atime, mtime],
            ['close', -1],
          ),
        );
        const { mode, atimeNs, mtimeNs } = statSync(path, { bigint: true });
        assert.deepEqual([text(path), mode & 0o7777n, atimeNs, mtimeNs], ['con', 0o4711n, atime, mtime]);
      }
    });

    it('makes a file longer than 32 bits can tell', async (t) => {
      const path = join(newFolder(t), 'file');
      const length = 2 ** 33 + 1;
      const outcome = await perform(['open', path, O_RDWR | O_CREAT, 0o600], ['ftruncate', -1, length], ['close', -1]);
      if (codeOf(outcome) === 'EFBIG') return t.skip('needs a filesystem with files of 8 GiB');
      resultsOf(outcome);
      resultsOf(await perform(['stat', path]));
      assert.deepEqual([statSync(path).size, statusAt(0)['size']], [length, BigInt(length)]);
    });

    it('sets owner and group, or leaves them with -1', async (t) => {
      if (!needsRoot(t)) return;
      const path = join(newFolder(t), 'file');
      writeFileSync(path, '');
      const big = 4_000_000_000;
      const owners = [];
      for (const [uid, gid] of [
        [12, 34],
        [-1, 56],
        [78, -1],
        [big, big],
      ]) {
        resultsOf(await perform(['open', path, O_RDONLY, 0], ['fchown', -1, uid, gid], ['close', -1]));
        owners.push([statSync(path).uid, statSync(path).gid]);
      }
      assert.deepEqual(owners, [
        [12, 34],
        [12, 56],
        [78, 56],
        [big, big],
      ]);
    });

    it('gets, sets, lists and removes extended attributes, as getfattr shows them', async (t) => {
      if (!needsTools(t, 'getfattr', 'setfattr')) return;
      const path = join(newFolder(t), 'file');
      writeFileSync(path, '');
      const [fd] = resultsOf(await perform(['open', path, O_RDONLY, 0])) as [number];
      const set = await perform(['setxattr', fd, 'user.one', Buffer.from('a\0b')]);
      if (codeOf(set) === 'ENOTSUP') return t.skip('needs a filesystem with extended attributes');
      resultsOf(await perform(['setxattr', fd, 'user.empty', new Uint8Array(0)]));
      const shown = () =>
        run('getfattr', '--dump', '--encoding=hex', '--absolute-names', path)
          .split('\n')
          .filter((line) => line.startsWith('user.'))
          .toSorted();
      assert.deepEqual(shown(), ['user.empty=0x', 'user.one=0x610062']);
      run('setfattr', '-n', 'user.two', '-v', '2', path);
      const [names, one, two, empty] = resultsOf(
        await perform(
          ['listxattr', fd],
          ['getxattr', fd, 'user.one'],
          ['getxattr', fd, 'user.two'],
          ['getxattr', fd, 'user.empty'],
        ),
      ) as [Buffer, Buffer, Buffer, Buffer];
      const listed = names.toString().split('\0').slice(0, -1);
      assert.deepEqual(listed.filter((one) => one.startsWith('user.')).toSorted(), [
        'user.empty',
        'user.one',
        'user.two',
      ]);
      assert.deepEqual([one.toString(), two.toString(), empty.toString()], ['a\0b', '2', '']);
      resultsOf(await perform(['removexattr', fd, 'user.one'], ['removexattr', fd, 'user.empty']));
      assert.deepEqual(shown(), ['user.two=0x32']);
      assert.equal(codeOf(await perform(['getxattr', fd, 'user.one'])), 'ENODATA');
      resultsOf(await perform(['close', fd]));
    });

    it('reads attributes of any size, and a list of any length', async (t) => {
      const folder = mountNew(t, 'xfs');
      if (folder === undefined) return;
      writeFileSync(join(folder, 'file'), '');
      const fd = openSync(join(folder, 'file'), O_RDONLY);
      t.after(() => closeSync(fd));
      const given: string[] = [];
      for (const size of [1, 511, 512, 513, 4096, 65_535, 65_536]) {
        const [attribute, value] = [`user.${size}${'x'.repeat(200)}`, Buffer.alloc(size, `${size} `)];
        given.push(attribute);
        const results = await perform(
          ['setxattr', fd, attribute, value],
          ['listxattr', fd],
          ['getxattr', fd, attribute],
        );
        const [, names, found] = resultsOf(results) as [undefined, Buffer, Buffer];
        const listed = names
          .toString()
          .split('\0')
          .filter((one) => one.startsWith('user.'));
        assert.deepEqual(listed.toSorted(), given.toSorted());
        assert.ok(found.equals(value), `${size} bytes`);
      }
    });

    it('reads the attributes of a file that is open as a path only', async (t) => {
      if (!needsTools(t, 'setfattr')) return;
      const path = join(newFolder(t), 'file');
      writeFileSync(path, '');
      try {
        run('setfattr', '-n', 'user.one', '-v', '1', path);
      } catch {
        return t.skip('needs a filesystem with extended attributes');
      }
      const [, value] = resultsOf(
        await perform(['open', path, O_PATH, 0], ['getxattr', -1, 'user.one'], ['close', -1]),
      ) as [number, Buffer];
      assert.equal(value.toString(), '1');
    });

    it('gives a name to an open file, also to one that never had any', async (t) => {
      const folder = newFolder(t);
      const outcome = await perform(
        ['open', folder, O_RDWR | O_TMPFILE, 0o600],
        ['write', -1, Buffer.from('contents')],
        ['linkOpen', -1, join(folder, 'file')],
        ['linkOpen', -1, join(folder, 'file')],
      );
      if (codeOf(outcome) === 'ENOTSUP') return t.skip('needs a filesystem with O_TMPFILE');
      assert.deepEqual([codeOf(outcome), text(join(folder, 'file'))], ['EEXIST', 'contents']);
      resultsOf(await perform(['close', outcome[1]]));
    });

    it('gets and sets the flags that lsattr shows', async (t) => {
      const folder = mountNew(t, 'ext4');
      if (folder === undefined || !needsTools(t, 'lsattr')) return;
      const path = join(folder, 'file');
      writeFileSync(path, '');
      const shown = () => run('lsattr', path).split(' ')[0]?.replaceAll('-', '').replace('e', '');
      const noDump = 0x40;
      const noAccessTime = 0x80;
      const [, before] = resultsOf(await perform(['open', path, O_RDONLY, 0], ['getflags', -1], ['close', -1]));
      const wanted = (before as number) | noDump | noAccessTime;
      const [, , after] = resultsOf(
        await perform(['open', path, O_RDONLY, 0], ['setflags', -1, wanted], ['getflags', -1], ['close', -1]),
      );
      assert.deepEqual([after, shown()], [wanted, 'dA']);
      resultsOf(await perform(['open', path, O_RDONLY, 0], ['setflags', -1, before], ['close', -1]));
      assert.equal(shown(), '');
      const pipe = join(folder, 'pipe');
      run('mkfifo', pipe);
      const onPipe = await perform(['open', pipe, O_RDWR, 0], ['setflags', -1, noDump]);
      assert.equal(codeOf(onPipe), 'ENOTTY');
      resultsOf(await perform(['close', onPipe[1]]));
    });

    it('gets and sets the project that lsattr shows', async (t) => {
      const folder = mountNew(t, 'xfs');
      if (folder === undefined || !needsTools(t, 'lsattr')) return;
      const directory = join(folder, 'directory');
      mkdirSync(directory);
      const inherits = 0x200;
      const got = await perform(['open', directory, O_RDONLY, 0], ['getproject', -1], ['getxflags', -1], ['close', -1]);
      if (emulator.length > 0 && codeOf(got) === 'ENOSYS') return t.skip('the emulator does not have this call');
      const [, project, flags] = resultsOf(got);
      assert.deepEqual([project, (flags as number) & inherits], [0, 0]);
      const [, , after, flagsAfter] = resultsOf(
        await perform(
          ['open', directory, O_RDONLY, 0],
          ['setproject', -1, 4_000_000_000, (flags as number) | inherits],
          ['getproject', -1],
          ['getxflags', -1],
          ['close', -1],
        ),
      );
      assert.deepEqual([after, (flagsAfter as number) & inherits], [4_000_000_000, inherits]);
      assert.match(run('lsattr', '-d', '-p', directory), /^ *4000000000 -*P/);
      writeFileSync(join(directory, 'file'), '');
      const [, inherited] = resultsOf(
        await perform(['open', join(directory, 'file'), O_RDONLY, 0], ['getproject', -1], ['close', -1]),
      );
      assert.equal(inherited, 4_000_000_000);
    });

    it('fails as the system says', async (t) => {
      const folder = newFolder(t);
      const file = join(folder, 'file');
      writeFileSync(file, '');
      const long = join(folder, 'x'.repeat(300));
      const cases: [string, ...Link[]][] = [
        ['EEXIST', ['open', file, O_CREAT | O_EXCL, 0o600]],
        ['EISDIR', ['open', folder, O_WRONLY, 0]],
        ['ENOTDIR', ['mkdir', join(file, 'x'), 0o700]],
        ['ENOTDIR', ['rmdir', file]],
        ['ENOTEMPTY', ['rmdir', folder]],
        ['ENAMETOOLONG', ['stat', long]],
        ['ENOENT', ['lstat', '']],
        ['EBADF', ['fsync', 1_000_000]],
        ['EBADF', ['fstat', -1]],
        ['EBADF', ['fsync', 2 ** 31 - 1]],
        ['EISDIR', ['unlink', folder]],
        ['EINVAL', ['rename', folder, join(folder, 'x')]],
      ];
      for (const [code, ...links] of cases) assert.equal(codeOf(await perform(...links)), code, JSON.stringify(links));
      if (!isRoot) assert.equal(codeOf(await perform(['mkdir', '/proc/x', 0o700])), 'ENOENT');
    });
  });
}

describe('the operations of the native part', withAddon, () => {
  it('are all tried', () => {
    const here = readFileSync(fileURLToPath(import.meta.url), 'utf8');
    assert.deepEqual(
      Object.keys(addon.operations).filter((operation) => !here.includes(`['${operation}',`)),
      [],
    );
  });

  it('leave no descriptor open', () => {
    const open = readdirSync('/proc/self/fd').map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return '';
      }
    });
    assert.deepEqual(
      open.filter((path) => path.includes('untorn-test-')),
      [],
    );
  });
});
