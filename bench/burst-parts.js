// Prints what the parts of a thousand writes of one file at once take, in milliseconds. argv: a folder.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { content } from './content.js';
import { contenders } from './contenders.js';
import { load } from './peers.js';

const [folder] = process.argv.slice(2);
const write = contenders.untorn.write(await load('untorn'), 'full');
const path = join(folder, 'state');
const data = content(1024, 0);
const ms = (begin) => Number(process.hrtime.bigint() - begin) / 1e6;
writeFileSync(path, data, { flush: true });
for (let made = 0; made < 2; made++) await write(join(folder, 'warm'), Buffer.from('warm'));

function make(count) {
  return Array.from({ length: count }, () => write(path, data));
}
async function burst(count) {
  const begin = process.hrtime.bigint();
  const writes = make(count);
  const made = ms(begin);
  await Promise.all(writes);
  return { made, all: ms(begin) };
}
const cold = await burst(1000);
const one = await burst(1);
for (let warmed = 0; warmed < 20; warmed++) await burst(1000);
const warm = await burst(1000);
console.log(
  JSON.stringify({
    'all of it, as in the table above': cold.all,
    'of that, until the calls have returned': cold.made,
    'one write more, alone': one.all,
    'all of it once V8 has compiled what runs often': warm.all,
    'of that, until the calls have returned (compiled)': warm.made,
  }),
);
