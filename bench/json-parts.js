// Prints what the parts of writing 10 MB of JSON take, in milliseconds, in a fresh process. argv: a folder.
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from '#untorn/json/json-strict.js';
import { encode } from '#untorn/json/json-text.js';
import { jsonValue } from './content.js';

const value = jsonValue(10e6);
function timed(perform) {
  const begin = process.hrtime.bigint();
  const result = perform();
  return [Number(process.hrtime.bigint() - begin) / 1e6, result];
}
// Once before, since the first has to make room for all that follow.
JSON.stringify(value);
const [plain, text] = timed(() => JSON.stringify(value));
const [checked] = timed(() => stringify(value));
const [encoded, bytes] = timed(() => encode(text, '\n'));
const fd = openSync(join(process.argv[2], 'json'), 'w');
const [written] = timed(() => {
  for (let position = 0; position < bytes.length;) position += writeSync(fd, bytes, position);
  fsyncSync(fd);
});
closeSync(fd);
console.log(
  JSON.stringify({
    'JSON.stringify()': plain,
    'the look for what it would lose': checked - plain,
    'encoding': encoded,
    'write and fsync, at once': written,
  }),
);
