/** The ways to write one file, and those that are wrong on purpose. */
import { closeSync, openSync, renameSync, writeFileSync as plainWrite, writeSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createWriteStream, openPending, writeFile, writeFileSync, type WriteOptions, type WriteResult } from 'untorn';

type Perform = (path: string, content: string, options: WriteOptions) => WriteResult | undefined | Promise<WriteResult | undefined>;

async function pending(path: string, content: string, options: WriteOptions): Promise<WriteResult> {
  const file = await openPending(path, options);
  try {
    const half = content.length >> 1;
    await file.write(content.slice(0, half));
    await file.writev([content.slice(half)]);
    return await file.commit();
  } finally {
    await file.discard();
  }
}

async function stream(path: string, content: string, options: WriteOptions): Promise<WriteResult | undefined> {
  const half = content.length >> 1;
  const target = createWriteStream(path, options);
  await pipeline(Readable.from([content.slice(0, half), content.slice(half)]), target);
  return target.result;
}

function inPlace(path: string, content: string): undefined {
  plainWrite(path, content);
}

/** As many packages do it: nobody looks at how much was written, and nobody cleans up. */
function careless(path: string, content: string): undefined {
  const temporary = `${path}.tmp`;
  const fd = openSync(temporary, 'w');
  writeSync(fd, content);
  closeSync(fd);
  renameSync(temporary, path);
}

export const ways = { writeFile, writeFileSync, pending, stream, inPlace, careless } satisfies Record<string, Perform>;

export type Way = keyof typeof ways;
