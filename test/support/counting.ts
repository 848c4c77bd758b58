/**
 * Processes that count together: each adds 1 to what one file holds, again and again, in one of the ways there are to
 * update it. The file has the count many times over, so that half of a content shows.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ask, start, type Program } from './child.ts';
import { partsOf } from './stale.ts';

export type Way = 'updateFile' | 'updateFileSync' | 'updateJson' | 'updateJsonSync';
export const ways: readonly Way[] = ['updateFile', 'updateFileSync', 'updateJson', 'updateJsonSync'];

const copies = 300;

const prelude = `
  import { writeSync } from 'node:fs';
  import { updateFile, updateFileSync, updateJson, updateJsonSync } from 'untorn';
  const [path, way, times] = process.argv.slice(1);
  const none = Array(${copies}).fill(0);
  const next = (counts) => counts.map((count) => count + 1);
  const nextText = (text) => JSON.stringify(next(text === undefined ? none : JSON.parse(text)));
  const text = { encoding: 'utf8', durability: 'off' };
  const value = { initial: none, durability: 'off' };
  const add = {
    updateFile: () => updateFile(path, nextText, text),
    updateFileSync: () => updateFileSync(path, nextText, text),
    updateJson: () => updateJson(path, next, value),
    updateJsonSync: () => updateJsonSync(path, next, value),
  }[way];
`;

const addingTimes = `${prelude}
  for (let done = 0; done < Number(times); done++) await add();
  console.log(JSON.stringify('done'));
`;

// What it says is on its way when it is killed.
const adding = `${prelude}
  for (;;) {
    await add();
    writeSync(1, 'done\\n');
  }
`;

/** One process for each way, all at once; resolves when each has added 1 so many times. */
export async function addTogether(path: string, ways: readonly Way[], times: number): Promise<void> {
  await Promise.all(ways.map((way) => ask(addingTimes, [path, way, String(times)])));
}

/** The count that the file holds, which must be whole. */
export function countIn(path: string): number {
  const text = readFileSync(path, 'utf8');
  const counts = JSON.parse(text) as number[];
  const [count] = counts;
  assert.ok(count !== undefined && counts.length === copies && counts.every((one) => one === count), `torn: ${text}`);
  return count;
}

/** What became of processes that were killed. */
export interface Killed {
  /** How often one of them said that it had added 1. */
  readonly acknowledged: number;
  /** How many processes there were: each may have been killed after it had added 1 and before it said so. */
  readonly processes: number;
  /** How often the file was read meanwhile. */
  readonly reads: number;
}

/**
 * Three processes add 1; one that was just seen to have the lock is killed, and another begins in its place, again and
 * again. The file is read meanwhile.
 */
export async function addAndKill(path: string, kills: number): Promise<Killed> {
  const all: Program[] = [];
  const begin = (): Program => {
    const program = start(adding, [path, ways[all.length % ways.length] as Way]);
    all.push(program);
    return program;
  };
  let reads;
  try {
    // Each has got through once.
    await Promise.all([begin(), begin(), begin()].map((program) => program.line()));
    const stop = new AbortController();
    const killing = killOwners(path, all, kills, begin).finally(() => stop.abort());
    [reads] = await Promise.all([watch(path, stop.signal), killing]);
  } finally {
    for (const { process } of all) process.kill('SIGKILL');
  }
  const ended = await Promise.all(all.map((program) => program.ended));
  assert.deepEqual(
    ended.map(({ stderr }) => stderr).filter((text) => text !== ''),
    [],
  );
  const acknowledged = ended.reduce(
    (sum, { stdout }) => sum + stdout.split('\n').filter((line) => line === 'done').length,
    0,
  );
  return { acknowledged, processes: all.length, reads };
}

/** Kills whoever has the lock, so many times. */
async function killOwners(path: string, all: readonly Program[], kills: number, begin: () => Program): Promise<void> {
  for (let kill = 0; kill < kills; kill++) {
    // The lock changes hands between two kills, and the newest process gets it too.
    for (let times = 0; times <= kill % 5; times++) await (all.at(-1) as Program).line();
    const owner = await ownerOf(path, all);
    owner.process.kill('SIGKILL');
    await owner.ended;
    begin();
  }
}

/** Reads the file until it is told to stop: each time it must be whole, and no older than before. */
async function watch(path: string, stop: AbortSignal): Promise<number> {
  let reads = 0;
  for (let last = 0; !stop.aborted; reads++) {
    const count = countIn(path);
    assert.ok(count >= last, `${count} after ${last}`);
    last = count;
    await new Promise(setImmediate);
  }
  return reads;
}

/** The program that has the lock, as soon as one has it. */
async function ownerOf(path: string, all: readonly Program[]): Promise<Program> {
  for (;;) {
    const pid = holderOf(path);
    const found = all.find(
      ({ process }) => process.pid === pid && process.exitCode === null && process.signalCode === null,
    );
    if (found !== undefined) return found;
    await new Promise(setImmediate);
  }
}

/** The number of the process that has the lock. */
function holderOf(path: string): number | undefined {
  try {
    const [entry] = readdirSync(join(dirname(path), `.${basename(path)}.untorn-lock`, 'held'));
    return entry === undefined ? undefined : Number.parseInt(partsOf(entry).pid, 36);
  } catch (error) {
    // It comes and goes; on Windows it may just be going.
    if (['ENOENT', 'EPERM', 'EBUSY'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
