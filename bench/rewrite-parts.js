// Prints where the time of a rewrite of 1 KiB goes, in microseconds: each call on files, and the JavaScript between them.
// argv: the package's URL, write|writeSync, full|off, a folder.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { median } from './statistics.js';

const [url, api, durability, folder] = process.argv.slice(2);
const count = 600;
const now = () => Number(process.hrtime.bigint()) / 1000;
let calls = [];

/** Calls of node:fs note when they began and ended: with a callback, when it is called. */
function timed(name, original) {
  return (...args) => {
    const call = { name: name.replace(/Sync$/, ''), begin: now() };
    calls.push(call);
    const done = args.at(-1);
    if (typeof done === 'function') args[args.length - 1] = (...results) => ((call.end = now()), done(...results));
    const result = original(...args);
    if (typeof done !== 'function') call.end = now();
    else call.handedOver = now();
    return result;
  };
}
for (const name of ['open', 'close', 'stat', 'lstat', 'fstat', 'statfs', 'write', 'fchmod', 'fsync', 'rename']) {
  fs[name] = timed(name, fs[name]);
  if (`${name}Sync` in fs) fs[`${name}Sync`] = timed(`${name}Sync`, fs[`${name}Sync`]);
}
syncBuiltinESMExports();

const { writeFile, writeFileSync } = await import(url);
const write = api === 'write' ? writeFile : writeFileSync;
const path = join(folder, 'state');
const data = Buffer.alloc(1024, 'x');
fs.writeFileSync(path, data);

/** What of the time from `begin` to `end` no call was under way: other calls may be at the same time, in other threads. */
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
for (let made = 0; made < count; made++) {
  calls = [];
  const begin = now();
  const writing = write(path, data, { durability });
  if (api === 'write') await writing;
  const end = now();
  const sample = { total: end - begin, JavaScript: between(begin, end) };
  for (const { name, begin: began, end: ended, handedOver } of calls) sample[name] = (sample[name] ?? 0) + ((ended ?? Infinity) > end ? handedOver : ended) - began;
  samples.push(sample);
}
const warm = samples.slice(count / 2);
console.log(JSON.stringify(Object.fromEntries(Object.keys(warm[0]).map((name) => [name, median(warm.map((sample) => sample[name] ?? 0))]))));
