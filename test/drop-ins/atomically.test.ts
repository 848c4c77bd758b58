import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { WriteError } from 'untorn';
import * as atomically from 'untorn/atomically';
import {
  readFile,
  readFileSync as readNow,
  writeFile,
  writeFileSync as writeNow,
  type WriteOptions,
} from 'untorn/atomically';
import { mountNew } from '../support/mount.ts';
import { scratch } from '../support/scratch.ts';

const onWindows = process.platform === 'win32' && 'Windows has no modes and owners';
/** Windows takes a long name for one that it cannot find. */
const tooLong = process.platform === 'win32' ? 'ENOENT' : 'ENAMETOOLONG';
const modeOf = (path: string): number => statSync(path).mode & 0o7777;

type Write = (
  path: string,
  data: string | Uint8Array | undefined,
  options?: WriteOptions | BufferEncoding,
) => Promise<void>;
const forms: readonly (readonly [string, Write])[] = [
  ['writeFile() with a promise', (path, data, options) => writeFile(path, data, options)],
  [
    'writeFile() with a callback',
    (path, data, options) =>
      new Promise((resolve, reject) => {
        writeFile(path, data, options, (error) => (error ? reject(error) : resolve())).catch(() => undefined);
      }),
  ],
  ['writeFileSync()', async (path, data, options) => writeNow(path, data, options)],
];

