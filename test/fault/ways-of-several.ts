/** Ways to change several files, or a whole directory, in a folder. */
import { mkdirSync, writeFileSync as plainWrite } from 'node:fs';
import { mkdir, writeFile as plainWriteLater } from 'node:fs/promises';
import { join } from 'node:path';
import {
  recover,
  replaceDirectory,
  replaceDirectorySync,
  transaction,
  transactionSync,
  updateFileSync,
  type TransactionResult,
} from 'untorn';
import type { Result } from './ways.ts';

const lock = { timeout: 5000 };

function resultOf({ files }: TransactionResult): Result {
  return { notKept: files.flatMap(({ notKept }) => notKept) };
}

/** Everything that a transaction can do, in two directories. */
export async function moveFiles(folder: string, content: string): Promise<Result> {
  const at = (name: string): string => join(folder, name);
  const result = await transaction(
    async (tx) => {
      await tx.writeFile(at('a/f'), content, { backup: 'simple' });
      await tx.writeFile(at('b/g'), content);
      await tx.remove(at('b/h'));
      await tx.rename(at('a/i'), at('b/i'));
    },
    { lock: { ...lock, files: [at('b/g')] } },
  );
  return resultOf(result);
}

export function moveFilesSync(folder: string, content: string): Result {
  const at = (name: string): string => join(folder, name);
  const result = transactionSync(
    (tx) => {
      tx.writeFile(at('a/f'), content, { backup: 'simple' });
      tx.writeFile(at('b/g'), content);
      tx.remove(at('b/h'));
      tx.rename(at('a/i'), at('b/i'));
    },
    { lock },
  );
  return resultOf(result);
}

/** An update and a transaction that change nothing but what was left: none of them waits for a lock. */
export function keepFiles(folder: string): undefined {
  const at = (name: string): string => join(folder, name);
  updateFileSync(at('b/g'), (content) => content as string, { encoding: 'utf8', lock: { timeout: 0 } });
  transactionSync((tx) => tx.writeFile(at('a/f'), tx.readFile(at('a/f'))), { lock: { timeout: 0 } });
}

/** Fails if something is kept. */
export async function recoverHere(folder: string): Promise<undefined> {
  for (const name of ['a', 'b']) {
    const { kept } = await recover(join(folder, name));
    if (kept.length > 0)
      throw new Error(
        `Kept: ${kept.map(({ path, reason, error }) => `${path.toString()}, ${reason} ${error?.message ?? ''}`).join('; ')}`,
      );
  }
}

/** Fills a directory; what fails in that is the caller's own error. */
export class NotFilled extends Error {}

async function fill(directory: string, content: string): Promise<void> {
  try {
    await mkdir(join(directory, 'sub'));
    for (const name of ['index', 'sub/page']) await plainWriteLater(join(directory, name), content);
  } catch (cause) {
    throw new NotFilled('The directory could not be filled', { cause });
  }
}

export function fillSync(directory: string, content: string): void {
  try {
    mkdirSync(join(directory, 'sub'), { recursive: true });
    for (const name of ['index', 'sub/page']) plainWrite(join(directory, name), content);
  } catch (cause) {
    throw new NotFilled('The directory could not be filled', { cause });
  }
}

/** A directory that is ready takes the place of another. */
export async function publish(path: string): Promise<Result> {
  return told(await replaceDirectory(path, `${path}-ready`, { lock }));
}

export async function publishFilled(path: string, content: string): Promise<Result> {
  return told(await replaceDirectory(path, (directory) => fill(directory, content), { lock }));
}

export function publishSync(path: string, content: string): Result {
  return told(replaceDirectorySync(path, (directory) => fillSync(directory, content), { lock: { timeout: 0 } }));
}

function told({ oldPath }: { oldPath: string | Buffer | undefined }): Result {
  return { oldPath: oldPath?.toString() };
}
