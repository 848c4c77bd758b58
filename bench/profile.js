// Measures why some goals cannot be met: what a trip between threads takes, and what rewrites, bursts, streams, JSON,
// the import and the command are made of. Medians of fresh processes, part by part.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { moduleUrl } from './peers.js';
import { median } from './statistics.js';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const builtins = ['node:util/types', 'node:path', 'node:url', 'node:buffer', 'node:stream', 'node:fs'];
const fast = 'fast-write-atomic';
const rewrites = [
  ['write', 'full'],
  ['write', 'off'],
  ['writeSync', 'full'],
  ['writeSync', 'off'],
];
const titleOf = ([api, durability]) => `${api === 'write' ? 'async' : 'sync'}, \`'${durability}'\``;

/** @param {string} base where files can be made */
export function profile(base) {
  const folder = mkdtempSync(join(base, 'profile-'));
  try {
    return profileIn(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function profileIn(folder) {
  const run = (program, args = [], count = 5) =>
    mediansOf(
      Array.from({ length: count }, () =>
        JSON.parse(execFileSync(process.execPath, [here(program), ...args.map(String)], { encoding: 'utf8' })),
      ),
    );
  const large = 1 << 30;
  const replacing = (name, size) =>
    run('rewrite-parts.js', [name, 'write', 'full', folder, size, 1], size === large ? 3 : 15);
  return {
    trips: run('trip.js'),
    rewrites: Object.fromEntries(
      rewrites.map((way) => [titleOf(way), run('rewrite-parts.js', ['untorn', ...way, folder, 1024, 600])]),
    ),
    buffers: Object.fromEntries(
      [1 << 20, large].flatMap((size) =>
        ['untorn', fast].map((name) => [`${size >> 20} MiB, ${name}`, replacing(name, size)]),
      ),
    ),
    files: Object.fromEntries(
      ['untorn', fast]
        .map((name) => [`${name}, \`'full'\``, run('files-parts.js', [name, 'full', folder])])
        .concat(
          ['untorn', 'steno'].map((name) => [`${name}, \`'off'\``, run('files-parts.js', [name, 'off', folder])]),
        ),
    ),
    burst: run('burst-parts.js', [folder]),
    streams: Object.fromEntries(
      ['untorn', 'node:fs'].map((name) => [name, run('stream-parts.js', [name, folder, large], 3)]),
    ),
    json: run('json-parts.js', [folder]),
    import: run('import-parts.js', [moduleUrl('untorn'), ...builtins]),
    command: run('command-parts.js', [folder], 9),
  };
}

/** Part by part, over processes that had them. */
function mediansOf(samples) {
  const names = [...new Set(samples.flatMap(Object.keys))];
  return Object.fromEntries(
    names.map((name) => [name, median(samples.map((sample) => sample[name]).filter((value) => value !== undefined))]),
  );
}
