/** The content of a source, in pieces. */
import { createReadStream } from 'node:fs';
import type { Source } from './changes.ts';
import { Failure, reasonOf } from './failures.ts';
import { standardInput } from './input.ts';

/**
 * The bytes of a source. `count` receives the number of bytes of each piece. Each piece may be overwritten by the next.
 */
export async function* contentOf(
  source: Source,
  count: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (source === 'standard input') yield* standardInput(false, count);
  else if ('file' in source) yield* fileContent(source.file, count);
  else yield Buffer.from(source.content);
}

async function* fileContent(
  path: string | Buffer,
  count: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
      count(chunk.byteLength);
      yield chunk;
    }
  } catch (error) {
    throw new Failure(`Cannot read "${path.toString()}": ${reasonOf(error)}`, { cause: error });
  }
}
