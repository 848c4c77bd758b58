import assert from 'node:assert/strict';
import {
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync as plainWrite,
} from 'node:fs';
import { describe, it } from 'node:test';
import {
  unchanged,
  updateFile,
  updateFileSync,
  WriteError,
  writeFile,
  writeFileSync,
  type SyncData,
  type UpdateInfo,
  type WriteOptions,
  type UpdateResult,
} from 'untorn';
import { scratch } from '../support/scratch.ts';

type Update = (content: string | undefined, info: UpdateInfo) => SyncData | typeof unchanged;
type Updating = (path: string, update: Update, options?: Omit<WriteOptions, 'encoding'>) => Promise<UpdateResult>;

const forms: [string, Updating][] = [
  ['updateFile()', (path, update, options) => updateFile(path, update, { encoding: 'utf8', ...options })],
  ['updateFileSync()', async (path, update, options) => updateFileSync(path, update, { encoding: 'utf8', ...options })],
];

const sha256 = {
  old: 'cba06b5736faf67e54b07b561eae94395e774c517a7d910a54369e1263ccfbd4',
  new: '11507a0e2f5e69d5dfa40a62a1bd7b6ee57e6bcd85c67c9b8431b36fff21c437',
};

function failsWith(code: string, outcome = 'old'): (error: unknown) => boolean {
  return (error) => {
    if (!WriteError.isWriteError(error)) throw error;
    assert.deepEqual([error.code, error.outcome], [code, outcome], error.message);
    return true;
  };
}

