/** A thread that never stops sweeping. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { sweepSync } from 'untorn';

const { folder, state, ruthless } = workerData as { folder: string; state: Int32Array; ruthless: boolean };

/** The control: every temporary file goes, whoever writes it. */
function sweepAll(): number {
  const names = readdirSync(folder).filter((name) => name.includes('untorn-'));
  for (const name of names) rmSync(join(folder, name), { force: true });
  return names.length;
}

while (Atomics.load(state, 0) === 0) {
  try {
    Atomics.add(state, 2, ruthless ? sweepAll() : sweepSync(folder).removed.length);
  } catch (error) {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has none
    parentPort?.postMessage(`The sweep failed: ${(error as Error).message}`);
  }
}
