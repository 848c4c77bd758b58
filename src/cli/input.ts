/** Standard input, in large pieces. */
import { fstatSync, read, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { codeOf, Failure, reasonOf } from './failures.ts';
import { untilReady } from './output.ts';

const readSome = promisify(read);
const size = 1 << 20;

/**
 * The bytes of standard input. Each piece is overwritten by the next; `count` hears of the bytes as they come.
 *
 * By descriptor and in the thread pool, not by process.stdin: that would make a pipe non-blocking also for the other programs
 * that share it, and reads files in small pieces. Never while something else is done, as process.exit() waits for the thread
 * (libuv joins its pool), and that waits for input.
 */
export async function* standardInput(atOnce: boolean, count: (bytes: number) => void): AsyncGenerator<Uint8Array, void, undefined> {
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

async function readInto(buffer: Buffer, offset: number): Promise<number> {
  for (;;) {
    try {
      return (await readSome(0, buffer, offset, size - offset, null)).bytesRead;
    } catch (error) {
      // EOF is how Windows reports the end of a pipe.
      if (codeOf(error) === 'EOF') return 0;
      if (codeOf(error) !== 'EAGAIN') throw new Failure(`Cannot read standard input: ${reasonOf(error)}`, { cause: error });
      await new Promise((wake) => setTimeout(wake, untilReady));
    }
  }
}

const nullDevice = 0x103;

/**
 * Fails if standard input was closed (`<&-`): nothing to read is not the same as empty. Node.js opens /dev/null then, for
 * reading and writing (PlatformInit in node.cc), unlike `< /dev/null`; only Linux tells.
 */
function assertOpen(): void {
  if (process.platform !== 'linux' || fstatSync(0).rdev !== nullDevice) return;
  let flags;
  try {
    flags = /^flags:\s*([0-7]+)/m.exec(readFileSync('/proc/self/fdinfo/0', 'utf8'))?.[1];
  } catch {
    return; // No /proc.
  }
  if ((Number.parseInt(flags ?? '0', 8) & 3) === 2) throw new Failure('Standard input is closed; for an empty file say "< /dev/null"');
}
