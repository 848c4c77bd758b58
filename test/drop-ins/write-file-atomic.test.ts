import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { describe, it } from 'node:test';
import { writeFileSync as replaceSync, WriteError } from 'untorn';
import writeFileAtomic, {
  sync,
  _cleanupOnExit as cleanupOnExit,
  _getTmpname as getTmpname,
  type Options,
} from 'untorn/write-file-atomic';
import { needsOrdinaryUser } from '../support/as-user.ts';
import { missing, run } from '../support/child.ts';
import { mountNew } from '../support/mount.ts';
import { finished } from '../support/run.ts';
import { scratch } from '../support/scratch.ts';

const onWindows = process.platform === 'win32' && 'Windows has no modes and owners';
const modeOf = (path: string): number => statSync(path).mode & 0o7777;

/** The ways to call it, each as a promise. */
type Write = (path: string, data: string | NodeJS.ArrayBufferView, options?: Options | BufferEncoding) => Promise<void>;
const forms: readonly (readonly [string, Write])[] = [
  ['writeFileAtomic() with a promise', (path, data, options) => writeFileAtomic(path, data, options)],
  [
    'writeFileAtomic() with a callback',
    (path, data, options) =>
      new Promise((resolve, reject) =>
        writeFileAtomic(path, data, options, (error) => (error ? reject(error) : resolve())),
      ),
  ],
  ['writeFileAtomic.sync()', async (path, data, options) => sync(path, data, options)],
];

