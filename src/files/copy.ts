/** Copying and comparing the contents of open files. */
import { assertIntact } from '../contract/index.ts';
import { call, type Steps } from '../system/index.ts';
import { nothingWritten } from './temporary.ts';

const bufferSize = 1 << 20;

/** Copies all of a file to the current position of another; returns the number of bytes. */
export function* copyContent(from: number, to: number): Steps<number> {
  const buffer = new Uint8Array(bufferSize);
  for (let position = 0; ;) {
    const count = yield* call.read(from, buffer, position);
    if (count === 0) return position;
    for (let written = 0; written < count;) {
      const some = yield* call.write(to, buffer.subarray(written, count));
      if (some === 0) throw nothingWritten();
      written += some;
    }
    position += count;
  }
}

/** Whether a file holds exactly these bytes. */
export function* holds(fd: number, bytes: Uint8Array): Steps<boolean> {
  const buffer = new Uint8Array(Math.min(bufferSize, bytes.byteLength + 1));
  for (let position = 0; ;) {
    const count = yield* call.read(fd, buffer, position);
    assertIntact(bytes);
    if (count === 0) return position === bytes.byteLength;
    if (Buffer.compare(buffer.subarray(0, count), bytes.subarray(position, position + count)) !== 0) return false;
    position += count;
  }
}

/** Whether two files have the same content. */
export function* holdSame(fd: number, other: number): Steps<boolean> {
  const buffer = new Uint8Array(bufferSize);
  const otherBuffer = new Uint8Array(bufferSize);
  for (let position = 0; ;) {
    const count = yield* readFully(fd, buffer, position);
    const otherCount = yield* readFully(other, otherBuffer, position);
    if (count !== otherCount || Buffer.compare(buffer.subarray(0, count), otherBuffer.subarray(0, count)) !== 0)
      return false;
    if (count === 0) return true;
    position += count;
  }
}

/** Fills a buffer, up to the end of the file; returns the number of bytes. */
export function* readFully(fd: number, into: Uint8Array, position: number): Steps<number> {
  let filled = 0;
  while (filled < into.byteLength) {
    const count = yield* call.read(fd, into.subarray(filled), position + filled);
    if (count === 0) break;
    filled += count;
  }
  return filled;
}
