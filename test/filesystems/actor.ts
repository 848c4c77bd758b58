/**
 * A process that does on a filesystem what it is told, one message after another: it uses the package as any program
 * would, and says what
 * became of it. What it is told to do without the package (`plain…`) shows what the filesystem itself does.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { deserialize, serialize } from 'node:v8';
import type { PendingFile, ReplaceDirectoryResult, UpdateInfo, Version } from 'untorn';
import { countCalls, stopping } from './counted.ts';
import { failureOf } from './failure.ts';

export type Change =
  | { readonly write: string; readonly content: string }
  | { readonly remove: string }
  | { readonly rename: string; readonly to: string };

if (process.env['UNTORN_COUNTS'] !== undefined) countCalls();
// Not before the calls are counted.
const untorn = await import('untorn');
const { createFiles, readVersions, stopReading, update, writeVersions } = await import('./deeds.ts');

let pending: PendingFile | undefined;
let release: () => void = () => undefined;

const commands = {
  async call(name: string, ...args: unknown[]): Promise<unknown> {
    return (untorn as unknown as Record<string, (...args: unknown[]) => unknown>)[name]!(...args);
  },
  async plain(name: string, ...args: unknown[]): Promise<unknown> {
    const result = await (fs.promises as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>)[name]!(
      ...args,
    );
    return result instanceof fs.Stats
      ? {
          mode: result.mode,
          uid: result.uid,
          gid: result.gid,
          ino: result.ino,
          nlink: result.nlink,
          mtimeMs: result.mtimeMs,
          size: result.size,
        }
      : result;
  },
  /** What a program that removes what it made leaves here: a file that it had open, and a directory. */
  async leaves(path: string): Promise<{ file: boolean; directory: boolean }> {
    const fd = fs.openSync(path, 'wx');
    fs.writeSync(fd, 'new');
    fs.unlinkSync(path);
    fs.closeSync(fd);
    fs.mkdirSync(`${path}-directory`);
    await fs.promises.rmdir(`${path}-directory`).catch(() => undefined);
    return { file: fs.existsSync(path), directory: fs.existsSync(`${path}-directory`) };
  },
  writeVersions,
  readVersions,
  update,
  createFiles,
  async hold(path: string, content: string, lock: { lease?: number; timeout?: number } = {}): Promise<unknown> {
    return untorn.updateFile(
      path,
      async (_old: unknown, _info: UpdateInfo) => {
        tell({ event: 'held' });
        await new Promise<void>((resolve) => (release = resolve));
        return content;
      },
      { lock },
    );
  },
  async release(): Promise<void> {
    release();
  },
  async open(path: string, data: string): Promise<string> {
    pending = await untorn.openPending(path);
    await pending.write(data);
    return String(pending.temporaryPath);
  },
  async commit(): Promise<unknown> {
    return pending?.commit();
  },
  async transaction(changes: readonly Change[], lock: { lease?: number; timeout?: number } = {}): Promise<unknown> {
    return untorn.transaction(
      async (tx) => {
        for (const change of changes) {
          if ('write' in change) await tx.writeFile(change.write, change.content);
          else if ('remove' in change) await tx.remove(change.remove);
          else await tx.rename(change.rename, change.to);
        }
      },
      { lock },
    );
  },
  async replaceDirectory(path: string, mark: string): Promise<ReplaceDirectoryResult> {
    return untorn.replaceDirectory(path, (folder: string) => {
      for (const name of ['one', 'two']) fs.writeFileSync(join(folder, name), mark);
    });
  },
  async casWrite(path: string, content: string, version: Version | 'absent'): Promise<unknown> {
    return untorn.writeFile(path, content, { ifMatch: version as Version });
  },
  /** The package stands still before its call of this number, from now on. */
  async stopAt(at: number): Promise<void> {
    stopping.calls = 0;
    stopping.at = at;
  },
  /** How many calls were made since. */
  async calls(): Promise<number> {
    return stopping.calls;
  },
  async handleSignals(): Promise<void> {
    process.on('SIGTERM', () => tell({ event: 'SIGTERM' }));
  },
};

export type Commands = typeof commands;

export interface Order {
  readonly id: number;
  readonly name: 'stop' | 'leave' | keyof Commands;
  readonly args: unknown[];
}

function obey({ id, name, args }: Order): void {
  if (name === 'leave') process.exit();
  if (name === 'stop') {
    stopReading();
    return;
  }
  const command = commands[name] as (...args: unknown[]) => Promise<unknown>;
  command(...args).then(
    (result) => tell({ id, result }),
    (error: unknown) => tell({ id, error: failureOf(error) }),
  );
}

/** On another machine there is no channel: messages are lines. */
const hasChannel = process.send !== undefined;

function tell(message: object): void {
  if (hasChannel) process.send?.(message);
  else fs.writeSync(1, `> ${serialize(message).toString('base64')}\n`);
}

if (hasChannel) process.on('disconnect', () => process.exit()).on('message', obey);
else
  createInterface(process.stdin)
    .on('line', (line) => obey(deserialize(Buffer.from(line, 'base64')) as Order))
    .on('close', () => process.exit());
tell({ event: 'ready', pid: process.pid });
