/**
 * A process that writes in several threads until it is killed or has done its rounds. Each line that it prints is a
 * round of one thread: `place sequence writes`, the newest version of the thread's own file that was acknowledged; or
 * `! violation`.
 */
import { readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { inspect } from './content.ts';
import { own, shared } from './files.ts';
import { rounds as kinds } from './rounds.ts';
import { Writes, type How } from './writes.ts';

export interface WriterJob {
  readonly folder: string;
  /** Of the process: its threads have this and a number. */
  readonly place: string;
  /** Different for each process that takes the place. */
  readonly life: number;
  readonly threads: number;
  readonly rounds: number;
  readonly how: How;
}

/** As one system call, so that lines of threads do not mix. */
function print(line: string): void {
  writeSync(1, `${line}\n`);
}

async function writeRounds({ folder, rounds, how, life }: WriterJob, place: string): Promise<void> {
  const path = own(folder, place);
  const writes = new Writes(`${place}.${life}`, how);
  for (let round = 0; round < rounds; round++) {
    const kind = kinds[round % kinds.length]!;
    try {
      await kind(writes, round % 3 === 0 ? join(folder, shared) : path, path);
      const stamp = inspect(readFileSync(path));
      const acknowledged = writes.last(path);
      if (acknowledged !== undefined && (stamp?.writer !== writes.writer || stamp.sequence !== acknowledged)) {
        print(
          `! ${place}: ${writes.writer} ${acknowledged} was acknowledged last, ${stamp?.writer} ${stamp?.sequence} is in place`,
        );
      }
      print(`${place} ${writes.writer} ${acknowledged ?? 0} ${writes.take()}`);
    } catch (error) {
      print(`! ${place}, ${kind.name}: ${(error as Error).message.replaceAll('\n', ' ')}`);
    }
  }
}

if (isMainThread) {
  const job = JSON.parse(process.argv[2] ?? '') as WriterJob;
  for (let number = 1; number < job.threads; number++) {
    const worker = new Worker(new URL(import.meta.url), { workerData: { job, place: `${job.place}-${number}` } });
    worker.on('error', (error) => print(`! ${job.place}-${number}: ${error.message}`));
  }
  await writeRounds(job, `${job.place}-0`);
} else {
  const { job, place } = workerData as { job: WriterJob; place: string };
  await writeRounds(job, place);
}
