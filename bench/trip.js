// Prints what one trip to another thread and back takes, and the same call made at once, in microseconds.
import { fstat, fstatSync, openSync } from 'node:fs';

const count = 3000;
const fd = openSync('/', 'r');
const perCall = (begin) => Number(process.hrtime.bigint() - begin) / 1000 / count;

async function trips() {
  const begin = process.hrtime.bigint();
  await new Promise((end) => {
    let left = count;
    const next = () => (left-- === 0 ? end() : fstat(fd, next));
    next();
  });
  return perCall(begin);
}

function atOnce() {
  const begin = process.hrtime.bigint();
  for (let made = 0; made < count; made++) fstatSync(fd);
  return perCall(begin);
}

await trips();
atOnce();
console.log(JSON.stringify({ trip: await trips(), atOnce: atOnce() }));