for (const [name, updating] of forms) {
  describe(name, () => {
    const here = scratch();

    it('replaces the content by what the function makes of it (G8)', async () => {
      plainWrite(here.at('file'), 'old', { mode: 0o640 });
      const result = await updating(here.at('file'), (content, info) => {
        assert.deepEqual([content, info], ['old', { version: sha256.old, path: here.at('file') }]);
        return 'new';
      });
      assert.deepEqual(
        [here.text('file'), statSync(here.at('file')).mode & 0o777, here.names()],
        ['new', 0o640, ['file']],
      );
      assert.deepEqual([result.bytes, result.replaced, result.unchanged, result.version], [3, true, false, sha256.new]);
    });

    it('gives undefined where there is no file, and creates it', async () => {
      const result = await updating(here.at('file'), (content, { version }) => {
        assert.deepEqual([content, version], [undefined, 'absent']);
        return 'new';
      });
      assert.deepEqual([here.text('file'), result.replaced, result.version], ['new', false, sha256.new]);
    });

    it('takes a link that leads nowhere, and is to be replaced, for no file', async () => {
      symlinkSync('nowhere', here.at('link'));
      const update: Update = (content, { version }) => {
        assert.deepEqual([content, version], [undefined, 'absent']);
        return 'new';
      };
      await updating(here.at('link'), update, { symlink: 'replace' });
      assert.deepEqual([here.text('link'), lstatSync(here.at('link')).isFile(), here.names()], ['new', true, ['link']]);
    });

    it('holds the lock while the function runs, and not after it', async () => {
      await updating(here.at('file'), () => {
        assert.deepEqual(here.names(), ['.file.untorn-lock']);
        return 'new';
      });
      assert.deepEqual(here.names(), ['file']);
    });

    it('leaves the old file and no lock when the function throws, and throws the same', async () => {
      plainWrite(here.at('file'), 'old');
      const own = new Error('of the caller');
      await assert.rejects(
        updating(here.at('file'), () => {
          throw own;
        }),
        (error) => error === own,
      );
      assert.deepEqual([here.text('file'), here.names()], ['old', ['file']]);
    });

    it('leaves the file alone when the function says so', async () => {
      plainWrite(here.at('file'), 'old');
      const before = statSync(here.at('file'), { bigint: true });
      const result = await updating(here.at('file'), () => unchanged);
      assert.deepEqual([result.unchanged, result.version, result.bytes], [true, sha256.old, 3]);
      assert.equal(statSync(here.at('file'), { bigint: true }).ctimeNs, before.ctimeNs);
      const none = await updating(here.at('none'), () => unchanged);
      assert.deepEqual([none.unchanged, none.version, none.bytes, here.names()], [true, 'absent', 0, ['file']]);
    });

    it('never takes a forgotten return for an empty file', async () => {
      plainWrite(here.at('file'), 'old');
      for (const returned of [undefined, null, 42, {}]) {
        await assert.rejects(
          updating(here.at('file'), () => returned as never),
          TypeError,
        );
      }
      assert.deepEqual([here.text('file'), here.names()], ['old', ['file']]);
    });

    it('writes every kind of data', async () => {
      for (const data of [Buffer.from('new'), new Uint8Array([110, 101, 119]), ['n', 'ew']]) {
        plainWrite(here.at('file'), 'old');
        const { version } = await updating(here.at('file'), () => data);
        assert.deepEqual([here.text('file'), version], ['new', sha256.new]);
      }
    });

    it('follows links and locks what they lead to', async () => {
      mkdirSync(here.at('a'));
      plainWrite(here.at('a/file'), 'old');
      symlinkSync('a/file', here.at('link'));
      await updating(here.at('link'), () => {
        assert.throws(() => updateFileSync(here.at('a/file'), () => 'other'), failsWith('ERR_LOCK_DEADLOCK'));
        return 'new';
      });
      assert.equal(here.text('a/file'), 'new');
    });

    it('keeps the text of a file that is no text from being lost', async () => {
      plainWrite(here.at('file'), Buffer.from([0xff, 0xfe]));
      await assert.rejects(
        updating(here.at('file'), (content) => content as string),
        { code: 'ERR_ENCODING_INVALID_ENCODED_DATA' },
      );
      assert.deepEqual(readFileSync(here.at('file')), Buffer.from([0xff, 0xfe]));
    });

    it('notices a change by somebody who does not take the lock, also one of the same size, and does not overwrite it', async () => {
      for (const change of ['foreign', 'odl', 'replaced', 'removed', 'made']) {
        if (change !== 'made') plainWrite(here.at(change), 'old');
        const before = change === 'made' ? undefined : 'old';
        let current;
        await assert.rejects(
          updating(here.at(change), (content) => {
            assert.equal(content, before);
            foreignChange(here.at(change), change);
            return 'new';
          }),
          (error: WriteError) => {
            current = error.currentVersion;
            return failsWith('ERR_VERSION_CONFLICT')(error);
          },
        );
        assert.equal(typeof current, 'string');
        assert.deepEqual(
          here.names().filter((one) => one.includes('untorn')),
          [],
        );
      }
      assert.deepEqual(here.names(), ['foreign', 'made', 'odl', 'replaced']);
    });

    it('goes on where the content was only touched, or replaced by the same', async () => {
      plainWrite(here.at('file'), 'old');
      await updating(here.at('file'), () => {
        plainWrite(here.at('file'), 'old');
        return 'new';
      });
      assert.equal(here.text('file'), 'new');
    });

    it('skips what is the same already, if asked to', async () => {
      plainWrite(here.at('file'), 'old');
      const result = await updating(here.at('file'), () => 'old', { ifUnchanged: 'skip' });
      assert.deepEqual([result.unchanged, result.version, result.durable], [true, sha256.old, true]);
    });

    it('refuses wrong arguments before anything is touched', async () => {
      for (const options of [
        { lock: { timeout: -1 } },
        { lock: { lease: 99 } },
        { lock: { tiemout: 1 } },
        { lock: 5 },
        { fallback: 'in-place' },
      ]) {
        await assert.rejects(
          updating(here.at('file'), () => 'new', options as WriteOptions),
          (error) => error instanceof TypeError || error instanceof RangeError,
        );
      }
      await assert.rejects(updating(here.at('file'), 'new' as never), TypeError);
      assert.deepEqual(here.names(), []);
    });

    it('locks files with names of any length, each its own', async () => {
      const long = ['x'.repeat(200), `${'x'.repeat(199)}y`, 'é'.repeat(120), 'y'.repeat(130)];
      for (const one of long) {
        await updating(here.at(one), () => {
          updateFileSync(here.at(long.find((other) => other !== one) as string), () => 'other');
          assert.throws(() => updateFileSync(here.at(one), () => 'other'), failsWith('ERR_LOCK_DEADLOCK'));
          return 'new';
        });
      }
      assert.deepEqual(here.names(), long.toSorted());
    });

    it('is refused where nothing can be made', async () => {
      await assert.rejects(
        updating(here.at('none/file'), () => 'new'),
        failsWith('ENOENT'),
      );
      mkdirSync(here.at('directory'));
      await assert.rejects(
        updating(here.at('directory'), () => 'new'),
        failsWith('EISDIR'),
      );
      assert.deepEqual(here.names(), ['directory']);
    });
  });
}