describe('untorn/atomically', () => {
  const here = scratch();

  it('has the same functions however it is loaded', () => {
    const required = createRequire(import.meta.url)('untorn/atomically') as typeof atomically;
    assert.deepEqual(Object.keys(required).toSorted(), ['readFile', 'readFileSync', 'writeFile', 'writeFileSync']);
    assert.equal(required.writeFile, atomically.writeFile);
  });

  for (const [name, write] of forms) {
    describe(name, () => {
      it('writes a string, bytes or nothing, and makes directories', async () => {
        await write(here.at('a/b/file'), 'text');
        assert.equal(here.text('a/b/file'), 'text');
        await write(here.at('file'), 'ä', 'latin1');
        assert.deepEqual([...readFileSync(here.at('file'))], [0xe4]);
        await write(here.at('file'), Buffer.from('bytes'));
        assert.equal(here.text('file'), 'bytes');
        await write(here.at('file'), undefined);
        assert.equal(here.text('file'), '');
        assert.deepEqual(here.names(), ['a', 'file']);
      });

      it('refuses other data, and touches nothing (G4)', async () => {
        writeFileSync(here.at('file'), 'old');
        for (const data of [
          17,
          {},
          () => 'text',
          null,
          [],
          ['text'],
          new Map(),
          new Set(),
          new ArrayBuffer(0),
          new Blob([]),
        ])
          await assert.rejects(write(here.at('file'), data as unknown as string), { code: 'ERR_INVALID_ARG_TYPE' });
        assert.equal(here.text('file'), 'old');
      });

      it(
        'keeps the mode, sets the given one, and takes 0o666 and false for the default',
        { skip: onWindows },
        async () => {
          const umask = process.umask();
          writeFileSync(here.at('file'), 'old');
          chmodSync(here.at('file'), 0o600);
          await write(here.at('file'), 'new');
          assert.equal(modeOf(here.at('file')), 0o600);
          await write(here.at('file'), 'new', { mode: 0o666 });
          assert.equal(modeOf(here.at('file')), 0o666 & ~umask);
          await write(here.at('file'), 'new', { mode: 0o640 });
          assert.equal(modeOf(here.at('file')), 0o640);
          await write(here.at('file'), 'new', { mode: false, chown: false });
          assert.equal(modeOf(here.at('file')), 0o666 & ~umask);
        },
      );

      it('begins the name of the temporary file as tmpCreate says, and tells the name', async () => {
        const told: string[] = [];
        await write(here.at('file'), 'new', {
          tmpCreate: (path) => `${path}.mi\\ne`,
          tmpCreated(path) {
            assert.ok(existsSync(path));
            told.push(path);
          },
        });
        assert.equal(told.length, 1);
        // On Windows a backslash begins another name.
        const expected = process.platform === 'win32' ? here.at('ne.') : here.at('file.mi_ne.');
        assert.ok(told[0]?.startsWith(expected), told[0]);
        assert.deepEqual(here.names(), ['file']);
      });

      it('takes every other option', async () => {
        await write(here.at('file'), 'new', { fsync: false, timeout: -1 });
        await write(here.at('file'), 'newer', { fsyncWait: false, timeout: Infinity, encoding: null });
        assert.equal(here.text('file'), 'newer');
      });

      it('does not write under another name if the given one is too long', async () => {
        await assert.rejects(write(here.at('n'.repeat(300)), 'new'), { code: tooLong });
        assert.deepEqual(here.names(), []);
      });

      it('keeps the old file on a full disk, and the new content only if that is asked for (G1, G4)', async (t) => {
        const mount = mountNew(t, 'tmpfs');
        if (mount === undefined) return;
        writeFileSync(`${mount}/file`, 'old');
        const full = { code: 'ENOSPC', outcome: 'old' };
        await assert.rejects(write(`${mount}/file`, 'n'.repeat(3 << 20)), full);
        assert.equal(readFileSync(`${mount}/file`, 'utf8'), 'old');
        await assert.rejects(write(`${mount}/file`, 'n'.repeat(3 << 20), { tmpPurge: false }), (error) => {
          assert.ok(WriteError.isWriteError(error));
          assert.ok(error.temporaryPath !== undefined && existsSync(error.temporaryPath));
          return true;
        });
      });
    });
  }

  it('takes a stream, and keeps the old file if the stream fails (G4)', async () => {
    await writeFile(here.at('file'), Readable.from(['one ', 'two']));
    assert.equal(here.text('file'), 'one two');
    const failing = Readable.from(
      (function* () {
        yield 'half';
        throw new Error('no more');
      })(),
    );
    await assert.rejects(writeFile(here.at('file'), failing), /no more/);
    await writeFile(here.at('other'), 'new');
    assert.deepEqual([here.text('file'), here.names()], ['one two', ['file', 'other']]);
  });

  it('begins when schedule says so, and tells it the end, also of a failure', async () => {
    const events: string[] = [];
    const schedule = async (path: string): Promise<() => void> => {
      events.push(`asked for ${path === here.at('file') || path === here.at('n'.repeat(300)) ? 'it' : path}`);
      assert.deepEqual(here.names(), []);
      return () => void events.push('over');
    };
    await assert.rejects(writeFile(here.at('n'.repeat(300)), 'new', { schedule }), { code: tooLong });
    await writeFile(here.at('file'), 'new', { schedule });
    assert.deepEqual(events, ['asked for it', 'over', 'asked for it', 'over']);
  });

  it('reads bytes or text', async () => {
    writeFileSync(here.at('file'), 'ä');
    assert.deepEqual(await readFile(here.at('file')), Buffer.from('ä'));
    assert.deepEqual(readNow(here.at('file')), Buffer.from('ä'));
    assert.equal(await readFile(here.at('file'), 'utf8'), 'ä');
    assert.equal(await readFile(here.at('file'), { encoding: 'latin1' }), 'Ã¤');
    assert.equal(readNow(here.at('file'), { encoding: 'utf8', timeout: 100 }), 'ä');
  });

  it('fails to read what is not there, with ENOENT', async () => {
    const expected = { code: 'ENOENT', syscall: 'open', path: here.at('none') };
    await assert.rejects(readFile(here.at('none')), expected);
    assert.throws(() => readNow(here.at('none'), 'utf8'), expected);
    await assert.rejects(readFile(here.folder), { code: 'EISDIR' });
  });
});
