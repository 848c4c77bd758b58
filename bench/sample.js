// One sample, in a process of its own: prints what it took as JSON. argv: contender, and the job as JSON.
import { accessSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Readable } from 'node:stream';
import { content, jsonValue, target } from './content.js';
import { contenders } from './contenders.js';
import { load } from './peers.js';

const [name, given] = process.argv.slice(2);
const job = JSON.parse(given);
const { kind, api, count, size, chunk, durability, folder, warm } = job;
const run = contenders[name][api](await load(name), durability);
const contents = Array.from({ length: Math.min(count, 26) }, (_, number) =>
  content(kind === 'stream' || kind === 'json' ? 0 : size, number),
);

const kinds = {
  /** Each write awaited before the next. */
  async rewrite() {
    for (let number = 0; number < count; number++) await run(target(folder), contents[number % 26]);
  },
  rewriteSync() {
    for (let number = 0; number < count; number++) run(target(folder), contents[number % 26]);
  },
  /** Different files, all at once. */
  files() {
    const files = Array.from({ length: count }, (_, number) => ({
      path: join(folder, `file-${number}`),
      data: contents[number % 26],
    }));
    return api === 'writeAll' ? run(files) : Promise.all(files.map(({ path, data }) => run(path, data)));
  },
  /** The same file, all at once. */
  burst: () => Promise.all(Array.from({ length: count }, (_, number) => run(target(folder), contents[number % 26]))),
  stream: () => run(target(folder), source(size)),
  json: (value) => run(target(folder), value),
};

function source(bytes) {
  const piece = content(chunk, 0);
  let left = bytes;
  return new Readable({
    highWaterMark: chunk,
    read() {
      const part = left >= chunk ? piece : piece.subarray(0, left);
      left -= part.length;
      this.push(part.length === 0 ? null : part);
    },
  });
}

// A program begins cold: what a contender loads or compiles at its first write counts, unless that was asked for.
const first = join(warm, 'warm');
for (let made = 0; made < (job.warmed ? 2 : 0); made++)
  await run(first, { stream: () => source(chunk), json: () => ({}) }[kind]?.() ?? Buffer.from('warm'));
const value = kind === 'json' ? jsonValue(size) : undefined;

let descriptors = 0;
const counting = job.countDescriptors
  ? setInterval(() => (descriptors = Math.max(descriptors, readdirSync('/proc/self/fd').length)), 2)
  : undefined;
const delay = api === 'writeSync' ? undefined : monitorEventLoopDelay({ resolution: 1 });
if (job.marks) mark('begin');
const profiler = job.profiled ? (await import('./profiler.cjs')).default : undefined;
delay?.enable();
const used = process.cpuUsage();
profiler?.start();
const begin = process.hrtime.bigint();
const steps = kinds[api === 'writeSync' ? 'rewriteSync' : kind](value);
if (steps !== undefined) await steps;
const ms = Number(process.hrtime.bigint() - begin) / 1e6;
const profile = profiler?.stop();
delay?.disable();
const { user, system } = process.cpuUsage(used);
if (job.marks) mark('end');
clearInterval(counting);

/** A call that strace shows, and a function that V8's log shows when it is first called. */
function mark(which) {
  ({ begin: function untornBenchBegin() {}, end: function untornBenchEnd() {} })[which]();
  try {
    accessSync(`/untorn-bench-${which}`);
  } catch {
    // It is not there; that is all right.
  }
}

// The histogram holds times between two looks, a millisecond apart when nothing blocks.
const blocked = delay === undefined || delay.count === 0 ? undefined : Math.max(0, delay.max / 1e6 - 1);
console.log(
  JSON.stringify({
    ms,
    cpu: (user + system) / 1000,
    blocked,
    memory: process.resourceUsage().maxRSS * 1024,
    descriptors: descriptors || undefined,
    profile,
  }),
);
