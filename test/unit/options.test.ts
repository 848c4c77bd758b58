import assert from 'node:assert/strict';
import { writeFileSync as plainWrite } from 'node:fs';
import { describe, it } from 'node:test';
import {
  atomicWrite,
  atomicWriteSync,
  createWritableStream,
  createWriteStream,
  openPending,
  openPendingSync,
  writeFile,
  writeFileSync,
  type WriteOptions,
} from 'untorn';
import { scratch } from '../support/scratch.ts';

type Form = (path: string, options: WriteOptions) => unknown;

const forms: Record<string, Form> = {
  'writeFile()': (path, options) => writeFile(path, 'new', options),
  'writeFileSync()': (path, options) => writeFileSync(path, 'new', options),
  'atomicWrite()': (path, options) => atomicWrite(path, (file) => file.write('new'), options),
  'atomicWriteSync()': (path, options) => atomicWriteSync(path, (file) => file.write('new'), options),
  'openPending()': async (path, options) => {
    const file = await openPending(path, options);
    await file.write('new');
    return file.commit();
  },
  'openPendingSync()': (path, options) => {
    const file = openPendingSync(path, options);
    file.write('new');
    return file.commit();
  },
  'createWriteStream()': (path, options) => {
    const stream = createWriteStream(path, options);
    return new Promise((resolve, reject) =>
      stream
        .on('error', reject)
        .on('finish', () => resolve(undefined))
        .end('new'),
    );
  },
  'createWritableStream()': async (path, options) => {
    const writer = createWritableStream(path, options).getWriter();
    await writer.write('new');
    await writer.close();
  },
};

