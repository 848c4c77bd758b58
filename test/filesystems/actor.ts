/**
 * A process that does on a filesystem what it is told, one message after another: it uses the package as any program would, and says what
 * became of it. What it is told to do without the package (`plain…`) shows what the filesystem itself does.
 */
import fs from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import type { PendingFile, UpdateInfo, Version, WriteOptions } from 'untorn';
import { compose, inspect } from '../torture/content.ts';

export type Way = 'updateFile' | 'updateFileSync' | 'ifMatch';

/** What failed, in what can be sent. */
export interface Failure {
  readonly name: string;
  readonly code: string;
  readonly message: string;
  readonly outcome?: string;
  readonly step?: string;
  readonly syscall?: string;
  readonly path?: string;
}

export type Change =
  | { readonly write: string; readonly content: string }
  | { readonly remove: string }
  | { readonly rename: string; readonly to: string };

if (process.env['UNTORN_WITHOUT_ADDON'] !== undefined) hideAddon();
const stopping = { calls: 0, at: Number.POSITIVE_INFINITY };
countCalls();
const untorn = await import('untorn');

/** As where an optional dependency was not installed. */
function hideAddon(): void {
  const loader = createRequire(import.meta.url)('node:module') as Record<'_resolveFilename', (name: string, ...rest: unknown[]) => string>;
  const hidden = '_resolveFilename';
  const resolve = loader[hidden];
  loader[hidden] = function (name, ...rest) {
    if (name === '@napi-rs/xattr') throw Object.assign(new Error(`Cannot find module '${name}'`), { code: 'MODULE_NOT_FOUND' });
    return resolve.call(this, name, ...rest);
  };
}

/** Calls of the package are counted, and it stands still before one of them for ever: there it is killed. */
function countCalls(): void {
  const names = ['open', 'close', 'write', 'fsync', 'fstat', 'lstat', 'stat', 'readdir', 'mkdir', 'rmdir', 'rename', 'link', 'symlink', 'unlink', 'fchown', 'fchmod', 'futimes', 'read', 'readlink'];
  const calls = fs as unknown as Record<string, (...args: unknown[]) => unknown>;
  for (const name of names.flatMap((name) => [name, `${name}Sync`])) {
    const call = calls[name]!;
    calls[name] = function (this: unknown, ...args) {
      if (stopping.calls++ === stopping.at) standStill();
      return call.apply(this, args);
    };
  }
  syncBuiltinESMExports();
}

