import assert from 'node:assert/strict';
import { once, getEventListeners } from 'node:events';
import { createReadStream, fstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { describe, it } from 'node:test';
import { createWritableStream, createWriteStream, type WriteStream } from 'untorn';
import { ask } from '../support/child.ts';
import { scratch } from '../support/scratch.ts';

const abortError = { name: 'AbortError', code: 'ABORT_ERR' };

describe('createWriteStream()', () => {
  const here = scratch();

  it('replaces the file when it finishes, not before (G1)', async () => {
    writeFileSync(here.at('file'), 'old');
    const stream = createWriteStream(here.at('file'));
    await new Promise((resolve) => stream.write('new', resolve));
    assert.equal(here.text('file'), 'old');
    stream.end();
    await once(stream, 'finish');
    assert.equal(here.text('file'), 'new');
    assert.deepEqual(here.names(), ['file']);
    const { bytes, replaced, path } = stream.result ?? assert.fail('there is no result');
    assert.deepEqual(
      { bytes, replaced, path, bytesWritten: stream.bytesWritten },
      { bytes: 3, replaced: true, path: here.at('file'), bytesWritten: 3 },
    );
    assert.notEqual(stream.result?.durable, false);
  });

  it("emits 'open' with the descriptor of the temporary file", async () => {
    const stream = createWriteStream(here.at('file'));
    const [fd] = (await once(stream, 'open')) as [number];
    assert.ok(fstatSync(fd).isFile());
    assert.equal(here.names().length, 1);
    stream.destroy();
    await once(stream, 'close');
    assert.deepEqual(here.names(), []);
  });

  it('takes all of a pipeline', async () => {
    const content = Buffer.alloc(3_000_000, 'some text ');
    writeFileSync(here.at('source'), content);
    await pipeline(createReadStream(here.at('source')), createWriteStream(here.at('file')));
    assert.ok(readFileSync(here.at('file')).equals(content));
  });

  it('keeps the old file when the source of a pipeline fails, and settles (G4, G10)', async () => {
    writeFileSync(here.at('file'), 'old');
    const failing = Readable.from(
      (function* () {
        yield 'half';
        throw new Error('no more');
      })(),
    );
    const stream = createWriteStream(here.at('file'));
    await assert.rejects(pipeline(failing, stream), { message: 'no more' });
    await closed(stream);
    assert.deepEqual([here.text('file'), here.names(), stream.result], ['old', ['file'], undefined]);
    await pipeline(['again'], createWriteStream(here.at('file')));
    assert.equal(here.text('file'), 'again');
  });

  it('keeps the old file when it is destroyed without an error, at any moment before its end', async () => {
    writeFileSync(here.at('file'), 'old');
    for (let turns = 0; turns < 30; turns++) {
      const stream = createWriteStream(here.at('file'));
      stream.write('half');
      for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
      stream.destroy();
      await closed(stream);
      assert.deepEqual([here.text('file'), here.names()], ['old', ['file']]);
    }
  });

  it('leaves one whole file and nothing else when it is destroyed while it commits (G1, G10)', async () => {
    for (let turns = 0; turns < 30; turns++) {
      writeFileSync(here.at('file'), 'old');
      const stream = createWriteStream(here.at('file'));
      stream.end('new');
      for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
      stream.destroy();
      await closed(stream);
      assert.deepEqual(here.names(), ['file']);
      assert.equal(here.text('file'), stream.result === undefined ? 'old' : 'new');
    }
  });

  it('reports what prevents it from opening', async () => {
    await assert.rejects(pipeline(['new'], createWriteStream(here.at('none/file'))), {
      name: 'WriteError',
      code: 'ENOENT',
      outcome: 'old',
    });
    await assert.rejects(pipeline(['new'], createWriteStream(here.folder)), { name: 'WriteError', code: 'EISDIR' });
  });

  it('keeps the old file when the target becomes unfit while it is written', async () => {
    const stream = createWriteStream(here.at('file'));
    await new Promise((resolve) => stream.write('new', resolve));
    mkdirSync(here.at('file'));
    stream.end();
    await assert.rejects(finished(stream), { code: 'EISDIR', outcome: 'old' });
    assert.deepEqual(here.names(), ['file']);
  });

  for (const [form, writing] of [
    ['createWriteStream()', 'await pipeline([Buffer.alloc(60_000), Buffer.alloc(60_000)], createWriteStream(path))'],
    [
      'createWritableStream()',
      'const writer = createWritableStream(path).getWriter(); await writer.write(Buffer.alloc(60_000)); await writer.write(Buffer.alloc(60_000)); await writer.close()',
    ],
  ] as const) {
    it(`keeps the old file when no more can be written: ${form} (G4)`, async () => {
      writeFileSync(here.at('file'), 'old');
      const error = await ask(
        `import { createWriteStream, createWritableStream } from 'untorn';
         import { pipeline } from 'node:stream/promises';
         const path = process.argv[1];
         try { ${writing}; console.log('"resolved"'); }
         catch ({ name, code, step, outcome }) { console.log(JSON.stringify({ name, code, step, outcome })); }`,
        [here.at('file')],
        { under: ['prlimit', '--fsize=100000'] },
      );
      assert.deepEqual(error, { name: 'WriteError', code: 'EFBIG', step: 'write', outcome: 'old' });
      assert.deepEqual([here.text('file'), here.names()], ['old', ['file']]);
    });
  }

  it('is destroyed by an abort before, while and after it is opened', async () => {
    writeFileSync(here.at('file'), 'old');
    for (const turns of [-1, 0, 1, 2, 5, 10, 20]) {
      const controller = new AbortController();
      const reason = new Error('why');
      if (turns < 0) controller.abort(reason);
      const stream = createWriteStream(here.at('file'), { signal: controller.signal });
      const failed = assert.rejects(finished(stream), (error: Error) => {
        assert.deepEqual(
          { name: error.name, code: (error as NodeJS.ErrnoException).code, cause: error.cause },
          { ...abortError, cause: reason },
        );
        return true;
      });
      for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
      controller.abort(reason);
      await failed;
      await closed(stream);
      assert.deepEqual([here.text('file'), here.names()], ['old', ['file']]);
      assert.equal(getEventListeners(controller.signal, 'abort').length, 0);
    }
  });

  it('is aborted while it commits, or not: its outcome is what is in place (G4)', async () => {
    for (let turns = 0; turns < 30; turns++) {
      writeFileSync(here.at('file'), 'old');
      const controller = new AbortController();
      const stream = createWriteStream(here.at('file'), { signal: controller.signal });
      stream.end('new');
      const ended = finished(stream).then(
        () => 'new',
        (error: NodeJS.ErrnoException) => (assert.equal(error.code, 'ABORT_ERR'), 'old'),
      );
      for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
      controller.abort();
      const outcome = await ended;
      assert.equal(here.text('file'), outcome);
      await closed(stream);
      assert.deepEqual([here.names(), here.text('file')], [['file'], outcome]);
    }
  });

  it('ignores an abort after it has finished', async () => {
    const controller = new AbortController();
    const stream = createWriteStream(here.at('file'), { signal: controller.signal });
    await pipeline(['new'], stream);
    controller.abort();
    assert.equal(stream.errored, null);
    assert.equal(here.text('file'), 'new');
  });

  it('encodes strings as asked: by option and by call', async () => {
    const stream = createWriteStream(here.at('file'), { encoding: 'latin1' });
    stream.write('é');
    stream.write('4142', 'hex');
    stream.end('Qw==', 'base64');
    await finished(stream);
    assert.equal(readFileSync(here.at('file'), 'latin1'), 'éABC');
    await pipeline(['4142'], createWriteStream(here.at('file'), 'hex'));
    assert.equal(here.text('file'), 'AB');
  });

  it('takes any view of bytes, and refuses other objects', async () => {
    const stream = createWriteStream(here.at('file'));
    stream.write(new Uint16Array([0x4141, 0x4242]));
    stream.write(new DataView(Uint8Array.of(67).buffer));
    for (const wrong of [1, {}, [], true, undefined, Symbol('x')])
      assert.throws(() => stream.write(wrong), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
    assert.throws(() => stream.write(null), { code: 'ERR_STREAM_NULL_VALUES' });
    stream.end();
    await finished(stream);
    assert.equal(here.text('file'), 'AABBC');
  });

  it('tells its source to wait when it has taken enough', async () => {
    const stream = createWriteStream(here.at('file'), { highWaterMark: 10 });
    assert.equal(stream.write('12345'), true);
    assert.equal(stream.write('67890'), false);
    await once(stream, 'drain');
    stream.end();
    await finished(stream);
    assert.equal(here.text('file'), '1234567890');
  });

  it('writes thousands of small chunks in order', async () => {
    const stream = createWriteStream(here.at('file'), { durability: 'off' });
    const parts = Array.from({ length: 20_000 }, (_, index) => `${index},`);
    for (const part of parts) stream.write(part);
    stream.cork();
    stream.write('corked,');
    stream.uncork();
    stream.end('end');
    await finished(stream);
    assert.equal(here.text('file'), `${parts.join('')}corked,end`);
    assert.equal(stream.bytesWritten, here.text('file').length);
  });

  it('reads its options and its path once, when it is made', async () => {
    mkdirSync(here.at('elsewhere'));
    writeFileSync(here.at('file'), 'old');
    const options = { backup: 'backup', durability: 'full' as 'full' | 'off', temporary: { suffix: '.one' } };
    const before = process.cwd();
    process.chdir(here.folder);
    const stream = createWriteStream('file', options);
    process.chdir(here.at('elsewhere'));
    options.durability = 'off';
    options.temporary.suffix = '/';
    try {
      stream.end('new');
      await finished(stream);
    } finally {
      process.chdir(before);
    }
    assert.deepEqual(here.names(), ['backup', 'elsewhere', 'file']);
    assert.equal(stream.result?.backupPath, here.at('backup'));
    assert.notEqual(stream.result?.durable, false);
  });

  it('refuses wrong arguments before it touches anything', () => {
    assert.throws(() => createWriteStream(1 as never), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
    assert.throws(() => createWriteStream(here.at('file'), { durable: true } as never), {
      name: 'TypeError',
      code: 'ERR_INVALID_ARG_VALUE',
    });
    assert.throws(() => createWriteStream(here.at('file'), { highWaterMark: -1 }), { code: 'ERR_INVALID_ARG_VALUE' });
    assert.throws(() => createWriteStream(here.at('file'), 'utf9' as never), { code: 'ERR_INVALID_ARG_VALUE' });
    assert.deepEqual(here.names(), []);
  });

  it('takes no options as null, as node:fs does', async () => {
    await pipeline(['new'], createWriteStream(here.at('file'), null));
    assert.equal(here.text('file'), 'new');
  });
});

/** Waits for the stream's end, whatever it was. */
async function closed(stream: WriteStream): Promise<void> {
  stream.on('error', () => undefined);
  if (!stream.closed) await new Promise((resolve) => stream.once('close', resolve));
}

describe('createWritableStream()', () => {
  const here = scratch();

  it('replaces the file when it is closed, not before (G1)', async () => {
    writeFileSync(here.at('file'), 'old');
    const writer = createWritableStream(here.at('file')).getWriter();
    await writer.write('n');
    await writer.write(Buffer.from('ew'));
    assert.equal(here.text('file'), 'old');
    await writer.close();
    assert.deepEqual([here.text('file'), here.names()], ['new', ['file']]);
  });

  it('takes all of a web stream', async () => {
    await new Response('content').body?.pipeTo(createWritableStream(here.at('file')) as WritableStream);
    assert.equal(here.text('file'), 'content');
  });

  it('keeps the old file when it is aborted or its source fails (G4, G10)', async () => {
    writeFileSync(here.at('file'), 'old');
    const writer = createWritableStream(here.at('file')).getWriter();
    await writer.write('half');
    await writer.abort(new Error('why'));
    const failing = new ReadableStream({
      start: (controller) => controller.enqueue('half'),
      pull() {
        throw new Error('no more');
      },
    });
    await assert.rejects(failing.pipeTo(createWritableStream(here.at('file'))), { message: 'no more' });
    assert.deepEqual([here.text('file'), here.names()], ['old', ['file']]);
  });

  it('refuses what is no chunk, and keeps the old file', async () => {
    writeFileSync(here.at('file'), 'old');
    for (const wrong of [undefined, null, 1, {}, ['text'], new Blob(['text'])]) {
      const writer = createWritableStream(here.at('file')).getWriter();
      writer.closed.catch(() => undefined);
      await assert.rejects(writer.write(wrong as never), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
      assert.deepEqual([here.text('file'), here.names()], ['old', ['file']]);
    }
  });

  it('fails at an abort before, while and after it is opened', async () => {
    writeFileSync(here.at('file'), 'old');
    for (const turns of [-1, 0, 1, 2, 5, 10, 20]) {
      const controller = new AbortController();
      if (turns < 0) controller.abort();
      const writer = createWritableStream(here.at('file'), { signal: controller.signal }).getWriter();
      const failed = assert.rejects(writer.closed, abortError);
      for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
      controller.abort();
      await failed;
      assert.deepEqual([here.text('file'), here.names()], ['old', ['file']]);
      assert.equal(getEventListeners(controller.signal, 'abort').length, 0);
    }
  });

  it('does not listen to its signal any longer than it needs', async () => {
    const { signal } = new AbortController();
    const closing = createWritableStream(here.at('file'), { signal });
    await closing.close();
    await createWritableStream(here.at('file'), { signal }).abort();
    await assert.rejects(
      createWritableStream(here.at('file'), { signal })
        .getWriter()
        .write(1 as never),
      TypeError,
    );
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  it('fails writes by the abort that came first, when its temporary file is gone (G4, G10)', async () => {
    for (let turns = 0; turns < 10; turns++) {
      const controller = new AbortController();
      const writer = createWritableStream(here.at('file'), { signal: controller.signal }).getWriter();
      await writer.ready;
      await writer.write('half');
      controller.abort();
      const after = writer.write('rest');
      writer.closed.catch(() => undefined);
      await assert.rejects(after, abortError);
      await assert.rejects(writer.close());
      assert.deepEqual(here.names(), []);
    }
  });

  it('reports what prevents it from opening', async () => {
    const writer = createWritableStream(here.at('none/file')).getWriter();
    await assert.rejects(writer.closed, { code: 'ENOENT', outcome: 'old' });
    assert.throws(() => createWritableStream(here.at('file'), { mode: -1 }), {
      name: 'RangeError',
      code: 'ERR_OUT_OF_RANGE',
    });
  });
});
