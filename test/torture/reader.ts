/** A thread that never stops reading: each file is there, whole, and no writer's versions go back. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { inspect } from './content.ts';

const { folder, state } = workerData as { folder: string; state: Int32Array };
const targets = readdirSync(folder);
const latest = new Map<string, number>();

function look(name: string): string | undefined {
  let content;
  try {
    content = readFileSync(join(folder, name));
  } catch (error) {
    return `${name} cannot be read: ${(error as Error).message}`;
  }
  const stamp = inspect(content);
  if (stamp === undefined)
    return `${name} is torn: ${content.byteLength} bytes, ${JSON.stringify(content.toString('latin1', 0, 40))}`;
  const key = `${name} ${stamp.writer}`;
  const last = latest.get(key) ?? 0;
  if (stamp.sequence < last) return `${name} went back from ${stamp.writer} ${last} to ${stamp.sequence}`;
  latest.set(key, stamp.sequence);
  return undefined;
}

while (Atomics.load(state, 0) === 0) {
  for (const name of targets) {
    const violation = look(name);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has none
    if (violation !== undefined) parentPort?.postMessage(violation);
    Atomics.add(state, 1, 1);
  }
}
