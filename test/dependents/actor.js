// A process that uses a dependent, in the project that has it, and says what happens in lines of JSON:
//   actor.js NAME FILE begin SIZE            writes the first content
//   actor.js NAME FILE replace SIZE          replaces it with the second
//   actor.js NAME FILE replace SIZE FILLER   fills the disk first, but for a quarter of that content
//   actor.js NAME FILE loop FIRST SIZE       says what is there, and writes one content after the other until it is killed
import { rmSync, statfsSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isWhole, subjects, valueOf } from './subjects.js';

const [name, file, what, ...given] = process.argv.slice(2);
const say = (value) => writeSync(1, `${JSON.stringify(value)}\n`);

/** An import by a file of the project. */
const { load } = await import(pathToFileURL(join(process.cwd(), 'load.mjs')).href);
const { prepare = () => undefined, write, read } = await subjects[name].open(file, load);

async function writeGeneration(generation, size) {
  const value = valueOf(generation, size);
  prepare(value);
  await write(value);
}

function fill(filler, room) {
  const { bavail, bsize } = statfsSync(dirname(filler));
  writeFileSync(filler, Buffer.alloc(bavail * bsize - room));
}

/** What is there now. */
async function found() {
  try {
    const value = await read();
    if (value === undefined || Object.keys(value).length === 0) return { state: 'nothing' };
    return isWhole(value) ? { state: 'whole', generation: value.generation } : { state: 'damaged' };
  } catch (error) {
    return { state: error.code === 'ENOENT' ? 'nothing' : 'damaged', error: String(error.message).slice(0, 200) };
  }
}

const deeds = {
  async begin(size) {
    await writeGeneration(1, size);
    say(await found());
  },
  async replace(size, filler) {
    const value = valueOf(2, size);
    prepare(value);
    if (filler !== undefined) fill(filler, size / 4);
    let result = 'success';
    try {
      await write(value);
    } catch (error) {
      result = error.code ?? String(error.message).slice(0, 200);
    }
    // A cache may write when it is read.
    if (filler !== undefined) rmSync(filler);
    say({ result, ...(await found()) });
  },
  async loop(first, size) {
    say(await found());
    for (let generation = first; ; generation++) {
      await writeGeneration(generation, size);
      say(generation);
    }
  },
};
await deeds[what](...given.map((text) => (/^\d+$/.test(text) ? Number(text) : text)));
