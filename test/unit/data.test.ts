import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import {
  writeFile as write,
  writeFileSync as writeSync,
  type Data,
  type SyncData,
  type WriteOptions,
  type WriteResult,
} from 'untorn';
import { scratch } from '../support/scratch.ts';

const forms: [
  string,
  (path: string, data: SyncData, options?: WriteOptions | BufferEncoding) => Promise<WriteResult>,
][] = [
  ['writeFile()', (path, data, options) => write(path, data, options)],
  ['writeFileSync()', async (path, data, options) => writeSync(path, data, options)],
];

for (const [name, writeFile] of forms) {
  describe(`${name}: data`, () => {
    const here = scratch();

    it('writes every byte of strings, views of any element size, and buffers', async () => {
      const bytes = Uint8Array.from({ length: 32 }, (_, index) => index + 100);
      const shared = new SharedArrayBuffer(32);
      new Uint8Array(shared).set(bytes);
      const { buffer } = bytes;
      const all: SyncData[] = [
        bytes,
        buffer,
        shared,
        Buffer.from(bytes),
        new DataView(buffer),
        new Uint16Array(buffer),
        new Float64Array(buffer),
        new BigInt64Array(buffer),
        [bytes.subarray(0, 5), buffer.slice(5, 9), new DataView(buffer, 9, 7), Buffer.from(bytes.subarray(16))],
        new Set([bytes]),
      ];
      for (const data of all) {
        assert.equal((await writeFile(here.at('file'), data)).bytes, 32);
        assert.deepEqual(readFileSync(here.at('file')), Buffer.from(bytes));
      }
      await writeFile(here.at('file'), new Uint16Array(buffer, 4, 3));
      assert.deepEqual(readFileSync(here.at('file')), Buffer.from(bytes.subarray(4, 10)));
    });

    it('writes empty content', async () => {
      for (const data of ['', new Uint8Array(0), [], ['', Buffer.alloc(0)], new ArrayBuffer(0)]) {
        writeFileSync(here.at('file'), 'old');
        assert.equal((await writeFile(here.at('file'), data)).bytes, 0);
        assert.equal(here.text('file'), '');
      }
    });

    it('encodes strings as asked, alone and in an iterable', async () => {
      for (const [encoding, text] of [
        ['utf8', 'é€😀'],
        ['latin1', 'é'],
        ['hex', '00ff'],
        ['base64', 'AAEC'],
        ['base64url', '-_8'],
        ['utf16le', 'é😀'],
        ['ucs2', 'é'],
        ['ascii', 'a'],
        ['binary', '\u00ff'],
      ] as const) {
        const expected = Buffer.from(text, encoding);
        for (const data of [text, [text]]) {
          assert.equal((await writeFile(here.at('file'), data, encoding)).bytes, expected.length);
          assert.deepEqual(readFileSync(here.at('file')), expected);
        }
      }
    });

    it('refuses what is no data before it touches anything', async () => {
      for (const wrong of [
        undefined,
        null,
        0,
        1n,
        true,
        {},
        Symbol('x'),
        () => 'x',
        new Date(),
        /x/,
        Promise.resolve('x'),
        [undefined],
        ['text', 1],
        [[]],
      ]) {
        await assert.rejects(writeFile(here.at('none/file'), wrong as never), {
          name: 'TypeError',
          code: 'ERR_INVALID_ARG_TYPE',
        });
      }
    });

    it('keeps the old file when an iterable throws at once, half way, or when it is asked for its iterator (G4)', async () => {
      writeFileSync(here.at('file'), 'old');
      const cause = Object.assign(new Error('no more'), { code: 'E_MINE' });
      const half = function* (): Generator<string> {
        yield 'half';
        throw cause;
      };
      const atOnce = function* (): Generator<string> {
        throw cause;
      };
      for (const data of [half(), atOnce()]) {
        await assert.rejects(writeFile(here.at('file'), data), {
          name: 'WriteError',
          code: 'E_MINE',
          step: 'read source',
          outcome: 'old',
          cause,
        });
      }
      const unable: Iterable<string> = {
        [Symbol.iterator]() {
          throw cause;
        },
      };
      await assert.rejects(writeFile(here.at('file'), unable), (error) => error === cause);
      assert.deepEqual([here.text('file'), here.names()], ['old', ['file']]);
      await writeFile(here.at('file'), 'next');
    });

    it('keeps the old file when an iterable yields what is no chunk, and closes it (G4)', async () => {
      writeFileSync(here.at('file'), 'old');
      for (const wrong of [undefined, null, 1, {}, ['text']]) {
        let closed = false;
        const data = function* (): Generator<string> {
          try {
            yield 'half';
            yield wrong as never;
          } finally {
            closed = true;
          }
        };
        await assert.rejects(writeFile(here.at('file'), data()), {
          name: 'WriteError',
          code: 'ERR_INVALID_ARG_TYPE',
          step: 'read source',
          outcome: 'old',
        });
        assert.equal(closed, true);
      }
      assert.deepEqual([here.text('file'), here.names()], ['old', ['file']]);
    });

    it('copies small chunks and writes large ones before it asks for more, so that a buffer may be filled again', async () => {
      for (const size of [1, 100, 16_383, 16_384, 70_000]) {
        const buffer = Buffer.alloc(size);
        const data = function* (): Generator<Buffer> {
          for (let index = 0; index < 9; index++) yield buffer.fill(index + 48);
        };
        await writeFile(here.at('file'), data());
        assert.equal(here.text('file'), Array.from({ length: 9 }, (_, index) => String(index).repeat(size)).join(''));
      }
    });

    it('is not disturbed by an iterator that cannot be closed, nor are later writes', async () => {
      const iterator = (chunks: unknown[]): Iterable<string> => ({
        [Symbol.iterator]: () => ({
          next: () => ({ done: chunks.length === 0, value: chunks.shift() as string }),
          return() {
            throw new Error('not to be closed');
          },
        }),
      });
      await writeFile(here.at('file'), iterator(['a', 'b']));
      assert.equal(here.text('file'), 'ab');
      await assert.rejects(writeFile(here.at('file'), iterator(['a', 1])), { code: 'ERR_INVALID_ARG_TYPE' });
      await write(here.at('file'), 'next');
      assert.equal(here.text('file'), 'next');
    });
  });
}