function foreignChange(path: string, change: string): void {
  if (change === 'replaced') {
    plainWrite(`${path}.new`, 'foreign');
    renameSync(`${path}.new`, path);
  } else if (change === 'removed') {
    unlinkSync(path);
  } else {
    plainWrite(path, change);
  }
}

describe('updates in one process', () => {
  const here = scratch();

  it('each sees the one before it, by whatever path (G8)', async () => {
    symlinkSync('count', here.at('link'));
    mkdirSync(here.at('a'));
    const paths = ['count', 'link', './count', 'a/../count'].map((name) => `${here.folder}/${name}`);
    const increment = (old = '0'): string => String(Number(old) + 1);
    await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        updateFile(paths[index % 4] as string, increment, { encoding: 'utf8', durability: 'off' }),
      ),
    );
    assert.deepEqual([here.text('count'), here.names()], ['100', ['a', 'count', 'link']]);
  });

  it('stand in line with writes: each sees those before it, and none is lost (G7, G8)', async () => {
    const append =
      (letter: string) =>
      (old = ''): string =>
        old + letter;
    await Promise.all([
      writeFile(here.at('file'), 'a'),
      updateFile(here.at('file'), append('b'), 'utf8'),
      writeFile(here.at('file'), 'c'),
      updateFile(here.at('file'), append('d'), 'utf8'),
      updateFile(here.at('file'), append('e'), 'utf8'),
    ]);
    assert.equal(here.text('file'), 'cde');
  });

  it('a synchronous one fails at once where it would have to wait for one of its own thread', async () => {
    const done = updateFile(here.at('file'), () => 'first');
    assert.throws(() => updateFileSync(here.at('file'), () => 'second'), failsWith('ERR_LOCK_DEADLOCK'));
    await done;
    updateFileSync(here.at('file'), () => 'second');
    assert.equal(here.text('file'), 'second');
  });

  it('one within another of the same file fails when its time is up', async () => {
    await updateFile(here.at('file'), async () => {
      await assert.rejects(
        updateFile(here.at('file'), () => 'inner', { lock: { timeout: 50 } }),
        failsWith('ERR_LOCK_TIMEOUT'),
      );
      return 'outer';
    });
    assert.equal(here.text('file'), 'outer');
  });

  it('a write within one, by another path, fails when its time is up, and leaves the line in order (G7)', async () => {
    symlinkSync('file', here.at('link'));
    plainWrite(here.at('file'), 'old ');
    await updateFile(
      here.at('file'),
      async (old) => {
        const lock = { timeout: 50 };
        const within = [here.at('link'), here.at('link'), here.at('file')].map((path) =>
          writeFile(path, 'within', { lock }),
        );
        for (const ended of await Promise.allSettled(within))
          failsWith('ERR_LOCK_TIMEOUT')(ended.status === 'rejected' && ended.reason);
        return `${old}new`;
      },
      'utf8',
    );
    assert.equal(here.text('file'), 'old new');
    await writeFile(here.at('link'), 'next');
    assert.deepEqual([here.text('file'), here.names()], ['next', ['file', 'link']]);
  });

  it('a synchronous one does not overlook a write that has not ended', async () => {
    const written = writeFile(here.at('file'), 'first');
    assert.throws(
      () => updateFileSync(here.at('file'), (old = '') => `${old}second`, 'utf8'),
      failsWith('ERR_LOCK_DEADLOCK'),
    );
    await written;
    assert.equal(here.text('file'), 'first');
  });

  it('a synchronous write during one comes first, and is not overwritten (G7, G8)', async () => {
    const updated = updateFile(here.at('file'), () => {
      writeFileSync(here.at('file'), 'synchronous');
      return 'update';
    });
    await assert.rejects(updated, failsWith('ERR_VERSION_CONFLICT'));
    assert.equal(here.text('file'), 'synchronous');
  });

  it('ends its wait when it is aborted, also while the function runs', async () => {
    const waiting = new AbortController();
    const running = new AbortController();
    await assert.rejects(
      updateFile(
        here.at('file'),
        async () => {
          const second = updateFile(here.at('file'), () => 'inner', { signal: waiting.signal });
          waiting.abort();
          await assert.rejects(second, { name: 'AbortError', outcome: 'old' });
          running.abort();
          return new Promise<string>(() => undefined);
        },
        { signal: running.signal },
      ),
      { name: 'AbortError', outcome: 'old' },
    );
    assert.deepEqual(here.names(), []);
  });
});
