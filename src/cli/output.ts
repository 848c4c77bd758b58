/**
 * Standard output, by descriptor: once a write has returned the system has the bytes, and a failure is seen before a
 * commit.
 */
import { write } from 'node:fs';
import { promisify } from 'node:util';
import { codeOf, Failure, reasonOf } from './failures.ts';
import { wasClosed } from './terminal.ts';

const writeSome = promisify(write);

/** Milliseconds until a descriptor is tried again that another process has made non-blocking. */
export const untilReady = 5;

/** Writes all of the bytes to standard output. It uses the thread pool, so that a slow reader cannot block signals. */
export async function writeOutput(bytes: Uint8Array): Promise<void> {
  if (wasClosed(1)) throw new Failure('Standard output is closed');
  for (let written = 0; written < bytes.byteLength;) {
    try {
      const { bytesWritten } = await writeSome(1, bytes, written);
      written += bytesWritten;
    } catch (error) {
      if (codeOf(error) !== 'EAGAIN')
        throw new Failure(`Cannot write to standard output: ${reasonOf(error)}`, { cause: error });
      await new Promise((wake) => setTimeout(wake, untilReady));
    }
  }
}

/** Prints text on standard output. A reader that stops reading is not a failure. */
export async function print(text: string | Uint8Array): Promise<void> {
  try {
    await writeOutput(typeof text === 'string' ? Buffer.from(text) : text);
  } catch (error) {
    if (!(error instanceof Failure) || codeOf(error.cause) !== 'EPIPE') throw error;
  }
}