describe('writeFile(): asynchronous data', () => {
  const here = scratch();
  const later = async function* (...chunks: unknown[]): AsyncGenerator<string> {
    for (const chunk of chunks) {
      await new Promise(setImmediate);
      if (chunk instanceof Error) throw chunk;
      yield chunk as string;
    }
  };

  it('writes Blobs, streams, web streams and async iterables', async () => {
    const all: Data[] = [
      new Blob(['con', 'tent']),
      Readable.from(['con', 'tent']),
      new Blob(['content']).stream() as ReadableStream<Uint8Array>,
      later('con', 'tent'),
      new Response('content').body as ReadableStream<Uint8Array>,
    ];
    for (const data of all) {
      assert.equal((await write(here.at('file'), data)).bytes, 7);
      assert.equal(here.text('file'), 'content');
    }
  });

  it('keeps the old file when the data fails or is wrong, and closes it (G4)', async () => {
    writeFileSync(here.at('file'), 'old');
    const cause = new Error('no more');
    await assert.rejects(write(here.at('file'), later('half', cause)), {
      code: 'ERR_UNTORN_SOURCE',
      step: 'read source',
      outcome: 'old',
      cause,
    });
    await assert.rejects(write(here.at('file'), later('half', 1)), {
      code: 'ERR_INVALID_ARG_TYPE',
      step: 'read source',
      outcome: 'old',
    });
    const stream = Readable.from(['half', {}]);
    await assert.rejects(write(here.at('file'), stream), { code: 'ERR_INVALID_ARG_TYPE' });
    assert.equal(stream.destroyed, true);
    const destroyed = Readable.from(['half']);
    destroyed.destroy();
    await assert.rejects(write(here.at('file'), destroyed), { name: 'TypeError' });
    const errored = new ReadableStream<string>({ start: (controller) => controller.error(cause) });
    await assert.rejects(write(here.at('file'), errored), { cause });
    assert.deepEqual([here.text('file'), here.names()], ['old', ['file']]);
  });

  it('closes a stream when the target cannot be written', async () => {
    const stream = Readable.from(['content']);
    await assert.rejects(write(here.at('none/file'), stream), { code: 'ENOENT' });
    assert.equal(stream.destroyed, true);
    let cancelled: unknown;
    const web = new ReadableStream<string>({ cancel: () => void (cancelled = true) });
    await assert.rejects(write(here.at('none/file'), web), { code: 'ENOENT' });
    assert.equal(cancelled, true);
  });

  it('is not disturbed by a stream of another kind that closes in its own way', async () => {
    for (const destroy of [
      () => {
        throw new Error('not to be destroyed');
      },
      async () => {
        throw new Error('not to be destroyed');
      },
    ]) {
      const stream = {
        [Symbol.asyncIterator]: () => later('con', 'tent')[Symbol.asyncIterator](),
        pipe: () => undefined,
        destroy,
      };
      assert.equal((await write(here.at('file'), stream)).bytes, 7);
      assert.equal((await write(here.at('file'), 'next')).bytes, 4);
    }
  });

  it('is not disturbed by an iterator that closes in its own way', async () => {
    for (const close of [
      () => {
        throw new Error('not to be closed');
      },
      () => undefined,
      async () => {
        throw new Error('not to be closed');
      },
    ]) {
      const chunks = ['a', 'b'];
      const data = {
        [Symbol.asyncIterator]: () => ({
          next: async () => ({ done: chunks.length === 0, value: chunks.shift() as string }),
          return: close as never,
        }),
      };
      await write(here.at('file'), data as AsyncIterable<string>);
      assert.equal(here.text('file'), 'ab');
    }
    await write(here.at('file'), 'next');
    assert.equal(here.text('file'), 'next');
  });

  it('stops waiting for data that stalls when it is aborted, and holds up nobody before (G7)', async () => {
    writeFileSync(here.at('file'), 'old');
    const controller = new AbortController();
    const stalled = new ReadableStream<string>();
    const written = write(here.at('file'), stalled, { signal: controller.signal });
    await write(here.at('file'), 'other');
    assert.equal(here.text('file'), 'other');
    controller.abort('why');
    await assert.rejects(written, { name: 'AbortError', code: 'ABORT_ERR', outcome: 'old', cause: 'why' });
    assert.deepEqual([here.text('file'), here.names()], ['other', ['file']]);
  });

  it('is not written by the sync form, which cannot wait', () => {
    for (const data of [new Blob(['text']), Readable.from(['text']), later('text'), new ReadableStream()]) {
      assert.throws(() => writeSync(here.at('none/file'), data as never), {
        name: 'TypeError',
        code: 'ERR_INVALID_ARG_TYPE',
      });
    }
  });
});
