// Prints what a thousand new files at once do with the time: the program's own thread, and the others. argv: a
// contender, full|off, a folder.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { content } from './content.js';
import { contenders } from './contenders.js';
import { load } from './peers.js';

const [contender, durability, folder] = process.argv.slice(2);
const count = 1000;
let handedOver = 0;
for (const name of ['open', 'close', 'stat', 'lstat', 'statfs', 'write', 'fsync', 'rename']) {
  const original = fs[name];
  fs[name] = (...args) => (handedOver++, original(...args));
}
syncBuiltinESMExports();

const write = contenders[contender].write(await load(contender), durability);
const data = content(1024, 0);
const directory = fs.mkdtempSync(join(folder, 'files-'));
for (let made = 0; made < 2; made++) await write(join(folder, 'warm'), data);
handedOver = 0;
const begin = performance.now();
const before = process.cpuUsage();
const utilization = performance.eventLoopUtilization();
await Promise.all(Array.from({ length: count }, (_, number) => write(join(directory, `file-${number}`), data)));
const total = performance.now() - begin;
const { active } = performance.eventLoopUtilization(utilization);
const { user, system } = process.cpuUsage(before);
fs.rmSync(directory, { recursive: true });
console.log(
  JSON.stringify({
    'total, ms': total,
    'JavaScript and the event loop, ms': active,
    'processor time of the program, ms': user / 1000,
    'processor time of the system, ms': system / 1000,
    ...(handedOver > 0 && { 'calls handed to other threads for each file': handedOver / count }),
  }),
);
