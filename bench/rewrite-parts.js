// Prints where the time of a rewrite goes, in microseconds: each call on files, and the JavaScript between them. argv:
// a contender, write|writeSync, full|off, a folder, bytes, how many rewrites: of many, the median of the second half.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { content } from './content.js';
import { contenders } from './contenders.js';
import { load } from './peers.js';
import { median } from './statistics.js';

const [contender, api, durability, folder, size, count] = process.argv.slice(2);
const now = () => Number(process.hrtime.bigint()) / 1000;
let calls = [];

/**
 * Calls note when they began and ended: with a callback, when it is called; and when they had been handed to another
 * thread.
 */
function timed(name, original) {
  return (...args) => {
    const call = { name: name.replace(/Sync$/, ''), begin: now() };
    calls.push(call);
    const done = args.at(-1);
    if (typeof done === 'function') args[args.length - 1] = (...results) => ((call.end = now()), done(...results));
    const result = original(...args);
    if (typeof result?.then === 'function')
      result.then(
        () => (call.end = now()),
        () => (call.end = now()),
      );
    else if (typeof done !== 'function') call.end = now();
    call.handedOver = now();
    return result;
  };
}
function time(library, names) {
  for (const name of names.flatMap((each) => [each, `${each}Sync`]))
    if (name in library) library[name] = timed(name, library[name]);
}
time(fs, ['open', 'close', 'stat', 'lstat', 'fstat', 'statfs', 'write', 'fchmod', 'fsync', 'fdatasync', 'rename']);
syncBuiltinESMExports();

const write = contenders[contender][api](await load(contender), durability);
const path = join(folder, 'state');
const data = content(Number(size), 0);
fs.writeFileSync(path, data, { flush: true });
for (let made = 0; made < 2; made++) await write(join(folder, 'warm'), Buffer.from('warm'));

/**
 * What of the time from `begin` to `end` no call was under way: other calls may be at the same time, in other threads.
 */
function between(begin, end) {
  let idle = 0;
  let until = begin;
  for (const call of calls.toSorted((a, b) => a.begin - b.begin)) {
    idle += Math.max(0, Math.min(call.begin, end) - until);
    // What is handed over and not waited for takes as long as handing it over.
    until = Math.max(until, call.end === undefined || call.end > end ? call.handedOver : call.end);
  }
  return idle + Math.max(0, end - until);
}

const samples = [];
for (let made = 0; made < Number(count); made++) {
  calls = [];
  const begin = now();
  const writing = write(path, data);
  if (api === 'write') await writing;
  const end = now();
  const sample = { total: end - begin, JavaScript: between(begin, end), 'handing over': 0 };
  for (const { name, begin: began, end: ended, handedOver } of calls) {
    if (began > end) continue;
    sample[name] = (sample[name] ?? 0) + ((ended ?? Infinity) > end ? handedOver : ended) - began;
    if (api === 'write' && ended !== handedOver) sample['handing over'] += handedOver - began;
  }
  samples.push(sample);
}
const warm = samples.slice(Math.floor(samples.length / 2));
const names = [...new Set(warm.flatMap(Object.keys))].filter((name) => api === 'write' || name !== 'handing over');
console.log(
  JSON.stringify(Object.fromEntries(names.map((name) => [name, median(warm.map((sample) => sample[name] ?? 0))]))),
);
