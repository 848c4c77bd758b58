/**
 * Arguments that are not UTF-8.
 *
 * Node.js decodes the command line as UTF-8 and puts U+FFFD for bytes that are not UTF-8. A file name in Latin-1 would
 * so silently become another name. On Linux the bytes are still in /proc/self/cmdline. Elsewhere file names are
 * Unicode, or the argument is taken as it was decoded.
 */
import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { UsageError } from '../failures.ts';

/** A path as it was typed, byte for byte. */
export function pathFrom(argument: string): string | Buffer {
  const [bytes, ...others] = bytesOf(argument);
  if (bytes === undefined) return argument;
  if (others.some((other) => !other.equals(bytes)))
    throw new UsageError(`Two arguments look like "${argument}" and are not UTF-8; use one at a time`);
  return bytes;
}

/** Fails for arguments that cannot be passed to another program unchanged. */
export function assertText(given: readonly string[]): void {
  const wrong = given.find((argument) => bytesOf(argument).some((bytes) => !isUtf8(bytes)));
  if (wrong !== undefined)
    throw new UsageError(`"${wrong}" is not UTF-8 and cannot be passed on; wrap the command in a shell script`);
}

/** The arguments, or values after `--option=`, that were decoded to this text with a loss. */
function bytesOf(argument: string): readonly Buffer[] {
  if (!argument.includes('\ufffd')) return [];
  return rawArguments()
    .flatMap((raw) => [raw, raw.subarray(raw.indexOf('=') + 1)])
    .filter((raw) => raw.toString() === argument);
}

function rawArguments(): readonly Buffer[] {
  let line: Buffer;
  try {
    line = readFileSync('/proc/self/cmdline');
  } catch {
    return []; // Not Linux, or no /proc.
  }
  const found: Buffer[] = [];
  for (let start = 0, end; (end = line.indexOf(0, start)) !== -1; start = end + 1)
    found.push(line.subarray(start, end));
  return found.slice(-(process.argv.length - 2));
}