const wrong: [object, 'TypeError' | 'RangeError', string][] = [
  [{ durable: true }, 'TypeError', 'ERR_INVALID_ARG_VALUE'],
  [{ durability: 'FULL' }, 'TypeError', 'ERR_INVALID_ARG_VALUE'],
  [{ durability: null }, 'TypeError', 'ERR_INVALID_ARG_VALUE'],
  [{ encoding: 'utf9' }, 'TypeError', 'ERR_INVALID_ARG_VALUE'],
  [{ encoding: 'buffer' }, 'TypeError', 'ERR_INVALID_ARG_VALUE'],
  [{ signal: {} }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
  [{ signal: null }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
  [{ mode: -1 }, 'RangeError', 'ERR_OUT_OF_RANGE'],
  [{ mode: 0o10000 }, 'RangeError', 'ERR_OUT_OF_RANGE'],
  [{ mode: 1.5 }, 'RangeError', 'ERR_OUT_OF_RANGE'],
  [{ mode: '888' }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
  [{ mode: null }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
  [{ owner: 0 }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
  [{ owner: { user: 0 } }, 'TypeError', 'ERR_INVALID_ARG_VALUE'],
  [{ owner: { uid: -1 } }, 'RangeError', 'ERR_OUT_OF_RANGE'],
  [{ owner: { gid: 0xffffffff } }, 'RangeError', 'ERR_OUT_OF_RANGE'],
  [{ owner: { gid: '0' } }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
  [{ preserve: { mode: true } }, 'TypeError', 'ERR_INVALID_ARG_VALUE'],
  [{ preserve: { acl: 'try' } }, 'TypeError', 'ERR_INVALID_ARG_VALUE'],
  [{ preserve: [] }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
  [{ symlink: 'yes' }, 'TypeError', 'ERR_INVALID_ARG_VALUE'],
  [{ hardLink: true }, 'TypeError', 'ERR_INVALID_ARG_VALUE'],
  [{ overwrite: 0 }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
  [{ ifUnchanged: true }, 'TypeError', 'ERR_INVALID_ARG_VALUE'],
  [{ makeParents: 'yes' }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
  [{ backup: true }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
  [{ backup: '' }, 'TypeError', 'ERR_INVALID_ARG_VALUE'],
  [{ backup: { numbered: 0 } }, 'RangeError', 'ERR_OUT_OF_RANGE'],
  [{ backup: { count: 1 } }, 'TypeError', 'ERR_INVALID_ARG_VALUE'],
  [{ fallback: 'inplace' }, 'TypeError', 'ERR_INVALID_ARG_VALUE'],
  [{ temporary: 'tmp' }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
  [{ temporary: { prefix: '../' } }, 'TypeError', 'ERR_INVALID_ARG_VALUE'],
  [{ temporary: { prefix: 1 } }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
  [{ temporary: { suffix: '\0' } }, 'TypeError', 'ERR_INVALID_ARG_VALUE'],
  [{ temporary: { suffix: 'x'.repeat(65) } }, 'RangeError', 'ERR_OUT_OF_RANGE'],
  [{ temporary: { keep: true } }, 'TypeError', 'ERR_INVALID_ARG_VALUE'],
  [{ temporary: { keepOnError: 1 } }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
  [{ retry: 5 }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
  [{ retry: { timeout: -1 } }, 'RangeError', 'ERR_OUT_OF_RANGE'],
  [{ retry: { timeout: NaN } }, 'RangeError', 'ERR_OUT_OF_RANGE'],
  [{ retry: { timeout: '1' } }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
  [{ retry: { times: 1 } }, 'TypeError', 'ERR_INVALID_ARG_VALUE'],
  [{ flag: 'a' }, 'TypeError', 'ERR_INVALID_ARG_VALUE'],
  [{ flush: 'yes' }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
  [{ flush: true, durability: 'off' }, 'TypeError', 'ERR_INVALID_ARG_VALUE'],
];

for (const [name, write] of Object.entries(forms)) {
  describe(`${name}: options`, () => {
    const here = scratch();

    it('refuses what is wrong before it touches anything', async () => {
      for (const [options, error, code] of wrong) {
        await assert.rejects(
          (async () => write(here.at('file'), options))(),
          { name: error, code },
          JSON.stringify(options),
        );
      }
      for (const options of [1, true, [], () => undefined])
        await assert.rejects((async () => write(here.at('file'), options as never))(), {
          name: 'TypeError',
          code: 'ERR_INVALID_ARG_TYPE',
        });
      assert.deepEqual(here.names(), []);
    });

    it('refuses a path that is none', async () => {
      for (const path of [
        undefined,
        null,
        1,
        {},
        new URL('https://example.org/file'),
        '',
        'a\0b',
        Buffer.alloc(0),
        new Uint8Array(3),
      ]) {
        await assert.rejects((async () => write(path as never, {}))(), { name: 'TypeError', code: /^ERR_/ });
      }
    });

    it('reads an object that is frozen, changes none, and takes it as often as it is given', async () => {
      const options: WriteOptions = {
        durability: 'off',
        mode: 0o600,
        owner: {},
        preserve: { times: 'try' },
        temporary: { prefix: 'tmp' },
        retry: { timeout: 1 },
        backup: { numbered: 1 },
      };
      const copy = structuredClone(options);
      await write(here.at('one'), options);
      assert.deepEqual(options, copy);
      for (const value of [options, ...Object.values(options)]) Object.freeze(value);
      await write(here.at('two'), options);
      assert.deepEqual([here.text('one'), here.text('two'), here.names()], ['new', 'new', ['one', 'two']]);
    });

    it('does not see what becomes of the object after the call', async () => {
      const options = { mode: 0o600, overwrite: true, temporary: { suffix: '.one' } };
      plainWrite(here.at('file'), 'old');
      const written = write(here.at('file'), options);
      options.mode = -1;
      options.overwrite = false;
      options.temporary.suffix = '/';
      await written;
      assert.equal(here.text('file'), 'new');
    });
  });
}

describe('writeFile(): options', () => {
  const here = scratch();

  it('knows those of node:fs', async () => {
    await writeFile(here.at('file'), '4142', 'hex');
    assert.equal(here.text('file'), 'AB');
    await writeFile(here.at('file'), 'a', null);
    await writeFile(here.at('file'), 'a', { encoding: null, flag: 'w', flush: true } as WriteOptions);
    await assert.rejects(writeFile(here.at('file'), 'b', { flag: 'wx' } as WriteOptions), {
      code: 'EEXIST',
      outcome: 'old',
    });
    await writeFile(here.at('file'), 'b', { mode: '640' });
    assert.equal(here.text('file'), 'b');
  });
});
