// One attempt, in a process of its own: does one thing with one contender and prints how it ended. argv: contender,
// operation, path, size.
import { Readable } from 'node:stream';
import { contenders } from './contenders.js';
import { load } from './peers.js';

const [name, operation, path, size = '5'] = process.argv.slice(2);
const library = await load(name);
const use = (api, durability = contenders[name].modes[0]) => contenders[name][api]?.(library, durability);
const write = use('write') ?? use('json') ?? use('end');
const isJson = contenders[name].write === undefined && contenders[name].json !== undefined;
const letters = (letter) => letter.repeat(Number(size));

async function* failing() {
  yield letters('n');
  throw new Error('the source failed');
}

const operations = {
  write: () => write(path, isJson ? letters('n') : Buffer.from(letters('n'))),
  writeString: () => write(path, letters('n')),
  elements: () => write(path, new Uint16Array([1, 2, 3, 4])),
  nothing: () => write(path, undefined),
  /** An async write, and while it is under way a sync one, which is the last call. */
  async syncAfterAsync() {
    const earlier = write(path, 'earlier');
    await new Promise((resolve) => setImmediate(resolve));
    (use('writeSync') ?? use('jsonSync'))(path, 'later');
    await earlier;
  },
  stream: () => use('stream')(path, Readable.from([letters('n')])),
  failingSource: () => use('stream')(path, Readable.from(failing())),
};

try {
  await operations[operation]();
  console.log('resolved');
} catch (error) {
  console.log(`rejected ${error.code ?? error.name}`);
}
