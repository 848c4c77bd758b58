/** One torture: readers, a sweeper and writers in one folder, kills at random, and what went wrong. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync as plainWrite } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Worker } from 'node:worker_threads';
import { fileURLToPath } from 'node:url';
import { sweepSync } from 'untorn';
import { compose, inspect } from './content.ts';
import { own, shared } from './files.ts';
import type { WriterJob } from './writer.ts';
import type { How } from './writes.ts';

export interface Scene {
  /** Where its folder is made. */
  readonly dir: string;
  readonly how: How;
  /** Whether the sweeper removes what is being written. */
  readonly ruthless: boolean;
  readonly processes: number;
  readonly threads: number;
  /** Rounds of all writers together. */
  readonly rounds: number;
  /** One in so many rounds ends with a kill; 0 is never. */
  readonly killOneIn: number;
  readonly seed: number;
}

export interface Tally {
  reads: number;
  writes: number;
  kills: number;
  swept: number;
  readonly violations: string[];
}

/** Numbers from 0 to 1, the same for the same seed. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** How many violations are enough. */
const enough = 5;

export async function play(scene: Scene): Promise<Tally> {
  const folder = mkdtempSync(join(scene.dir, 'untorn-torture-'));
  const places = Array.from({ length: scene.processes }, (_, index) => `p${index}`);
  const tally: Tally = { reads: 0, writes: 0, kills: 0, swept: 0, violations: [] };
  plainWrite(join(folder, shared), compose({ writer: 'nobody', sequence: 1 }));
  for (const place of places) {
    for (let thread = 0; thread < scene.threads; thread++)
      plainWrite(own(folder, `${place}-${thread}`), compose({ writer: 'nobody', sequence: 1 }));
  }
  const targets = readdirSync(folder).toSorted();
  const state = new Int32Array(new SharedArrayBuffer(12));
  const watch = (name: string): Worker =>
    new Worker(new URL(name, import.meta.url), { workerData: { folder, state, ruthless: scene.ruthless } }).on(
      'message',
      (violation: string) => tally.violations.push(violation),
    );
  const watchers = [watch('reader.js'), watch('reader.js'), watch('sweeper.js')];
  const ends = watchers.map((worker) => once(worker, 'exit'));
  const random = randomNumbers(scene.seed);
  let left = scene.rounds;

  /** One process after another in the same place, each killed or done. */
  const occupy = async (place: string): Promise<void> => {
    for (let life = 1; left > 0 && tally.violations.length < enough; life++) {
      const acknowledged = await live(place, life);
      for (const [thread, { writer, sequence }] of acknowledged) {
        const stamp = inspect(readFileSync(own(folder, thread)));
        if (sequence > 0 && (stamp?.writer !== writer || stamp.sequence < sequence)) {
          tally.violations.push(
            `${writer} ${sequence} was acknowledged before the kill, ${stamp?.writer} ${stamp?.sequence} is in place`,
          );
        }
      }
    }
  };

  const live = async (place: string, life: number): Promise<Map<string, { writer: string; sequence: number }>> => {
    const job: WriterJob = { folder, place, life, threads: scene.threads, rounds: 1000, how: scene.how };
    const writer = spawn(
      process.execPath,
      [fileURLToPath(new URL('writer.js', import.meta.url)), JSON.stringify(job)],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const acknowledged = new Map<string, { writer: string; sequence: number }>();
    let killed = false;
    createInterface(writer.stdout).on('line', (line) => {
      if (line.startsWith('!')) {
        tally.violations.push(line.slice(2));
      } else {
        const [thread, name, sequence, writes] = line.split(' ') as [string, string, string, string];
        acknowledged.set(thread, { writer: name, sequence: Number(sequence) });
        tally.writes += Number(writes);
        left--;
      }
      const isKill = scene.killOneIn > 0 && random() * scene.killOneIn < 1;
      if (killed || (!isKill && left > 0 && tally.violations.length < enough)) return;
      killed = true;
      tally.kills++;
      writer.kill('SIGKILL');
    });
    await once(writer, 'close');
    return acknowledged;
  };

  await Promise.all(places.map(occupy));
  Atomics.store(state, 0, 1);
  await Promise.all(ends);
  tally.reads = Atomics.load(state, 1);
  const { removed, kept, recoverable } = sweepSync(folder);
  tally.swept = Atomics.load(state, 2) + removed.length;
  if (kept.length + recoverable.length > 0)
    tally.violations.push(`One sweep at the end left ${JSON.stringify({ kept, recoverable })}`);
  const names = readdirSync(folder).toSorted();
  // What wrong writers leave is their own.
  if (scene.how === 'untorn' && names.join() !== targets.join())
    tally.violations.push(`At the end there is ${names.join(' ')}`);
  rmSync(folder, { recursive: true });
  return tally;
}
