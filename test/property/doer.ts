/** A process that does what programs say (deeds.ts) with the package, and tells what became of each deed. */
import { readFileSync, writeFileSync as plainWrite } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Transaction, TransactionSync, Version, WriteOptions } from 'untorn';
import * as untorn from 'untorn';
import type { Change, Deed } from './deeds.ts';

/** An error as data, without its stack. */
interface Told {
  readonly [name: string]: unknown;
}

const facts = [
  'name',
  'code',
  'errno',
  'syscall',
  'path',
  'dest',
  'step',
  'outcome',
  'message',
  'temporaryPath',
  'backupPath',
  'files',
  'errors',
  'currentVersion',
  'cause',
] as const;

function asData(value: unknown): unknown {
  if (value instanceof Error) {
    const error = value as unknown as Record<string, unknown>;
    return Object.fromEntries(facts.filter((name) => name in error).map((name) => [name, asData(error[name])]));
  }
  if (Buffer.isBuffer(value)) return `bytes ${value.toString('latin1')}`;
  if (Array.isArray(value)) return value.map(asData);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, asData(one)]));
  return value;
}

/** The path of a name, each character of which is a byte. */
function pathOf(folder: string, name: string): string | Buffer {
  return name.includes('\xff') ? Buffer.from(join(folder, name), 'latin1') : join(folder, name);
}

async function versionOf(path: string | Buffer): Promise<Version> {
  try {
    return (await untorn.readVersioned(path)).version;
  } catch {
    return 'absent';
  }
}

async function write(folder: string, deed: Deed & { kind: 'write' }, content: string): Promise<unknown> {
  const path = pathOf(folder, deed.name);
  const options: WriteOptions = { ...deed.options };
  if (deed.expected === 'none') options.ifMatch = 'absent';
  if (deed.expected === 'the current one') options.ifMatch = await versionOf(path);
  if (deed.expected === 'another one') {
    plainWrite(join(folder, 'for a version'), 'other');
    options.ifMatch = await versionOf(join(folder, 'for a version'));
  }
  switch (deed.way) {
    case 'writeFile':
      return untorn.writeFile(path, content, options);
    case 'writeFileSync':
      return untorn.writeFileSync(path, content, options);
    case 'atomicWrite':
      return untorn.atomicWrite(path, (file) => file.write(content), options);
    case 'atomicWriteSync':
      return untorn.atomicWriteSync(path, (file) => void file.write(content), options);
    case 'source':
      return untorn.writeFile(path, [content, 'more'], options);
    case 'stream': {
      const stream = untorn.createWriteStream(path, options);
      await pipeline([content], stream);
      return undefined;
    }
  }
}

function update(folder: string, { way, name, options }: Deed & { kind: 'update' }): unknown {
  const path = pathOf(folder, name);
  const longer = (old: string | undefined): string => `${old ?? 'none'}+`;
  const given = { ...options, lock: { timeout: 0 } };
  switch (way) {
    case 'updateFile':
      return untorn.updateFile(path, longer, { ...given, encoding: 'utf8' });
    case 'updateFileSync':
      return untorn.updateFileSync(path, longer, { ...given, encoding: 'utf8' });
    case 'updateJson':
      return untorn.updateJson(path, (old: unknown) => [old], { ...given, initial: 0 });
    case 'updateJsonSync':
      return untorn.updateJsonSync(path, (old: unknown) => [old], { ...given, initial: 0 });
  }
}

function change(folder: string, tx: Transaction | TransactionSync, one: Change): unknown {
  const path = pathOf(folder, one.name);
  switch (one.kind) {
    case 'write':
      return tx.writeFile(path, `written together`, one.options);
    case 'remove':
      return tx.remove(path, { force: one.force, ...(one.backup && { backup: 'simple' as const }) });
    case 'rename':
      return tx.rename(path, pathOf(folder, one.to), { overwrite: one.overwrite });
  }
}

async function perform(folder: string, deed: Deed, index: number): Promise<unknown> {
  switch (deed.kind) {
    case 'write':
      return write(folder, deed, `${index}`.padEnd(deed.size, '.').slice(0, deed.size));
    case 'update':
      return update(folder, deed);
    case 'transaction': {
      const { blocking, changes } = deed;
      const together = { durability: 'off' } as const;
      if (blocking)
        return untorn.transactionSync((tx) => {
          for (const one of changes) change(folder, tx, one);
        }, together);
      return untorn.transaction(async (tx) => {
        for (const one of changes) await change(folder, tx, one);
      }, together);
    }
    case 'writeFiles':
      return untorn.writeFiles(
        deed.names.map((name) => ({ path: pathOf(folder, name), data: `one of several: ${index}` })),
        deed.options,
      );
    case 'replaceDirectory': {
      const fill = (directory: string): void => plainWrite(join(directory, 'file'), 'of a new directory');
      const path = join(folder, deed.name);
      return deed.blocking
        ? untorn.replaceDirectorySync(path, fill, { durability: 'off' })
        : untorn.replaceDirectory(path, fill, { durability: 'off' });
    }
  }
}

process.umask(0o022);
async function answer({ folder, deeds }: { folder: string; deeds: readonly Deed[] }): Promise<void> {
  const told: Told[] = [];
  for (const [index, deed] of deeds.entries()) {
    try {
      told.push({ result: asData(await perform(folder, deed, index)) });
    } catch (error) {
      told.push({ error: asData(error) });
    }
  }
  process.send?.(told);
}

process.on('message', (asked: { folder: string; deeds: readonly Deed[] }) => void answer(asked));
process.on('disconnect', () => process.exit());
// The first call loads the native part, if there is to be one.
untorn.sweepSync('.', { olderThan: Number.MAX_SAFE_INTEGER });
process.send?.({ hasNative: readFileSync('/proc/self/maps', 'utf8').includes('.node') });
