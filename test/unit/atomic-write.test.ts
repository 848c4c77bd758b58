import assert from 'node:assert/strict';
import { chmodSync, chownSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, it } from 'node:test';
import {
  atomicWrite,
  atomicWriteSync,
  WriteError,
  type PendingFile,
  type PendingFileSync,
  type WriteOptions,
  type WriteResult,
} from 'untorn';
import { knownLosses } from '../support/native-part.ts';
import { scratch, superuser } from '../support/scratch.ts';

type AnyFile = PendingFile | PendingFileSync;
type Callback = (file: AnyFile) => unknown;

/** Both forms, so that each test shows the same of both. */
const forms: [string, (path: string, callback: Callback, options?: WriteOptions) => Promise<WriteResult>][] = [
  ['atomicWrite()', (path, callback, options) => atomicWrite(path, callback, options)],
  ['atomicWriteSync()', async (path, callback, options) => atomicWriteSync(path, callback, options)],
];

for (const [name, write] of forms) {
  describe(name, () => {
    const here = scratch();

    it('replaces the file by what the callback wrote, and leaves nothing else (G1, G10)', async () => {
      writeFileSync(here.at('file'), 'old');
      const result = await write(here.at('file'), (file) => {
        const first = file.write('new ');
        assert.equal(here.text('file'), 'old');
        return first instanceof Promise
          ? first.then(() => (file as PendingFile).write('content'))
          : void file.write('content');
      });
      assert.equal(here.text('file'), 'new content');
      assert.deepEqual(here.names(), ['file']);
      assert.deepEqual(
        { ...result, durable: undefined, path: undefined, notKept: knownLosses(result.notKept) },
        {
          path: undefined,
          bytes: 11,
          replaced: true,
          unchanged: false,
          superseded: false,
          version: undefined,
          atomic: true,
          durable: undefined,
          backupPath: undefined,
          notKept: [],
        },
      );
    });

    it('writes bytes as they are, and text in the encoding that is asked for', async () => {
      const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
      await write(here.at('binary'), (file) => file.write(bytes));
      assert.deepEqual(readFileSync(here.at('binary')), Buffer.from(bytes));
      await write(here.at('text'), (file) => file.write('é€\r\n'), { encoding: 'utf16le' });
      assert.deepEqual(readFileSync(here.at('text')), Buffer.from('é€\r\n', 'utf16le'));
    });

    it('creates a file that is not there', async () => {
      const result = await write(here.at('file'), (file) => file.write('new'));
      assert.equal(result.replaced, false);
      assert.equal(here.text('file'), 'new');
    });

    it('makes an empty file where the callback writes nothing', async () => {
      writeFileSync(here.at('file'), 'old');
      assert.equal((await write(here.at('file'), () => undefined)).bytes, 0);
      assert.equal(here.text('file'), '');
    });

    it('writes to a hidden file of this user alone beside the target (G5)', async () => {
      writeFileSync(here.at('file'), 'old', { mode: 0o644 });
      await write(here.at('file'), ({ temporaryPath, path }) => {
        assert.equal(path, here.at('file'));
        assert.equal(dirname(temporaryPath.toString()), here.folder);
        assert.match(temporaryPath.toString(), /\/\.file\.untorn-t-[^/]+\.tmp$/);
        assert.equal(statSync(temporaryPath).mode & 0o777, 0o600);
      });
      assert.equal(statSync(here.at('file')).mode & 0o777, 0o644);
    });

    it('names the temporary file with the prefix and suffix that are given', async () => {
      await write(
        here.at('file'),
        ({ temporaryPath }) => assert.match(temporaryPath.toString(), /\/tmpuntorn-t-[^/]+\.bak$/),
        {
          temporary: { prefix: 'tmp', suffix: '.bak' },
        },
      );
    });

    it('keeps the old file and passes the error on when the callback throws (G4, G10)', async () => {
      writeFileSync(here.at('file'), 'old');
      const error = new Error('half way');
      const fail: Callback = (file) => {
        const written = file.write('half');
        if (!(written instanceof Promise)) throw error;
        return written.then(() => Promise.reject(error));
      };
      await assert.rejects(write(here.at('file'), fail), (thrown) => thrown === error);
      assert.equal('temporaryPath' in error, false);
      assert.equal(here.text('file'), 'old');
      assert.deepEqual(here.names(), ['file']);
    });

    it('makes no file when the callback throws and there was none (G10)', async () => {
      await assert.rejects(
        write(here.at('file'), () => {
          throw new Error('no');
        }),
        { message: 'no' },
      );
      assert.deepEqual(here.names(), []);
    });

    it('passes on whatever the callback throws', async () => {
      for (const thrown of [undefined, null, 'text', 0, Object.freeze(new Error('frozen'))]) {
        const failed = await write(here.at('file'), () => {
          throw thrown;
        }).then(
          () => assert.fail('it resolved'),
          (error: unknown) => ({ error }),
        );
        assert.equal(failed.error, thrown);
      }
    });

    it('keeps what was written when asked to, and names it in the error', async () => {
      writeFileSync(here.at('file'), 'old');
      const keep = { temporary: { prefix: 'tmp', suffix: '.bak', keepOnError: true } };
      const fail: Callback = (file) => {
        const written = file.write('half');
        if (!(written instanceof Promise)) throw new Error('half way');
        return written.then(() => Promise.reject(new Error('half way')));
      };
      const error = await write(here.at('file'), fail, keep).then(
        () => assert.fail('it resolved'),
        (thrown: Error & { temporaryPath: string }) => thrown,
      );
      assert.equal(error.message, 'half way');
      assert.match(error.temporaryPath, /\/tmpuntorn-r-[^/]+\.bak$/);
      assert.equal(readFileSync(error.temporaryPath, 'utf8'), 'half');
      assert.equal(statSync(error.temporaryPath).mode & 0o777, 0o600);
      assert.equal(here.text('file'), 'old');
    });

    it('names what was kept also where the thrown value cannot say it', async () => {
      for (const thrown of ['text', undefined, Object.freeze(new Error('frozen'))]) {
        const failed = await write(
          here.at('file'),
          () => {
            throw thrown;
          },
          { temporary: { keepOnError: true } },
        ).then(
          () => assert.fail('it resolved'),
          (error: Error & { temporaryPath: string }) => error,
        );
        assert.equal(failed.cause, thrown);
        assert.equal(readFileSync(failed.temporaryPath, 'utf8'), '');
      }
    });

    it(
      'does not hide the first error when the temporary file cannot be removed',
      { skip: superuser && 'the superuser may remove files anywhere' },
      async () => {
        await assert.rejects(
          write(here.at('file'), () => {
            chmodSync(here.folder, 0o500);
            throw new Error('first');
          }),
          { message: 'first' },
        );
      },
    );

    it('does not hide the first error when the temporary file is gone', async () => {
      await assert.rejects(
        write(here.at('file'), ({ temporaryPath }) => {
          unlinkSync(temporaryPath);
          throw new Error('first');
        }),
        { message: 'first' },
      );
      assert.deepEqual(here.names(), []);
    });

    it('fails and keeps the old file when somebody removed the temporary one (G4)', async () => {
      writeFileSync(here.at('file'), 'old');
      await assert.rejects(
        write(here.at('file'), ({ temporaryPath }) => unlinkSync(temporaryPath)),
        (error) => {
          assert.ok(WriteError.isWriteError(error));
          assert.equal(error.code, 'ENOENT');
          assert.equal(error.outcome, 'old');
          return true;
        },
      );
      assert.equal(here.text('file'), 'old');
    });

    it('keeps mode and owner of the file that it replaces (G6)', async () => {
      writeFileSync(here.at('file'), 'old');
      if (superuser) chownSync(here.at('file'), 1234, 2345);
      chmodSync(here.at('file'), 0o640);
      const old = statSync(here.at('file'));
      const notKept = knownLosses((await write(here.at('file'), (file) => file.write('new'))).notKept);
      const { mode, uid, gid, ino } = statSync(here.at('file'));
      assert.deepEqual({ mode, uid, gid, notKept }, { mode: old.mode, uid: old.uid, gid: old.gid, notKept: [] });
      assert.notEqual(ino, old.ino);
    });

    it('sets mode and owner that are given exactly', async () => {
      const [uid, gid] = superuser ? [1234, 2345] : [process.geteuid?.() as number, process.getegid?.() as number];
      await write(here.at('file'), (file) => file.write('new'), { mode: 0o604, owner: { uid, gid } });
      const status = statSync(here.at('file'));
      assert.deepEqual([status.mode & 0o7777, status.uid, status.gid], [0o604, uid, gid]);
    });

    it(
      'fails with the old file in place where a given owner is not allowed',
      { skip: superuser && 'the superuser may give files away' },
      async () => {
        writeFileSync(here.at('file'), 'old');
        await assert.rejects(
          write(here.at('file'), (file) => file.write('new'), { owner: { uid: 0 } }),
          { code: 'EPERM', step: 'set metadata', outcome: 'old' },
        );
        assert.deepEqual([here.text('file'), here.names()], ['old', ['file']]);
      },
    );

    it('rejects when the callback discarded the file', async () => {
      writeFileSync(here.at('file'), 'old');
      await assert.rejects(
        write(here.at('file'), (file) => file.discard()),
        { name: 'TypeError', code: 'ERR_INVALID_STATE' },
      );
      assert.deepEqual([here.text('file'), here.names()], ['old', ['file']]);
    });

    it('gives the result of the commit that the callback made itself', async () => {
      let own: unknown;
      const commit: Callback = (file) => {
        const committed = file.commit();
        if (!(committed instanceof Promise)) return void (own = committed);
        return committed.then((value) => void (own = value));
      };
      assert.equal(await write(here.at('file'), commit), own);
    });

    it('passes on an error that the callback throws after it committed, with the new file in place', async () => {
      const fail: Callback = (file) => {
        const committed = file.commit();
        if (!(committed instanceof Promise)) throw new Error('afterwards');
        return committed.then(() => Promise.reject(new Error('afterwards')));
      };
      await assert.rejects(write(here.at('file'), fail), { message: 'afterwards' });
      assert.deepEqual(here.names(), ['file']);
    });

    it('refuses what is no function before it touches anything', async () => {
      await assert.rejects(write(here.at('none/file'), 'text' as unknown as Callback), {
        name: 'TypeError',
        code: 'ERR_INVALID_ARG_TYPE',
      });
    });

    it('does not call the callback where the target cannot be replaced', async () => {
      await assert.rejects(
        write(here.folder, () => assert.fail('it was called')),
        { code: 'EISDIR', outcome: 'old' },
      );
      await assert.rejects(
        write(here.at('none/file'), () => assert.fail('it was called')),
        { code: 'ENOENT', outcome: 'old' },
      );
    });
  });
}

