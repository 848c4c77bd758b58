// Counts the calls on files that one rewrite makes, and looks what they make durable.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { contenders } from './contenders.js';
import { betweenMarks, canTrace, syncs, trace } from './trace.js';

const program = fileURLToPath(new URL('sample.js', import.meta.url));
const kinds = { write: 'rewrite', writeSync: 'rewrite', stream: 'stream', json: 'json' };

/** @param {{ folder: string }} run */
export function countCalls(run) {
  if (!canTrace) return [];
  const counted = [];
  for (const [name, contender] of Object.entries(contenders)) {
    for (const api of Object.keys(kinds).filter((each) => contender[each] !== undefined && name !== 'JSON.stringify')) {
      for (const durability of contender.modes)
        counted.push({ name, api, durability, ...once(run, name, api, durability) });
    }
  }
  return counted;
}

function once(run, name, api, durability) {
  const folder = join(run.folder, 'sample');
  const warm = join(run.folder, 'warm');
  for (const each of [folder, warm]) {
    rmSync(each, { recursive: true, force: true });
    mkdirSync(each);
  }
  // A mode that the umask does not give, so that keeping it costs what it costs.
  writeFileSync(join(folder, 'state'), 'old', { mode: 0o640 });
  const job = JSON.stringify({
    kind: kinds[api],
    api,
    count: 1,
    size: 1024,
    chunk: 1024,
    durability,
    folder,
    warm,
    // What is loaded at a first write is not what a write costs.
    warmed: true,
    marks: true,
  });
  const calls = betweenMarks(trace(join(run.folder, 'strace'), folder, process.execPath, [program, name, job]));
  return { calls: calls.length, names: calls.map((call) => call.name), ...syncs(calls, folder) };
}
