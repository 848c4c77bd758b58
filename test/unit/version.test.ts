import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, symlinkSync, writeFileSync as plainWrite } from 'node:fs';
import { finished } from 'node:stream/promises';
import { describe, it } from 'node:test';
import {
  atomicWrite,
  atomicWriteSync,
  createWritableStream,
  createWriteStream,
  openPending,
  openPendingSync,
  readVersioned,
  readVersionedSync,
  updateFile,
  updateFileSync,
  WriteError,
  writeFile,
  writeFileSync,
  type WriteOptions,
} from 'untorn';
import { scratch } from '../support/scratch.ts';

const versionOf = (content: string): string => createHash('sha256').update(content).digest('hex');

/** Every way of writing a file: each writes `new`. */
const ways: Record<string, (path: string, options: WriteOptions) => unknown> = {
  'writeFile()': (path, options) => writeFile(path, 'new', options),
  'writeFile() of a source': (path, options) => writeFile(path, ['n', 'ew'], options),
  'writeFileSync()': (path, options) => writeFileSync(path, 'new', options),
  'writeFileSync() of a source': (path, options) => writeFileSync(path, ['n', 'ew'], options),
  'openPending()': async (path, options) => {
    await using file = await openPending(path, options);
    await file.write('new');
    return await file.commit();
  },
  'openPendingSync()': (path, options) => {
    using file = openPendingSync(path, options);
    file.write('new');
    return file.commit();
  },
  'atomicWrite()': (path, options) => atomicWrite(path, (file) => file.write('new'), options),
  'atomicWriteSync()': (path, options) =>
    atomicWriteSync(
      path,
      (file) => {
        file.write('new');
      },
      options,
    ),
  'createWriteStream()': async (path, options) => {
    const stream = createWriteStream(path, options);
    await finished(stream.end('new'));
    return stream.result;
  },
  'createWritableStream()': async (path, options) => {
    const writer = createWritableStream(path, options).getWriter();
    writer.closed.catch(() => undefined);
    await writer.write('new');
    await writer.close();
    return { version: versionOf('new'), superseded: false };
  },
  'updateFile()': (path, options) => updateFile(path, () => 'new', options as object),
  'updateFile() with a source': (path, options) => updateFile(path, () => ['n', 'ew'], options as object),
  'updateFileSync()': (path, options) => updateFileSync(path, () => 'new', options as object),
};

for (const [name, write] of Object.entries(ways)) {
  describe(`ifMatch of ${name}`, () => {
    const here = scratch();
    const words = (expected: unknown, currentVersion: string): string =>
      currentVersion === 'absent'
        ? 'it no longer exists'
        : expected === 'absent'
          ? 'it exists by now'
          : 'somebody else has changed it: it does not have the expected version';
    const conflicts = (options: WriteOptions, currentVersion: string): Promise<void> =>
      assert.rejects(
        async () => write(here.at('file'), options),
        (error) => {
          if (!WriteError.isWriteError(error)) throw error;
          assert.deepEqual(
            [error.code, error.outcome, error.currentVersion],
            ['ERR_VERSION_CONFLICT', 'old', currentVersion],
            error.message,
          );
          assert.equal(
            error.message,
            `Cannot replace "${here.at('file')}": ${words(options.ifMatch, currentVersion)}; the target is untouched`,
          );
          return true;
        },
      );

    it('replaces the version that it names, and returns the new one (G8)', async () => {
      plainWrite(here.at('file'), 'old');
      const result = (await write(here.at('file'), { ifMatch: versionOf('old') })) as {
        version: string;
        superseded: boolean;
      };
      assert.deepEqual(
        [here.text('file'), here.names(), result.version, result.superseded],
        ['new', ['file'], versionOf('new'), false],
      );
    });

    it('leaves every other version, and says which it is (G8)', async () => {
      plainWrite(here.at('file'), 'odd');
      await conflicts({ ifMatch: versionOf('old') }, versionOf('odd'));
      await conflicts({ ifMatch: 'absent' }, versionOf('odd'));
      assert.deepEqual([here.text('file'), here.names()], ['odd', ['file']]);
    });

    it("knows a file that does not exist as 'absent' (G8)", async () => {
      await conflicts({ ifMatch: versionOf('') }, 'absent');
      assert.deepEqual(here.names(), []);
      await write(here.at('file'), { ifMatch: 'absent' });
      assert.deepEqual([here.text('file'), here.names()], ['new', ['file']]);
    });

    it('refuses what is no version, and fallbacks that others cannot be kept off', async () => {
      for (const options of [
        { ifMatch: 'none' },
        { ifMatch: 5 as never },
        { ifMatch: 'absent', fallback: 'in-place' } as const,
      ]) {
        await assert.rejects(async () => write(here.at('file'), options), {
          name: 'TypeError',
          code: 'ERR_INVALID_ARG_VALUE',
        });
      }
    });
  });
}