describe('atomicWrite()', () => {
  const here = scratch();

  it('waits for writes and a commit that the callback did not wait for, in their order', async () => {
    const result = await atomicWrite(here.at('file'), (file) => {
      void file.write('a');
      void file.write(['b', 'c']);
      void file.writev(['d', 'e']);
      void file.commit();
    });
    assert.equal(here.text('file'), 'abcde');
    assert.equal(result.bytes, 5);
  });

  it('takes its number when it commits, and holds up nobody before (G7)', async () => {
    await atomicWrite(here.at('file'), async (file) => {
      await file.write('outer');
      await atomicWrite(here.at('file'), (inner) => inner.write('inner'));
      assert.equal(here.text('file'), 'inner');
    });
    assert.equal(here.text('file'), 'outer');
  });
});

describe('atomicWriteSync()', () => {
  const here = scratch();

  it('refuses an async callback, and commits nothing', () => {
    writeFileSync(here.at('file'), 'old');
    // @ts-expect-error also the compiler refuses it
    assert.throws(() => atomicWriteSync(here.at('file'), async (file) => file.write('half')), {
      name: 'TypeError',
      code: 'ERR_INVALID_RETURN_VALUE',
    });
    assert.deepEqual([here.text('file'), here.names()], ['old', ['file']]);
  });

  it('does not end the program when the promise that it refused rejects later', async () => {
    const late = async (file: PendingFileSync): Promise<void> => {
      await Promise.resolve();
      file.write('more');
    };
    assert.throws(() => atomicWriteSync<unknown>(here.at('file'), late), { code: 'ERR_INVALID_RETURN_VALUE' });
    await new Promise(setImmediate); // The test runner fails a test with an unhandled rejection.
  });
});
