/** Connects the promises of pending files and the callbacks of streams. */
import { Writable, type WritableOptions } from 'node:stream';
import { bare, chunkBytes } from '../contract/index.ts';
import { nextTick } from '../system/index.ts';

/** Passes the result of a promise to a stream's callback. */
export function settle(promise: Promise<unknown>, done: (error?: Error | null) => void): void {
  promise.then(
    () => nextTick(done),
    (error: Error) => nextTick(done, error),
  );
}

/** Streams call bytes `'buffer'`-encoded. */
export function knownEncoding(encoding: BufferEncoding | 'buffer'): BufferEncoding | undefined {
  return encoding === 'buffer' ? undefined : encoding;
}

/** A Writable whose chunks keep the length that they had when they were written, although they wait for their turn. */
export class PinningWritable extends Writable {
  constructor(options: WritableOptions) {
    super(bare(options));
  }

  // oxlint-disable-next-line typescript/no-explicit-any -- both have several forms
  override write(chunk: unknown, ...rest: any[]): boolean {
    return this.#withPinned(chunk, false, (pinned) => super.write(pinned, ...(rest as [])));
  }

  // oxlint-disable-next-line typescript/no-explicit-any
  override end(chunk?: unknown, ...rest: any[]): this {
    return this.#withPinned(chunk, this, (pinned) => super.end(pinned, ...(rest as [])));
  }

  #withPinned<T>(chunk: unknown, otherwise: T, go: (pinned: unknown) => T): T {
    let pinned = chunk;
    try {
      if (ArrayBuffer.isView(chunk)) pinned = asBuffer(chunkBytes(chunk, 'latin1'));
    } catch (error) {
      this.destroy(error as Error);
      return otherwise;
    }
    return go(pinned);
  }
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
}