describe('untorn/write-file-atomic', () => {
  const here = scratch();

  it('is one function with the same properties however it is loaded', () => {
    const required: unknown = createRequire(import.meta.url)('untorn/write-file-atomic');
    assert.equal(required, writeFileAtomic);
    assert.deepEqual(Object.entries(writeFileAtomic), [
      ['sync', sync],
      ['_getTmpname', getTmpname],
      ['_cleanupOnExit', cleanupOnExit],
    ]);
  });

  for (const [name, write] of forms) {
    describe(name, () => {
      it('writes a string, bytes, and what has a text of its own', async () => {
        await write(here.at('file'), 'text ä');
        assert.equal(here.text('file'), 'text ä');
        await write(here.at('file'), 'ä', 'latin1');
        assert.deepEqual([...readFileSync(here.at('file'))], [0xe4]);
        await write(here.at('file'), '00ff', { encoding: 'hex' });
        assert.deepEqual([...readFileSync(here.at('file'))], [0, 255]);
        await write(here.at('file'), new Uint16Array([1, 2]));
        assert.equal(readFileSync(here.at('file')).length, 4);
        await write(here.at('file'), 17 as unknown as string);
        assert.equal(here.text('file'), '17');
        assert.deepEqual(here.names(), ['file']);
      });

      it('gives no result', async () => {
        assert.equal(await write(here.at('file'), 'new'), undefined);
      });

      it('refuses what would empty the file or be no text, and touches nothing (G4)', async () => {
        writeFileSync(here.at('file'), 'old');
        for (const data of [undefined, null, {}, () => 'text', Symbol('text')])
          await assert.rejects(write(here.at('file'), data as unknown as string), { code: 'ERR_INVALID_ARG_TYPE' });
        assert.deepEqual([here.text('file'), here.names()], ['old', ['file']]);
      });

      it('fails with the code of the system, and makes no directory', async () => {
        await assert.rejects(write(here.at('none/file'), 'new'), (error) => {
          assert.ok(WriteError.isWriteError(error));
          assert.deepEqual([error.code, error.outcome], ['ENOENT', 'old']);
          return true;
        });
        assert.deepEqual(here.names(), []);
      });

      it('keeps the mode, or sets the given one exactly', { skip: onWindows }, async () => {
        writeFileSync(here.at('file'), 'old');
        chmodSync(here.at('file'), 0o640);
        await write(here.at('file'), 'new');
        assert.equal(modeOf(here.at('file')), 0o640);
        await write(here.at('file'), 'new', { mode: 0o100666 });
        assert.equal(modeOf(here.at('file')), 0o666);
        await write(here.at('file'), 'new', { mode: '600' });
        assert.equal(modeOf(here.at('file')), 0o600);
        const umask = process.umask();
        await write(here.at('file'), 'new', { mode: false });
        assert.equal(modeOf(here.at('file')), 0o666 & ~umask);
      });

      it('refuses a tmpfileCreated that is no function', async () => {
        const options = { tmpfileCreated: 'file' } as unknown as Options;
        await assert.rejects(write(here.at('file'), 'new', options), { code: 'ERR_INVALID_ARG_TYPE' });
        assert.deepEqual(here.names(), []);
      });

      it('needs both parts of an owner', async () => {
        for (const chown of [{ uid: 1 }, { gid: 1 }])
          await assert.rejects(write(here.at('file'), 'new', { chown } as Options), { code: 'ERR_INVALID_ARG_TYPE' });
        assert.deepEqual(here.names(), []);
      });

      it('follows a symbolic link', { skip: onWindows }, async () => {
        writeFileSync(here.at('file'), 'old');
        symlinkSync('file', here.at('link'));
        await write(here.at('link'), 'new');
        assert.equal(here.text('file'), 'new');
      });

      it('tells where the temporary file is, beside the file', async () => {
        const told: string[] = [];
        await write(here.at('file'), 'new', {
          tmpfileCreated(path) {
            assert.ok(existsSync(path));
            assert.ok(!existsSync(here.at('file')));
            told.push(path);
          },
        });
        assert.equal(told.length, 1);
        assert.equal(dirname(told[0] ?? ''), dirname(here.at('file')));
        assert.deepEqual([here.text('file'), here.names()], ['new', ['file']]);
      });

      it('fails with the error of tmpfileCreated, and leaves nothing', async () => {
        const error = new Error('not now');
        const tmpfileCreated = (): void => {
          throw error;
        };
        await assert.rejects(write(here.at('file'), 'new', { tmpfileCreated }), (thrown) => thrown === error);
        assert.deepEqual(here.names(), []);
      });

      it('keeps the old file on a full disk, and says so (G1, G4)', async (t) => {
        const mount = mountNew(t, 'tmpfs');
        if (mount === undefined) return;
        writeFileSync(`${mount}/file`, 'old');
        await assert.rejects(write(`${mount}/file`, 'n'.repeat(3 << 20)), { code: 'ENOSPC', outcome: 'old' });
        assert.equal(readFileSync(`${mount}/file`, 'utf8'), 'old');
      });
    });
  }

  it('awaits what tmpfileCreated returns, unless it blocks', async () => {
    const seen: string[] = [];
    const tmpfileCreated = async (): Promise<void> => {
      await new Promise((resolve) => setImmediate(resolve));
      seen.push(existsSync(here.at('file')) ? 'late' : 'in time');
    };
    await writeFileAtomic(here.at('file'), 'new', { tmpfileCreated });
    assert.deepEqual(seen, ['in time']);
  });

  it('lets the last call win, whatever the calls wait for (G7)', async () => {
    const slow = new Promise<void>((resolve) => setTimeout(resolve, 20));
    const first = writeFileAtomic(here.at('file'), 'first', { tmpfileCreated: () => slow });
    const second = writeFileAtomic(here.at('file'), 'second', { mode: 0o600 });
    const third = writeFileAtomic(here.at('./file'), 'third');
    await Promise.all([first, second, third]);
    assert.equal(here.text('file'), 'third');
    const early = writeFileAtomic(here.at('file'), 'early'.repeat(100_000));
    sync(here.at('file'), 'late');
    await early;
    assert.equal(here.text('file'), 'late');
    assert.deepEqual(here.names(), ['file']);
  });

  it('takes a callback in the place of the options, and calls it once even if it throws', async () => {
    await new Promise<void>((resolve, reject) =>
      writeFileAtomic(here.at('file'), 'new', (error) => (error ? reject(error) : resolve())),
    );
    const { stdout, status, stderr } = await run(
      `import writeFileAtomic from 'untorn/write-file-atomic';
      writeFileAtomic(process.argv.at(-1), 'new', (error) => { console.log('called', error); throw new Error('mine'); });`,
      [here.at('file')],
    );
    assert.deepEqual([stdout.trim(), status], ['called undefined', 1]);
    assert.match(stderr, /Error: mine/);
  });

  it('gives a wrong argument to the callback', async () => {
    const errors: unknown[] = [];
    // As the original gives a promise then too, which does not reject.
    const promise: unknown = writeFileAtomic(here.at('file'), 'new', 'utf9' as BufferEncoding, (error) =>
      errors.push(error),
    );
    assert.equal(await promise, undefined);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(
      errors.map((error) => (error as NodeJS.ErrnoException).code),
      ['ERR_INVALID_ARG_VALUE'],
    );
  });

  it('syncs file and directory, and nothing with fsync: false (G3)', async (t) => {
    const reason = missing('strace', '-qq', '-e', 'trace=fsync', 'true');
    if (reason !== false) return t.skip(reason);
    for (const [fsync, expected] of [[undefined, 2] as const, [false, 0] as const]) {
      const { stderr } = await run(
        `import { sync } from 'untorn/write-file-atomic';
        sync(process.argv.at(-1), 'new', ${JSON.stringify({ fsync })});`,
        [here.at('file')],
        { under: ['strace', '-f', '-qq', '-e', 'trace=fsync,fdatasync'] },
      );
      assert.equal(stderr.match(/\bf(?:data)?sync\(/g)?.length ?? 0, expected, stderr);
    }
  });

  it('does without an owner that an ordinary user may not set', { skip: onWindows }, async (t) => {
    const user = await needsOrdinaryUser(t, here.folder);
    if (user === undefined) return;
    const source = `
      const write = require(${JSON.stringify(createRequire(import.meta.url).resolve('untorn/write-file-atomic'))});
      write.sync('sync', 'new', { chown: { uid: 0, gid: 0 } });
      write('async', 'new', { chown: { uid: 0, gid: 0 } }).then(() => console.log('done'));`;
    const { stdout, stderr } = await finished(
      ...user,
      'sh',
      '-c',
      `cd '${here.folder}' && exec "$0" "$@"`,
      process.execPath,
      '-e',
      source,
    );
    assert.equal(stdout.trim(), 'done', stderr);
    assert.deepEqual([here.text('sync'), here.text('async')], ['new', 'new']);
  });

  it('sets the owner that the superuser gives, or that of the process', { skip: onWindows }, async (t) => {
    if (process.geteuid?.() !== 0) return t.skip('needs root');
    for (const [, write] of forms) {
      await write(here.at('file'), 'new', { chown: { uid: 4321, gid: 4322 } });
      await write(here.at('file'), 'newer');
      const { uid, gid } = statSync(here.at('file'));
      assert.deepEqual([uid, gid], [4321, 4322]);
      await write(here.at('file'), 'newest', { chown: false });
      assert.equal(statSync(here.at('file')).uid, 0);
    }
  });

  it('is in one order with the other functions of the package (G7)', async () => {
    const early = writeFileAtomic(here.at('file'), 'early'.repeat(100_000));
    replaceSync(here.at('file'), 'late');
    await early;
    assert.equal(here.text('file'), 'late');
  });

  it('has a name for a temporary file, and removes a file', () => {
    mkdirSync(here.at('folder'));
    assert.match(getTmpname(here.at('file')), /file\.\d+$/);
    for (const given of [here.at('file'), () => here.at('file')]) {
      writeFileSync(here.at('file'), '');
      const remove = cleanupOnExit(given);
      remove();
      remove();
      assert.deepEqual(here.names(), ['folder']);
    }
    cleanupOnExit(here.at('folder'))();
    assert.deepEqual(here.names(), ['folder']);
  });
});