for (const [name, read] of Object.entries({
  readVersioned,
  readVersionedSync: async (...args: Parameters<typeof readVersionedSync>) => readVersionedSync(...args),
})) {
  describe(`${name}()`, () => {
    const here = scratch();

    it('gives the content and its version, the same as a write of it (G8)', async () => {
      const { version } = writeFileSync(here.at('file'), 'content', { ifMatch: 'absent' });
      symlinkSync('file', here.at('link'));
      assert.deepEqual(await read(here.at('link'), 'utf8' as never), { content: 'content', version });
      assert.deepEqual(await read(here.at('file')), { content: Buffer.from('content'), version: versionOf('content') });
      symlinkSync('none', here.at('nowhere'));
      for (const none of ['none', 'nowhere'])
        assert.deepEqual(await read(here.at(none)), { content: undefined, version: 'absent' });
    });

    it('reads files of every size, also those that do not tell it', async () => {
      for (const size of [0, 1, 4096, 3_000_001]) {
        const content = Buffer.alloc(size, 'x');
        plainWrite(here.at('file'), content);
        const { version, content: found } = await read(here.at('file'));
        assert.ok(found !== undefined && content.equals(found));
        assert.equal(version, versionOf(content.toString()));
      }
      if (process.platform === 'linux') assert.match(String((await read('/proc/self/status')).content), /^Name:/);
    });

    it('refuses what is no file, no text, or no option', async () => {
      mkdirSync(here.at('directory'));
      await assert.rejects(read(here.at('directory')), { code: 'EISDIR' });
      plainWrite(here.at('file'), Buffer.from([0xff]));
      await assert.rejects(read(here.at('file'), 'utf8' as never), { code: 'ERR_ENCODING_INVALID_ENCODED_DATA' });
      assert.equal(String((await read(here.at('file'), 'latin1' as never)).content), 'ÿ');
      await assert.rejects(async () => read(here.at('file'), { mode: 0o600 } as never), {
        code: 'ERR_INVALID_ARG_VALUE',
      });
    });
  });
}

describe('several that compare and swap', () => {
  const here = scratch();

  it('one wins, whoever it is, and the others know (G8)', async () => {
    plainWrite(here.at('file'), 'old');
    const writes = Array.from({ length: 20 }, (_, index) =>
      writeFile(here.at('file'), `new ${index}`, { ifMatch: versionOf('old') }),
    );
    const ended = await Promise.allSettled(writes);
    const won = ended.flatMap(({ status }, index) => (status === 'fulfilled' ? [index] : []));
    assert.deepEqual([won.length, here.text('file')], [1, `new ${won[0]}`]);
    const codes = new Set(ended.map((one) => (one.status === 'rejected' ? (one.reason as WriteError).code : 'won')));
    assert.deepEqual(codes, new Set(['won', 'ERR_VERSION_CONFLICT']));
  });

  it('a pending file looks when it is committed', async () => {
    plainWrite(here.at('file'), 'old');
    await using file = await openPending(here.at('file'), { ifMatch: versionOf('old') });
    await file.write('new');
    await updateFile(here.at('file'), () => 'between');
    await assert.rejects(file.commit(), { code: 'ERR_VERSION_CONFLICT', currentVersion: versionOf('between') });
    assert.deepEqual([here.text('file'), here.names()], ['between', ['file']]);
  });
});
