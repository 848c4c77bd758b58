import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { writeFile, type Data, type SyncData } from 'untorn';
import { apis, names, text } from '../support/apis.ts';
import { newFolder } from '../support/folder.ts';

const bytes = Uint8Array.from({ length: 32 }, (_, i) => 255 - i);
const shared = new SharedArrayBuffer(32);
new Uint8Array(shared).set(bytes);

function* pieces(): Generator<Uint8Array> {
  for (let i = 0; i < 32; i++) yield bytes.subarray(i, i + 1);
}

async function* laterPieces(): AsyncGenerator<Uint8Array> {
  yield* pieces();
}

const kinds = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  DataView,
];
const data: Record<string, () => SyncData> = {
  ...Object.fromEntries(
    kinds.map((Kind) => [`a ${Kind.name}`, () => new (Kind as typeof DataView)(bytes.buffer.slice(0))]),
  ),
  'a view of a part of a buffer': () => new DataView(Uint8Array.of(0, 0, ...bytes, 0).buffer, 2, 32),
  'an ArrayBuffer': () => bytes.buffer.slice(0),
  'a SharedArrayBuffer': () => shared,
  'a string in hex': () => Buffer.from(bytes).toString('hex'),
  'an array of several kinds': () => [
    bytes.subarray(0, 4),
    new Uint16Array(bytes.buffer, 4, 2),
    bytes.buffer.slice(8, 16),
    '',
    new DataView(bytes.buffer, 16),
  ],
  'a generator': pieces,
  'a Set': () => new Set(pieces()),
};
const later: Record<string, () => Data> = {
  'a Blob': () => new Blob([bytes]),
  'an async generator': laterPieces,
  'a Readable': () => Readable.from(pieces(), { objectMode: false }),
  'a ReadableStream': () =>
    new ReadableStream({
      start: (controller) => {
        controller.enqueue(bytes);
        controller.close();
      },
    }) as unknown as Data,
};
const wrong = [
  undefined,
  null,
  5,
  5n,
  true,
  {},
  new Map([[1, 2]]),
  ['a', 5],
  new Date(0),
  Symbol('s'),
  () => '',
  Promise.resolve(''),
];

for (const { name, write } of apis) {
  describe(`${name}()`, () => {
    for (const [what, make] of Object.entries(data)) {
      it(`writes ${what} (G4)`, async (t) => {
        const path = join(newFolder(t), 'file');
        const given = make();
        assert.equal((await write(path, given, typeof given === 'string' ? 'hex' : {})).bytes, 32);
        assert.deepEqual(readFileSync(path), Buffer.from(bytes));
      });
    }

    it('writes empty content of all kinds', async (t) => {
      const path = join(newFolder(t), 'file');
      for (const empty of ['', Buffer.alloc(0), [], new Float64Array(0), [''], new ArrayBuffer(0)]) {
        writeFileSync(path, 'old');
        assert.equal((await write(path, empty)).bytes, 0);
        assert.equal(text(path), '');
      }
    });

    it('refuses everything else with a TypeError, and leaves the file (G4, G10)', async (t) => {
      const folder = newFolder(t);
      writeFileSync(join(folder, 'file'), 'old');
      for (const some of wrong) {
        await assert.rejects(
          write(join(folder, 'file'), some as SyncData),
          (error: Error & { cause?: unknown }) => error instanceof TypeError || error.cause instanceof TypeError,
          String(some),
        );
      }
      assert.deepEqual([text(join(folder, 'file')), names(folder)], ['old', ['file']]);
    });
  });
}

describe('writeFile()', () => {
  for (const [what, make] of Object.entries(later)) {
    it(`writes ${what} (G4)`, async (t) => {
      const path = join(newFolder(t), 'file');
      assert.equal((await writeFile(path, make())).bytes, 32);
      assert.deepEqual(readFileSync(path), Buffer.from(bytes));
    });
  }
});
