import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync as plainWrite } from 'node:fs';
import { PassThrough, Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { atomicWrite, transaction, updateFile, writeFile, writeFileSync, type Data } from 'untorn';
import { scratch } from '../support/scratch.ts';

/** Sources that have been read before, altogether or in part. */
const consumed: Record<string, () => unknown> = {
  'a stream that has ended': async () => {
    const stream = Readable.from(['content']);
    for await (const _ of stream);
    return stream;
  },
  'a stream that was destroyed': () => Readable.from(['content']).destroy(),
  'a stream that failed': async () => {
    const stream = Readable.from(['content']).on('error', () => undefined);
    stream.destroy(new Error('no more'));
    await setImmediate();
    return stream;
  },
  'a stream of which a part was read': async () => {
    const stream = new PassThrough();
    stream.write('con');
    stream.end('tent');
    await once(stream, 'readable');
    stream.read(1);
    return stream;
  },
  'a stream that flows elsewhere': async () => {
    const stream = Readable.from(['con', 'tent']);
    stream.once('data', () => undefined);
    await once(stream, 'data');
    return stream;
  },
  'a web stream that was read': async () => {
    const stream = new Blob(['content']).stream();
    for await (const _ of stream);
    return stream;
  },
  'a web stream of which a part was read': async () => {
    const stream = new ReadableStream({ pull: (controller) => controller.enqueue('con') });
    const reader = stream.getReader();
    await reader.read();
    reader.releaseLock();
    return stream;
  },
  'a web stream that was cancelled': async () => {
    const stream = new Blob(['content']).stream();
    await stream.cancel();
    return stream;
  },
  'a web stream that somebody else reads': () => {
    const stream = new Blob(['content']).stream();
    stream.getReader();
    return stream;
  },
  'the body of a response that was read': async () => {
    const response = new Response('content');
    await response.text();
    return response.body;
  },
  'the body of a request that was read': async () => {
    const request = new Request('http://localhost', { method: 'POST', body: 'content' });
    await request.arrayBuffer();
    return request.body;
  },
};

describe('a source that was read before', () => {
  const here = scratch();

  for (const [what, make] of Object.entries(consumed)) {
    it(`is refused before anything is touched: ${what} (G4)`, async () => {
      plainWrite(here.at('file'), 'old');
      const calls: ((data: Data) => Promise<unknown>)[] = [
        (data) => writeFile(here.at('file'), data),
        (data) => atomicWrite(here.at('file'), (file) => file.write(data)),
        (data) => updateFile(here.at('file'), () => data),
        (data) => transaction((tx) => tx.writeFile(here.at('file'), data)),
      ];
      for (const call of calls) {
        await assert.rejects(call((await make()) as Data), { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' });
        assert.deepEqual([here.text('file'), here.names()], ['old', ['file']]);
      }
    });
  }

  it('is refused also if it was read by this package: a generator that is tried again after a failure (G4)', async () => {
    const generators = [
      (function* () {
        yield 'content';
      })(),
      (async function* () {
        yield 'content';
      })(),
      ['content'].values(),
    ];
    for (const generator of generators) {
      await assert.rejects(writeFile(here.at('none/file'), generator), { code: 'ENOENT' });
      await assert.rejects(writeFile(here.at('file'), generator), { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' });
    }
    const [generator] = [
      (function* () {
        yield 'content';
      })(),
    ];
    writeFileSync(here.at('file'), generator);
    assert.throws(() => writeFileSync(here.at('file'), generator), {
      name: 'TypeError',
      code: 'ERR_INVALID_ARG_VALUE',
    });
    assert.deepEqual([here.text('file'), here.names()], ['content', ['file']]);
  });

  it('gives the rest where that is asked for', async () => {
    const stream = Readable.from(['header', 'con', 'tent']);
    await once(stream, 'readable');
    stream.read();
    await writeFile(here.at('file'), stream[Symbol.asyncIterator]() as AsyncIterable<string>);
    assert.equal(here.text('file'), 'content');
  });

  it('is none that was only looked at, or that may be read often', async () => {
    const looked = [
      Readable.from(['content']).on('end', () => undefined),
      new Response('content').body,
      new Blob(['content']),
    ] as Data[];
    for (const data of looked) {
      await writeFile(here.at('file'), data);
      assert.equal(here.text('file'), 'content');
    }
    const often = {
      *[Symbol.iterator]() {
        yield 'content';
      },
    };
    for (let times = 0; times < 2; times++) assert.equal((await writeFile(here.at('file'), often)).bytes, 7);
  });
});
