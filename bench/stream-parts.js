// Prints what a long stream does with its time and memory. argv: a contender, a folder, bytes.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { Readable } from 'node:stream';
import { content } from './content.js';
import { contenders } from './contenders.js';
import { load } from './peers.js';

const [contender, folder, size] = process.argv.slice(2);
const taken = {};
/** Adds up the time of a call that has a callback, while `measuring`. */
let measuring = false;
for (const name of ['write', 'writev', 'fdatasync', 'fsync']) {
  const original = fs[name];
  fs[name] = (...args) => {
    const begin = performance.now();
    const done = args.at(-1);
    args[args.length - 1] = (...results) => {
      if (measuring) taken[name] = (taken[name] ?? 0) + performance.now() - begin;
      done(...results);
    };
    return original(...args);
  };
}
syncBuiltinESMExports();

const piece = content(64 << 10, 0);
function source(left) {
  return new Readable({
    highWaterMark: piece.length,
    read() {
      this.push((left -= piece.length) < 0 ? null : piece);
    },
  });
}
const write = contenders[contender].stream(await load(contender), 'full');
fs.writeFileSync(join(folder, 'state'), 'old');
const before = process.memoryUsage.rss();
for (let made = 0; made < 2; made++) await write(join(folder, 'warm'), source(piece.length));
const warm = process.memoryUsage.rss();
measuring = true;
const begin = performance.now();
const utilization = performance.eventLoopUtilization();
await write(join(folder, 'state'), source(Number(size)));
const total = performance.now() - begin;
const { active } = performance.eventLoopUtilization(utilization);
const MiB = 1 << 20;
console.log(
  JSON.stringify({
    'stream, MiB': Number(size) / MiB,
    'total, ms': total,
    'JavaScript and the event loop, ms': active,
    ...Object.fromEntries(Object.entries(taken).map(([name, ms]) => [`${name}, ms`, ms])),
    'memory when loaded, MiB': before / MiB,
    'after a small stream, MiB': warm / MiB,
    'most, MiB': process.resourceUsage().maxRSS / 1024,
  }),
);
