// What untorn does in the process that runs this: argv has a folder that scenery.js prepared. Prints one line of JSON
// for each behaviour.
import assert from 'node:assert/strict';
import {
  chmodSync,
  createReadStream,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync as put,
} from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  atomicWrite,
  atomicWriteSync,
  createWritableStream,
  createWriter,
  createWriteStream,
  openPending,
  openPendingSync,
  readJson,
  readJsonSync,
  readVersioned,
  readVersionedSync,
  recover,
  recoverSync,
  replaceDirectory,
  replaceDirectorySync,
  sweep,
  sweepSync,
  transaction,
  transactionSync,
  updateFile,
  updateFileSync,
  updateJson,
  updateJsonSync,
  WriteError,
  writeFile,
  writeFileSync,
  writeJson,
  writeJsonSync,
} from 'untorn';

const folder = process.argv[2];
const text = (path) => readFileSync(path, 'utf8');
const failsWith = (code) => (error) => {
  assert.ok(WriteError.isWriteError(error), error?.stack);
  assert.deepEqual([error.code, error.outcome], [code, 'old']);
  return true;
};
const isAbort = (error) => error.name === 'AbortError' && error.code === 'ABORT_ERR';
async function* failing() {
  yield 'half';
  throw new Error('no more');
}

/** Each gets a folder of its own and the path of a file in it that holds 'old'. */
const behaviours = {
  async 'writeFile() replaces and creates'({ file, at }) {
    const result = await writeFile(file, 'new');
    assert.deepEqual(
      [result.path, result.bytes, result.replaced, result.atomic, text(file)],
      [file, 3, true, true, 'new'],
    );
    assert.match(String(result.durable), /^(true|unsupported)$/);
    assert.equal((await writeFile(at('created'), 'new')).replaced, false);
    for (const data of [
      Buffer.from('new'),
      new Uint8Array([110, 101, 119]),
      new Blob(['new']),
      new Blob(['new']).stream(),
      Readable.from(['n', 'ew']),
      ['n', 'ew'],
    ]) {
      await writeFile(at('created'), data);
      assert.equal(text(at('created')), 'new');
      put(at('created'), 'old');
    }
  },
  'writeFileSync() replaces and creates'({ file, at }) {
    assert.deepEqual([writeFileSync(file, 'new').replaced, text(file)], [true, 'new']);
    assert.deepEqual(
      [writeFileSync(at('created'), new Uint16Array([0x6168])).replaced, text(at('created'))],
      [false, 'ha'],
    );
  },
  async 'writes every durability, and parents'({ at }) {
    for (const durability of ['full', 'normal', 'off']) {
      const path = at(`${durability}/of/parents`);
      await writeFile(path, durability, { durability, makeParents: true });
      assert.equal(text(path), durability);
    }
  },
  async 'writes a large file whole'({ file }) {
    const large = Buffer.alloc(20_000_000, 'some text ');
    await writeFile(file, large);
    assert.ok(readFileSync(file).equals(large));
  },
  async 'atomicWrite() commits at a return and discards at a throw'({ file }) {
    await atomicWrite(file, async (pending) => {
      await pending.write('ne');
      await pending.writev(['w', Buffer.from('er')]);
      assert.equal(text(file), 'old');
    });
    assert.equal(text(file), 'newer');
    await assert.rejects(
      atomicWrite(file, async (pending) => {
        await pending.write('half');
        throw new Error('mine');
      }),
      { message: 'mine' },
    );
    atomicWriteSync(file, (pending) => void pending.write('sync'));
    assert.throws(
      () =>
        atomicWriteSync(file, (pending) => {
          pending.write('half');
          throw new Error('mine');
        }),
      { message: 'mine' },
    );
    assert.equal(text(file), 'sync');
  },
  async 'pending files commit, or are discarded'({ file }) {
    const pending = await openPending(file);
    await pending.write('by write, ');
    await pending.handle.write('by handle');
    await pending.commit();
    assert.deepEqual([text(file), pending.committed], ['by write, by handle', true]);
    const discarded = openPendingSync(file);
    discarded.write('half');
    discarded.discard();
    const streamed = await openPending(file);
    await pipeline(['by ', 'stream'], streamed.createWriteStream());
    await streamed.commit();
    assert.equal(text(file), 'by stream');
  },
  async 'createWriteStream() commits when it finishes'({ file, at }) {
    put(at('source'), Buffer.alloc(300_000, 'some text '));
    const stream = createWriteStream(file);
    await pipeline(createReadStream(at('source')), stream);
    assert.deepEqual([stream.result.bytes, text(file).length], [300_000, 300_000]);
  },
  async 'createWriteStream() keeps the old file when its source fails'({ file }) {
    await assert.rejects(pipeline(Readable.from(failing()), createWriteStream(file)), { message: 'no more' });
    await gone(file);
    assert.equal(text(file), 'old');
  },
  async 'createWriteStream() keeps the old file when it is destroyed'({ file }) {
    const stream = createWriteStream(file);
    await new Promise((resolve) => void stream.write('half', resolve));
    await new Promise((resolve) => void stream.on('close', resolve).destroy());
    assert.equal(text(file), 'old');
  },
  async 'createWritableStream() commits when it is closed'({ file }) {
    await new Response('new from the web').body.pipeTo(createWritableStream(file));
    assert.equal(text(file), 'new from the web');
  },
  async 'createWritableStream() keeps the old file when it is aborted'({ file }) {
    const writer = createWritableStream(file).getWriter();
    await writer.write('half');
    await writer.abort();
    assert.equal(text(file), 'old');
  },
  async 'keeps the old file when an iterable or a web stream fails'({ file }) {
    await assert.rejects(writeFile(file, failing()), { message: /no more/ });
    const source = new ReadableStream({ pull: (controller) => controller.error(new Error('no more')) });
    await assert.rejects(writeFile(file, source), { message: /no more/ });
    assert.equal(text(file), 'old');
  },
  async 'the last call wins, asynchronous'({ file }) {
    const results = await Promise.all(Array.from({ length: 50 }, (_, index) => writeFile(file, `content ${index}`)));
    assert.equal(text(file), 'content 49');
    assert.equal(results.at(-1).superseded, false);
  },
  async 'the last call wins, synchronous after asynchronous'({ file }) {
    for (let round = 0; round < 20; round++) {
      const earlier = writeFile(file, 'earlier');
      for (let turn = 0; turn < round; turn++) await new Promise(setImmediate);
      writeFileSync(file, 'later');
      await earlier;
      assert.equal(text(file), 'later');
    }
  },
  async 'overwrite: false creates once'({ file, at }) {
    await assert.rejects(writeFile(file, 'new', { overwrite: false }), failsWith('EEXIST'));
    assert.throws(() => writeFileSync(file, 'new', { overwrite: false }), failsWith('EEXIST'));
    const settled = await Promise.allSettled(
      Array.from({ length: 10 }, (_, index) => writeFile(at('once'), `${index}`, { overwrite: false })),
    );
    assert.equal(settled.filter(({ status }) => status === 'fulfilled').length, 1);
    assert.equal(text(file), 'old');
  },
  async 'ifUnchanged: skip leaves the file alone'({ file }) {
    const { ino } = statSync(file);
    assert.equal((await writeFile(file, 'old', { ifUnchanged: 'skip' })).unchanged, true);
    assert.equal(statSync(file).ino, ino);
    assert.equal((await writeFile(file, 'new', { ifUnchanged: 'skip' })).unchanged, false);
  },
  async 'backup keeps the replaced file'({ file, at }) {
    const { durable, backupPath } = await writeFile(file, 'new', { backup: 'simple' });
    assert.deepEqual([backupPath, durable !== false], [at('file~'), true]);
    writeFileSync(file, 'newer', { backup: 'numbered' });
    assert.deepEqual([text(at('file~')), text(at('file.~1~')), text(file)], ['old', 'new', 'newer']);
  },
  async 'mode is kept, or set as given'({ file, at }) {
    chmodSync(file, 0o640);
    await writeFile(file, 'new');
    writeFileSync(file, 'newer');
    assert.equal(statSync(file).mode & 0o7777, 0o640);
    await writeFile(at('secret'), 'new', { mode: 0o600 });
    writeFileSync(at('odd'), 'new', { mode: '751' });
    assert.deepEqual([statSync(at('secret')).mode & 0o7777, statSync(at('odd')).mode & 0o7777], [0o600, 0o751]);
  },
  async 'times are kept when asked for, or notKept says so'({ file }) {
    const { mtimeMs } = statSync(file);
    await new Promise((resolve) => void setTimeout(resolve, 20));
    const { notKept } = await writeFile(file, 'new', { preserve: { times: 'try' } });
    assert.notEqual(Math.abs(statSync(file).mtimeMs - mtimeMs) < 0.01, notKept.includes('times'));
  },
  async 'a symbolic link is followed, also a dangling one'() {
    const at = (name) => join(folder, 'links', name);
    const { path } = await writeFile(at('link'), 'by the link');
    assert.deepEqual(
      [text(at('file')), lstatSync(at('link')).isSymbolicLink(), path],
      ['by the link', true, at('file')],
    );
    writeFileSync(at('link'), 'again');
    await writeFile(at('dangling'), 'created');
    assert.deepEqual(
      [text(at('file')), text(at('absent')), lstatSync(at('dangling')).isSymbolicLink()],
      ['again', 'created', true],
    );
    await assert.rejects(writeFile(at('link'), 'new', { symlink: 'refuse' }), failsWith('ELOOP'));
  },
  async 'a FIFO and a directory are refused'({ at }) {
    const fifo = join(folder, 'links', 'fifo');
    if (lstatSync(fifo).isFIFO()) {
      await assert.rejects(writeFile(fifo, 'new'), (error) => error.outcome === 'old');
      assert.throws(
        () => writeFileSync(fifo, 'new'),
        (error) => error.outcome === 'old',
      );
    }
    mkdirSync(at('folder'));
    await assert.rejects(writeFile(at('folder'), 'new'), failsWith('EISDIR'));
    assert.throws(() => writeFileSync(at('folder'), 'new'), failsWith('EISDIR'));
  },
  async 'a missing directory is an error that says so'({ at }) {
    await assert.rejects(writeFile(at('none/file'), 'new'), failsWith('ENOENT'));
    assert.throws(() => writeFileSync(at('none/file'), 'new'), {
      code: 'ENOENT',
      message: /its directory does not exist/,
    });
    await assert.rejects(writeFile(at('file\0'), 'new'), TypeError);
  },
  async 'an abort keeps the old file'({ file }) {
    await assert.rejects(writeFile(file, 'new', { signal: AbortSignal.abort() }), isAbort);
    for (let turns = 0; turns < 5; turns++) {
      const controller = new AbortController();
      const slow = async function* () {
        yield 'half';
        await new Promise((resolve) => void setTimeout(resolve, 50));
      };
      const write = assert.rejects(writeFile(file, slow(), { signal: controller.signal }), isAbort);
      for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
      controller.abort();
      await write;
      assert.equal(text(file), 'old');
    }
  },
  async 'names that are not UTF-8 are written'({ at }) {
    const path = Buffer.concat([Buffer.from(at('')), Buffer.from([0x66, 0xff])]);
    await writeFile(path, 'new');
    writeFileSync(path, 'newer');
    assert.equal(readFileSync(path, 'utf8'), 'newer');
  },
  async 'updateFile() loses no update, and leaves no lock'({ file, at }) {
    const append =
      (letter) =>
      (old = '') =>
        old + letter;
    await Promise.all([...'abcdefgh'].map((letter) => updateFile(at('letters'), append(letter), 'utf8')));
    updateFileSync(at('letters'), append('i'), 'utf8');
    assert.equal(text(at('letters')), 'abcdefghi');
    await assert.rejects(
      updateFile(file, () => assert.throws(() => updateFileSync(file, () => 'new'), failsWith('ERR_LOCK_DEADLOCK'))),
      { code: 'ERR_INVALID_RETURN_VALUE' },
    );
    const lost = updateFile(file, () => {
      put(file, 'foreign');
      return 'new';
    });
    await assert.rejects(lost, failsWith('ERR_VERSION_CONFLICT'));
    assert.equal(text(file), 'foreign');
  },
  async 'ifMatch compares and swaps'({ file }) {
    const { content, version } = await readVersioned(file, 'utf8');
    assert.deepEqual([content, readVersionedSync(file).version], ['old', version]);
    await writeFile(file, 'new', { ifMatch: version });
    await assert.rejects(writeFile(file, 'newer', { ifMatch: version }), failsWith('ERR_VERSION_CONFLICT'));
    assert.equal(text(file), 'new');
  },
  async 'JSON is read, written and updated, its layout kept'({ file, at }) {
    await assert.rejects(readJson(file), { code: 'ERR_UNTORN_JSON_SYNTAX' });
    put(file, '{\n  "count": 1\n}\n');
    await writeJson(file, { count: 1 });
    await updateJson(file, ({ count }) => ({ count: count + 1 }));
    updateJsonSync(file, ({ count }) => ({ count: count + 1 }));
    assert.deepEqual([text(file), await readJson(file)], ['{\n  "count": 3\n}\n', { count: 3 }]);
    for (const write of [writeJson, async (...given) => writeJsonSync(...given)])
      await assert.rejects(write(file, { big: 1n }), TypeError);
    assert.deepEqual([readJsonSync(at('absent'), { initial: [] }), text(file).length], [[], 17]);
  },
  async 'createWriter() writes the newest value, by flush, flushSync and close'({ at }) {
    const file = at('state');
    const writer = createWriter(file);
    const results = await Promise.all(Array.from({ length: 100 }, (_, count) => writer.write({ count })));
    assert.deepEqual([text(file), new Set(results).size <= 2], ['{"count":99}\n', true]);
    void writer.write({ count: 100 });
    await writer.flush();
    assert.equal(text(file), '{"count":100}\n');
    void writer.write({ count: 101 });
    writer.flushSync();
    assert.equal(text(file), '{"count":101}\n');
    void writer.write({ count: 102 });
    await writer.close();
    assert.equal(text(file), '{"count":102}\n');
    await assert.rejects(writer.write({}), { code: 'ERR_INVALID_STATE' });
  },
  async 'transaction() changes all or nothing, and leaves no lock'({ file, at }) {
    mkdirSync(at('other'));
    put(at('gone'), 'old');
    await transaction(async (tx) => {
      await tx.writeFile(file, 'new');
      await tx.writeFile(at('other/created'), 'new');
      await tx.remove(at('gone'));
    });
    transactionSync((tx) => tx.rename(at('other/created'), at('moved')));
    await assert.rejects(
      transaction(async (tx) => {
        await tx.writeFile(file, 'newer');
        throw new Error('mine');
      }),
      { message: 'mine' },
    );
    assert.throws(
      () =>
        transactionSync((tx) => {
          tx.writeFile(file, 'newer');
          throw new Error('mine');
        }),
      { message: 'mine' },
    );
    assert.deepEqual(
      [text(file), text(at('moved')), readdirSync(at('')).toSorted(), readdirSync(at('other'))],
      ['new', 'new', ['file', 'moved', 'other'], []],
    );
    for (const { completed, removed, kept } of [await recover(at('')), recoverSync(at('other'))])
      assert.deepEqual([completed, removed, kept], [[], [], []]);
  },
  async 'replaceDirectory() swaps what a link leads to'({ at }) {
    const path = at('current');
    await replaceDirectory(path, (directory) => put(join(directory, 'file'), 'one'));
    const { durable } = replaceDirectorySync(path, (directory) => put(join(directory, 'file'), 'two'));
    // The old one stays where the link cannot be made durable: on a disk without a journal, without the native part.
    const left = durable === true ? 3 : 4;
    assert.deepEqual([text(join(path, 'file')), readdirSync(at('')).length], ['two', left]);
    await assert.rejects(
      replaceDirectory(path, () => {
        throw new Error('mine');
      }),
      { message: 'mine' },
    );
    assert.equal(text(join(path, 'file')), 'two');
  },
  async 'sweep() leaves a live writer alone'({ file, at }) {
    const pending = await openPending(file);
    for (const { kept, removed } of [await sweep(at('')), sweepSync(at(''))])
      assert.deepEqual([kept.map(({ reason }) => reason), removed], [['alive'], []]);
    await pending.discard();
  },
};

const temporaries = (path) => readdirSync(path).filter((name) => /untorn-(?!v-)/.test(name));

/** A stream may still be removing its file when a pipeline has failed. */
async function gone(file) {
  for (let turns = 0; turns < 200 && temporaries(join(file, '..')).length > 0; turns++)
    await new Promise((resolve) => void setTimeout(resolve, 5));
}

let number = 0;
for (const [name, behave] of Object.entries(behaviours)) {
  const own = join(folder, `${++number}`);
  mkdirSync(own);
  const at = (part) => join(own, part);
  put(at('file'), 'old');
  try {
    await Promise.race([
      behave({ file: at('file'), at }),
      new Promise((_, reject) => void setTimeout(() => reject(new Error('not settled after 20 s')), 20_000).unref()),
    ]);
    assert.deepEqual(temporaries(own), [], 'temporary files are left');
    console.log(JSON.stringify({ name }));
  } catch (error) {
    console.log(JSON.stringify({ name, failure: error?.stack ?? String(error) }));
  }
}
console.log(JSON.stringify({ ended: true }));
process.exit(0);
