import assert from 'node:assert/strict';
import { writeFileSync as plainWrite } from 'node:fs';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import {
  atomicWrite,
  atomicWriteSync,
  createWritableStream,
  createWriter,
  createWriteStream,
  openPending,
  openPendingSync,
  readVersioned,
  transaction,
  updateFile,
  updateFileSync,
  writeFile,
  writeFileSync,
  type Chunk,
  type PendingFile,
} from 'untorn';
import { scratch } from '../support/scratch.ts';

/** Makes a call and, as soon as it has been made, does something with what it was given. */
type Call = (path: string, data: Chunk, then: () => void) => unknown;

const calls: Record<string, Call> = {
  'writeFile()': (path, data, then) => both(writeFile(path, data), then),
  "writeFile() with ifUnchanged: 'skip'": (path, data, then) =>
    both(writeFile(path, data, { ifUnchanged: 'skip' }), then),
  'writeFile() with ifMatch': async (path, data, then) =>
    both(writeFile(path, data, { ifMatch: (await readVersioned(path)).version }), then),
  'writeFile() that waits for its turn': async (path, data, then) => {
    // Each of them has another file that it waits for.
    const first = updateFile(path, () => setImmediate('', undefined));
    return both(Promise.all([writeFile(path, data, { ifUnchanged: 'skip' }), first]), then);
  },
  'writeFile() of an array': (path, data, then) => both(writeFile(path, ['', data]), then),
  'writeFile() of an async iterable': (path, data, then) =>
    writeFile(path, { [Symbol.asyncIterator]: () => ({ next: async () => chunk(data, then) }) }),
  'writeFile() of an iterable': (path, data, then) =>
    writeFile(path, { [Symbol.iterator]: () => ({ next: () => chunk(data, then) }) }),
  'atomicWrite()': (path, data, then) => atomicWrite(path, (file) => both(file.write(data), then)),
  'PendingFile.write()': async (path, data, then) => {
    const file = await openPending(path);
    void file.write('').catch(() => undefined);
    await discarding(file, both(file.write(data), then));
  },
  'PendingFile.writev()': async (path, data, then) => {
    const file = await openPending(path);
    await discarding(file, both(file.writev(['', data, 'more']), then));
  },
  'PendingFile.createWriteStream()': async (path, data, then) => {
    const file = await openPending(path);
    const stream = file.createWriteStream();
    await discarding(file, both(ended(stream, [Buffer.from(''), data]), then));
  },
  'createWriteStream()': (path, data, then) => both(ended(createWriteStream(path), [Buffer.from(''), data]), then),
  'createWriteStream(), at its end': (path, data, then) => both(ended(createWriteStream(path), [], data), then),
  'createWritableStream()': (path, data, then) => {
    const writer = createWritableStream(path).getWriter();
    const written = Promise.all([writer.write(''), writer.write(data), writer.close()]);
    return both(written, then);
  },
  'createWriter()': (path, data, then) => both(createWriter(path).write(data), then),
  'updateFile()': (path, data, then) =>
    updateFile(path, () => {
      soon(then);
      return data;
    }),
  'transaction()': (path, data, then) => transaction(async (tx) => both(tx.writeFile(path, data), then)),
};

/** Nothing can come between here. */
const syncCalls: Record<string, Call> = {
  'writeFileSync()': (path, data) => writeFileSync(path, data),
  'writeFileSync() of an iterable': (path, data) => writeFileSync(path, new Set(['', data])),
  'updateFileSync()': (path, data) => updateFileSync(path, () => data),
  'atomicWriteSync()': (path, data) => atomicWriteSync(path, (file) => void file.write(data)),
  'PendingFileSync.writev()': (path, data) => {
    const file = openPendingSync(path);
    try {
      file.writev([data, 'more']);
      file.commit();
    } finally {
      file.discard();
    }
  },
};

async function discarding(file: PendingFile, written: Promise<unknown>): Promise<void> {
  try {
    await written;
    await file.commit();
  } finally {
    await file.discard();
  }
}

async function both<T>(promise: Promise<T>, then: () => void): Promise<T> {
  then();
  return promise;
}

/** The first result of an iterator, and then the last. */
function chunk(data: Chunk, then: () => void): IteratorResult<Chunk> {
  if (given.has(then)) return { done: true, value: undefined };
  given.add(then);
  soon(then);
  return { done: false, value: data };
}

const given = new WeakSet();

/** When what is returned now has been taken, and is not written yet. */
function soon(then: () => void): void {
  queueMicrotask(() => process.nextTick(then));
}

function ended(stream: ReturnType<typeof createWriteStream>, chunks: readonly Chunk[], last?: Chunk): Promise<unknown>;
function ended(stream: NodeJS.WritableStream, chunks: readonly Chunk[], last?: Chunk): Promise<unknown>;
function ended(stream: NodeJS.WritableStream, chunks: readonly Chunk[], last?: Chunk): Promise<unknown> {
  const done = new Promise((resolve, reject) => stream.on('error', reject).on('finish', () => resolve(undefined)));
  for (const chunk of chunks) stream.write(chunk as string);
  if (last === undefined) stream.end();
  else stream.end(last as string);
  return done;
}

const size = 100_000;
interface Memory {
  readonly buffer: ArrayBuffer;
  readonly data: Chunk;
}

