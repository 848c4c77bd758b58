/** The ways to write or update one file, and those that are wrong on purpose. */
import { closeSync, openSync, renameSync, writeFileSync as plainWrite, writeSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  atomicWrite,
  createWriteStream,
  createWriter,
  openPending,
  readVersioned,
  updateFile,
  updateFileSync,
  updateJson,
  writeFile,
  writeFileSync,
  type WriteOptions,
  type WriteResult,
} from 'untorn';
import {
  keepFiles,
  moveFiles,
  moveFilesSync,
  publish,
  publishFilled,
  publishSync,
  recoverHere,
} from './ways-of-several.ts';

/** What is told of a result: what could not be kept, and what could not be removed. */
export type Result = Partial<Pick<WriteResult, 'notKept'>> & { readonly oldPath?: string | undefined };

type Perform = (
  path: string,
  content: string,
  options: WriteOptions,
) => Result | undefined | Promise<Result | undefined>;

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

/** The same in a block. */
function block(path: string, content: string, options: WriteOptions): Promise<WriteResult> {
  return atomicWrite(path, (file) => file.write(content), options);
}

/** What is written over and over: the last content is the one that counts. */
async function writer(path: string, content: string, options: WriteOptions): Promise<WriteResult> {
  const saved = createWriter<string>(path, { ...options, onError: (error) => console.error(error) });
  void saved.write('not this one');
  const result = await saved.write(content);
  await saved.close();
  return result;
}

/** Of a version that is looked at first. */
async function matching(path: string, content: string, options: WriteOptions): Promise<WriteResult> {
  const { version } = await readVersioned(path);
  return writeFile(path, content, { ...options, ifMatch: version, lock });
}

const lock = { timeout: 5000 };

const updates = {
  updateFile: (path, content, options) => updateFile(path, async () => content, { ...options, encoding: 'utf8', lock }),
  updateFileSync: (path, content, options) =>
    updateFileSync(path, () => content, { ...options, encoding: 'utf8', lock }),
  updateJson: (path, content, options) => updateJson(path, () => JSON.parse(content), { ...options, lock }),
} satisfies Record<string, Perform>;

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

const several = {
  moveFiles,
  moveFilesSync,
  keepFiles,
  recoverHere,
  publish,
  publishFilled,
  publishSync,
} satisfies Record<string, Perform>;

const all = {
  writeFile,
  writeFileSync,
  pending,
  stream,
  block,
  writer,
  matching,
  ...updates,
  ...several,
  inPlace,
  careless,
} satisfies Record<string, Perform>;

export type Way = keyof typeof all;

export const ways: Readonly<Record<Way, Perform>> = all;
