// One scene in a process of its own, which the driver ends or limits: argv has what to do and the file.
import { readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import process from 'node:process';
import { createWriteStream, openPending, openPendingSync, sweep, writeFile, writeFileSync } from 'untorn';

const [, , scene, path] = process.argv;
const say = (what) => void console.log(JSON.stringify(what));

async function told(write) {
  try {
    const { bytes, notKept } = await write();
    return { bytes, notKept };
  } catch ({ code, outcome }) {
    return { code, outcome };
  }
}

/** A source, pending files and a stream, each half written. */
async function halfWritten() {
  const stalled = async function* () {
    yield 'half';
    await new Promise(() => {});
  };
  writeFile(path, stalled()).catch(() => {});
  const pending = await openPending(path);
  await pending.write('half');
  openPendingSync(path).write('half');
  await new Promise((resolve) => void createWriteStream(path).write('half', resolve));
  while (readdirSync(dirname(path)).filter((name) => name.includes('untorn-')).length < 4)
    await new Promise(setImmediate);
}

const scenes = {
  async wait() {
    setInterval(() => {}, 1000);
    await halfWritten();
    say('ready');
  },
  async exit() {
    await halfWritten();
    process.exit(7);
  },
  async uncaught() {
    await halfWritten();
    setImmediate(() => {
      throw new Error('uncaught');
    });
  },
  async sweep() {
    say((await sweep(dirname(path))).removed.length);
  },
  async limited() {
    const data = Buffer.alloc(30_000_000, 'new');
    say([await told(() => writeFile(path, data)), await told(() => writeFileSync(path, data))]);
  },
  async keep() {
    say([await told(() => writeFile(path, 'new')), await told(() => writeFileSync(path, 'newer'))]);
  },
};
await scenes[scene]();