/** Views of each kind; a stream takes bytes only. */
const views: Record<string, (buffer: ArrayBuffer) => Chunk> = {
  Buffer: (buffer) => Buffer.from(buffer),
  'Uint8Array that ends before the buffer': (buffer) => new Uint8Array(buffer, 8, size - 16),
  DataView: (buffer) => new DataView(buffer),
  Float64Array: (buffer) => new Float64Array(buffer),
  ArrayBuffer: (buffer) => buffer,
};

/** As newer versions of TypeScript know it. */
type Resizable = ArrayBuffer & { resize(size: number): void };

const newBuffer = (): Resizable =>
  new (ArrayBuffer as unknown as new (length: number, options: object) => Resizable)(size, { maxByteLength: 2 * size });
const fill = (buffer: Resizable): Resizable => {
  new Uint8Array(buffer).fill(97);
  return buffer;
};

const changes: Record<string, (buffer: Resizable) => void> = {
  transferred: (buffer) => void structuredClone(buffer, { transfer: [buffer] }),
  shrunk: (buffer) => buffer.resize(size / 2),
  emptied: (buffer) => buffer.resize(0),
};

const isStream = (name: string): boolean => /createWriteStream/.test(name);

describe('memory that changes while it is written', () => {
  const here = scratch();

  for (const [name, call] of Object.entries(calls)) {
    for (const [change, perform] of Object.entries(changes)) {
      it(`is an error of ${name}, and the old file stays: ${change} (G4)`, async () => {
        for (const [kind, view] of Object.entries(views)) {
          if (isStream(name) && !/^(Buffer|Uint8Array)/.test(kind)) continue;
          const buffer = fill(newBuffer());
          // Empty: that is what would be written.
          plainWrite(here.at('file'), name.includes('turn') ? 'old' : '');
          const before = here.text('file');
          await assert.rejects(
            async () => call(here.at('file'), view(buffer), () => perform(buffer)),
            ({ code, outcome }: { code: string; outcome?: string }) =>
              code === 'ERR_INVALID_ARG_VALUE' || (code === 'ERR_UNTORN_DATA_CHANGED' && outcome === 'old'),
            kind,
          );
          if (!name.includes('turn')) assert.equal(here.text('file'), before, kind);
          assert.deepEqual(here.names(), ['file'], kind);
        }
      });
    }

    it(`that grows is written by ${name} as it was`, async () => {
      for (const [kind, view] of Object.entries(views)) {
        if (isStream(name) && !/^(Buffer|Uint8Array)/.test(kind)) continue;
        const buffer = fill(newBuffer());
        const data = view(buffer);
        const expected = ArrayBuffer.isView(data) ? data.byteLength : size;
        await call(here.at('file'), data, () => buffer.resize(2 * size));
        assert.equal(here.text('file'), 'a'.repeat(expected) + (name.includes('writev') ? 'more' : ''), kind);
      }
    });
  }

  for (const [name, call] of [...Object.entries(calls), ...Object.entries(syncCalls)]) {
    it(`that is gone before is refused by ${name} (G4)`, async () => {
      plainWrite(here.at('file'), '');
      for (const [kind, view] of Object.entries(views)) {
        if (isStream(name) && !/^(Buffer|Uint8Array)/.test(kind)) continue;
        for (const [change, perform] of Object.entries(changes)) {
          if (kind === 'ArrayBuffer' && change !== 'transferred') continue;
          const buffer = fill(newBuffer());
          // A view that has no length of its own is as long as what there is.
          const data =
            ArrayBuffer.isView(view(buffer)) && change !== 'transferred'
              ? new Uint8Array(buffer, 8, size - 16)
              : view(buffer);
          perform(buffer);
          await assert.rejects(
            async () => call(here.at('file'), data, () => undefined),
            { code: 'ERR_INVALID_ARG_VALUE' },
            `${kind} ${change}`,
          );
          assert.deepEqual([here.text('file'), here.names()], ['', ['file']], `${kind} ${change}`);
        }
      }
    });
  }

  it('is an error however far the write is (G4)', async () => {
    const { buffer, data }: Memory = ((of: ArrayBuffer) => ({ buffer: of, data: new Uint8Array(of) }))(
      new ArrayBuffer(48 << 20),
    );
    plainWrite(here.at('file'), 'old');
    const writing = writeFile(here.at('file'), data);
    while (here.names().length === 1) await setImmediate();
    structuredClone(buffer, { transfer: [buffer] });
    await assert.rejects(writing, { code: 'ERR_UNTORN_DATA_CHANGED', outcome: 'old' });
    assert.deepEqual([here.text('file'), here.names()], ['old', ['file']]);
  });

  it('may belong to another realm, or to a class with ideas of its own', async () => {
    const { runInNewContext } = await import('node:vm');
    const foreign = runInNewContext(
      '[new Uint8Array([97, 98]), new DataView(new Uint8Array([97, 98]).buffer), new Uint8Array([97, 98]).buffer, new Uint16Array([0x6261])]',
    ) as Chunk[];
    class Odd extends Uint8Array {
      override get byteLength(): number {
        return 1;
      }
      override subarray(): never {
        throw new Error('not this');
      }
    }
    for (const data of [...foreign, Odd.from([97, 98])]) {
      await writeFile(here.at('file'), data);
      assert.equal(here.text('file'), 'ab');
      writeFileSync(here.at('other'), [data]);
      assert.equal(here.text('other'), 'ab');
    }
  });
});