function standStill(): never {
  stopping.at = Number.POSITIVE_INFINITY;
  fs.writeSync(1, 'stopped\n');
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

let stopped = false;
let pending: PendingFile | undefined;
let release: () => void = () => undefined;

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
const count = (counts: Map<string, number>, name: string): void => void counts.set(name, (counts.get(name) ?? 0) + 1);

/** Writes and counts acknowledgements until the time is up and enough was written. */
async function writeVersions(path: string, writer: string, { milliseconds, least, plain, options = {} }: { milliseconds: number; least: number; plain: boolean; options?: WriteOptions }): Promise<{ writes: number; errors: Map<string, number>; newest: number }> {
  const errors = new Map<string, number>();
  const end = Date.now() + milliseconds;
  let [writes, newest] = [0, 0];
  for (let sequence = 1; (Date.now() < end || writes < least) && sequence < 100_000 && errors.size < 5 && (errors.size === 0 || sequence < 200); sequence++) {
    const content = compose({ writer, sequence });
    try {
      if (plain) {
        fs.writeFileSync(`${path}.${writer}`, content);
        fs.renameSync(`${path}.${writer}`, path);
      } else if (sequence % 2 === 0) untorn.writeFileSync(path, content, options);
      else await untorn.writeFile(path, content, options);
      newest = sequence;
      writes++;
    } catch (error) {
      count(errors, failureOf(error).code);
    }
    if (sequence % 10 === 0) await turn();
  }
  return { writes, errors, newest };
}

/** Reads until it is told to stop: what it saw, and how often. */
async function readVersions(path: string, how: 'plain' | 'readVersioned' | 'readVersionedSync' | 'readJson' | 'updateFile'): Promise<{ seen: Map<string, number>; example: string | undefined }> {
  const seen = new Map<string, number>();
  let example: string | undefined;
  const look = (content: Buffer | undefined): string => {
    if (content === undefined) return 'absent';
    if (inspect(content) !== undefined) return 'whole';
    example ??= `${content.byteLength} bytes: ${JSON.stringify(content.toString('latin1', 0, 60))}`;
    return 'torn';
  };
  const once = {
    plain: () => {
      try {
        return look(fs.readFileSync(path));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'absent';
        throw error;
      }
    },
    readVersioned: async () => look((await untorn.readVersioned(path)).content),
    readVersionedSync: () => look(untorn.readVersionedSync(path).content),
    readJson: async () => ((await untorn.readJson(path, { initial: 'absent' })) === 'absent' ? 'absent' : 'whole'),
    updateFile: async () => {
      let saw = '';
      await untorn.updateFile(path, (content) => {
        saw = look(content);
        return untorn.unchanged;
      });
      return saw;
    },
  }[how];
  stopped = false;
  for (let looks = 0; !stopped; looks++) {
    try {
      count(seen, await once());
    } catch (error) {
      const { code, message } = failureOf(error);
      count(seen, code);
      example ??= message;
    }
    if (looks % 20 === 0) await turn();
  }
  return { seen, example };
}

export interface Updates {
  readonly acknowledged: number;
  readonly unknown: number;
  readonly errors: Map<string, number>;
  /** How often a file was said not to be there that always was. */
  readonly absent: number;
  readonly torn: number;
  readonly example: string | undefined;
}

const copies = 100;
const textOf = (count: number): string => `${`${count};`.repeat(copies)}\n`;

/** The count in a text that has it many times, so that half of one shows. */
function countOf(text: string): number | undefined {
  const found = Number.parseInt(text, 10);
  return text === textOf(found) ? found : undefined;
}

async function update(path: string, times: number, way: Way, lock: { lease?: number; timeout?: number }): Promise<Updates> {
  const errors = new Map<string, number>();
  let [acknowledged, unknown, absent, torn] = [0, 0, 0, 0];
  let example: string | undefined;
  const next = (text: string | undefined): string => {
    if (text === undefined) absent++;
    const counted = countOf(text ?? textOf(0));
    if (counted === undefined) torn++;
    return textOf((counted ?? 0) + 1);
  };
  const options = { encoding: 'utf8', durability: 'off', lock } as const;
  const once = {
    updateFile: () => untorn.updateFile(path, next, options),
    updateFileSync: () => untorn.updateFileSync(path, next, options),
    ifMatch: async () => {
      for (let tries = 0; ; tries++) {
        const { content, version } = await untorn.readVersioned(path, 'utf8');
        try {
          return await untorn.writeFile(path, next(content), { durability: 'off', ifMatch: version, lock });
        } catch (error) {
          if (failureOf(error).code !== 'ERR_VERSION_CONFLICT' || tries === 1000) throw error;
        }
      }
    },
  }[way];
  for (let done = 0; done < times && !(acknowledged === 0 && done >= 5); done++) {
    try {
      await once();
      acknowledged++;
    } catch (error) {
      const { code, message, outcome, step } = failureOf(error);
      if (outcome !== 'old') unknown++;
      count(errors, code);
      example ??= `${message} (step ${step}, outcome ${outcome})`;
    }
    await turn();
  }
  return { acknowledged, unknown, errors, absent, torn, example };
}

/** Creates files that somebody else creates too; returns the numbers of those it was first at. */
async function createFiles(folder: string, mark: string, times: number): Promise<{ won: number[]; errors: Map<string, number>; untrue: string[] }> {
  const won: number[] = [];
  const untrue: string[] = [];
  const errors = new Map<string, number>();
  for (let number = 0; number < times; number++) {
    const path = join(folder, `created-${number}`);
    try {
      if (number % 2 === 0) await untorn.writeFile(path, `${mark} ${number}`, { overwrite: false, durability: 'off' });
      else untorn.writeFileSync(path, `${mark} ${number}`, { overwrite: false, durability: 'off' });
      won.push(number);
    } catch (error) {
      const { code, outcome } = failureOf(error);
      count(errors, code);
      const mine = fs.existsSync(path) && fs.readFileSync(path, 'utf8') === `${mark} ${number}`;
      if ((outcome === 'old' && mine) || (outcome === 'new' && !mine)) untrue.push(`${path}: ${code} says ${outcome}, and ${mine ? 'it holds' : 'it does not hold'} the new content`);
    }
    await turn();
  }
  return { won, errors, untrue };
}

const commands = {
  async call(name: string, ...args: unknown[]): Promise<unknown> {
    return (untorn as unknown as Record<string, (...args: unknown[]) => unknown>)[name]!(...args);
  },
  async plain(name: string, ...args: unknown[]): Promise<unknown> {
    const result = await (fs.promises as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>)[name]!(...args);
    return result instanceof fs.Stats ? { mode: result.mode, uid: result.uid, gid: result.gid, ino: result.ino, nlink: result.nlink, mtimeMs: result.mtimeMs, size: result.size } : result;
  },
  writeVersions,
  readVersions,
  update,
  createFiles,
  async hold(path: string, content: string, lock: { lease?: number; timeout?: number } = {}): Promise<unknown> {
    return untorn.updateFile(path, async (_old: unknown, _info: UpdateInfo) => {
      tell({ event: 'held' });
      await new Promise<void>((resolve) => (release = resolve));
      return content;
    }, { lock });
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
    return untorn.transaction(async (tx) => {
      for (const change of changes) {
        if ('write' in change) await tx.writeFile(change.write, change.content);
        else if ('remove' in change) await tx.remove(change.remove);
        else await tx.rename(change.rename, change.to);
      }
    }, { lock });
  },
  async replaceDirectory(path: string, mark: string, options: { keepOld?: boolean } = {}): Promise<unknown> {
    return untorn.replaceDirectory(path, (folder: string) => {
      for (const name of ['one', 'two']) fs.writeFileSync(join(folder, name), mark);
    }, options);
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

function failureOf(error: unknown): Failure {
  const { name, code, message, outcome, step, syscall, path } = error as Partial<Record<keyof Failure, string>>;
  return {
    name: String(name), code: code ?? String(name), message: message ?? String(error),
    ...(outcome !== undefined && { outcome }), ...(step !== undefined && { step }), ...(syscall !== undefined && { syscall }), ...(path !== undefined && { path: String(path) }),
  };
}

function tell(message: object): void {
  process.send?.(message);
}

process.on('disconnect', () => process.exit());
process.on('message', ({ id, name, args }: { id: number; name: 'stop' | 'leave' | keyof Commands; args: unknown[] }) => {
  if (name === 'leave') process.exit();
  if (name === 'stop') {
    stopped = true;
    return;
  }
  const command = commands[name] as (...args: unknown[]) => Promise<unknown>;
  command(...args).then(
    (result) => tell({ id, result }),
    (error: unknown) => tell({ id, error: failureOf(error) }),
  );
});
tell({ event: 'ready' });
