/** Standard input, in large pieces. */
import { read } from 'node:fs';
import { promisify } from 'node:util';
import { codeOf, Failure, reasonOf } from './failures.ts';
import { tell } from './messages.ts';
import { untilReady } from './output.ts';
import { isTerminal, wasClosed } from './terminal.ts';

const readSome = promisify(read);
const size = 1 << 20;

/**
 * The bytes of standard input. Each piece is overwritten by the next; `count` receives the number of bytes of each.
 *
 * Reads by descriptor and in the thread pool instead of process.stdin, which makes a pipe non-blocking for the other
 * programs that share it, and reads files in small pieces. It never reads while something else is done: process.exit()
 * waits for the thread (libuv joins its pool), and the thread waits for input.
 */
export async function* standardInput(
  atOnce: boolean,
  count: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  const buffer = Buffer.allocUnsafeSlow(size);
  let filled = 0;
  let total = 0;
  for (;;) {
    const bytes = await readInto(buffer, filled);
    count(bytes);
    filled += bytes;
    total += bytes;
    if (total === 0) assertOpen();
    if (filled > 0 && (bytes === 0 || atOnce || filled === size)) {
      yield buffer.subarray(0, filled);
      filled = 0;
    }
    if (bytes === 0) return;
  }
}

/** A person who types sees no other sign that input is expected. */
export function tellIfAwaited(): void {
  if (isTerminal(0) && isTerminal(2))
    tell(`Reads standard input until ${process.platform === 'win32' ? 'Ctrl-Z and Enter' : 'Ctrl-D'}`);
}

async function readInto(buffer: Buffer, offset: number): Promise<number> {
  for (;;) {
    try {
      return (await readSome(0, buffer, offset, size - offset, null)).bytesRead;
    } catch (error) {
      // EOF is how Windows reports the end of a pipe.
      if (codeOf(error) === 'EOF') return 0;
      if (codeOf(error) !== 'EAGAIN')
        throw new Failure(`Cannot read standard input: ${reasonOf(error)}`, { cause: error });
      await new Promise((wake) => setTimeout(wake, untilReady));
    }
  }
}

/** A closed standard input is not the same as an empty one. */
function assertOpen(): void {
  if (wasClosed(0)) throw new Failure('Standard input is closed; for an empty file use "< /dev/null"');
}
