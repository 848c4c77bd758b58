import assert from 'node:assert/strict';
import { closeSync, existsSync, mkdtempSync, openSync, readSync, rmSync, statfsSync, statSync } from 'node:fs';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { writeFile } from 'untorn';

const size = 2 ** 31 + 2 ** 26;
/** A filesystem with room, best in memory: nothing here is about the disk. */
const place = ['/dev/shm', tmpdir()].find((folder) => {
  if (!existsSync(folder) || (folder === '/dev/shm' && freemem() < 4 * size)) return false;
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize > 2 * size;
});

/** The bytes at some positions of a file. */
function bytesAt(path: string, positions: number[]): number[] {
  const fd = openSync(path, 'r');
  const byte = new Uint8Array(1);
  try {
    return positions.map((position) => (readSync(fd, byte, 0, 1, position), byte[0] as number));
  } finally {
    closeSync(fd);
  }
}

describe('contents over 2 GiB', { skip: place === undefined && 'there is no filesystem with room for them' }, () => {
  const positions = [0, 2 ** 31 - 1, 2 ** 31, size - 1];

  for (const kind of ['one buffer', 'a generator'] as const) {
    it(
      `are written whole from ${kind} (G4)`,
      { skip: freemem() < 1.5 * size && 'there is not enough memory' },
      async () => {
        const folder = mkdtempSync(join(place as string, 'untorn-test-'));
        try {
          const piece = Buffer.alloc(64 << 20);
          const pieces = function* (): Generator<Buffer> {
            for (let start = 0; start < size; start += piece.length) {
              piece.fill(0);
              for (const [index, position] of positions.entries())
                if (position >= start && position < start + piece.length) piece[position - start] = index + 1;
              yield piece;
            }
          };
          const buffer = (): Uint8Array => {
            const bytes = new Uint8Array(size);
            for (const [index, position] of positions.entries()) bytes[position] = index + 1;
            return bytes;
          };
          const path = join(folder, 'file');
          const result = await writeFile(path, kind === 'one buffer' ? buffer() : pieces(), { durability: 'off' });
          assert.deepEqual([result.bytes, statSync(path).size], [size, size]);
          assert.deepEqual(bytesAt(path, positions), [1, 2, 3, 4]);
        } finally {
          rmSync(folder, { recursive: true });
        }
      },
    );
  }
});
